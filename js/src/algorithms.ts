import { Failed } from './failed.js';

const names: Record<string, string> = { RS: 'RSASSA-PKCS1-v1_5', PS: 'RSA-PSS', ES: 'ECDSA' };

/** An algorithm in the form that all methods of WebCrypto accept. */
export interface Named extends Algorithm {
  namedCurve?: string | undefined;
  hash?: string;
  saltLength?: number;
  modulusLength?: number;
  publicExponent?: BufferSource;
}

/**
 * WebCrypto's description of an algorithm of RFC 7518 section 3.1, RFC 8037 or RFC 9864. The same
 * object works for generating a key, importing one, and signing.
 */
export const named = (alg: string): Named => {
  if (alg === 'EdDSA' || alg === 'Ed25519') return { name: 'Ed25519', namedCurve: 'Ed25519' };
  const [, family, bits] = /^([RPE]S)(256|384|512)$/.exec(alg) ?? [];
  if (!family) throw new Failed('unsupported');
  const namedCurve = family === 'ES' ? `P-${bits === '512' ? 521 : bits}` : undefined;
  const rsa = namedCurve ? {} : { modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) };
  return { name: names[family]!, hash: `SHA-${bits}`, saltLength: +bits! / 8, namedCurve, ...rsa };
};

/**
 * Whether a key is for the algorithm. WebCrypto itself would sign with a P-256 key over SHA-512, or
 * with a short RSA key.
 */
export const fits = ({ algorithm }: CryptoKey, { name, namedCurve, hash, modulusLength: least = 0 }: Named): boolean => {
  const of = algorithm as Partial<EcKeyAlgorithm & RsaHashedKeyAlgorithm>;
  return (of.modulusLength ?? 0) >= least && of.name === name && (of.namedCurve ?? namedCurve) === namedCurve && (of.hash?.name ?? hash) === hash;
};

/** WebCrypto. It is missing in a page that was loaded neither over https nor from this machine. */
export const subtle = (): SubtleCrypto => {
  if (!crypto.subtle) throw new Failed('unsupported');
  return crypto.subtle;
};

/** Whether an error means that the runtime does not know an algorithm, as opposed to a failure. */
export const isUnsupported = (error: unknown): boolean => (error as Partial<Error> | null)?.name === 'NotSupportedError';
