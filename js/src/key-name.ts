/** The name in RFC 7518 or RFC 9864 of an algorithm of WebCrypto. */
export const nameOf = ({ name, ...rest }: { name: string }): string => {
  const { namedCurve = '', hash } = rest as { namedCurve?: string; hash?: { name: string } };
  if (name === 'ECDSA') return `ES${namedCurve === 'P-521' ? 512 : namedCurve.slice(2)}`;
  return hash ? (name === 'RSA-PSS' ? 'PS' : 'RS') + hash.name.slice(4) : name;
};
