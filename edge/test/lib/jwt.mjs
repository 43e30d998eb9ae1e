// Makes and reads JSON Web Tokens for tests, with node:crypto.
import { createHash, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { newJwk } from '../../../js/test/lib/keys.mjs';

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const decode = (part) => JSON.parse(Buffer.from(part, 'base64url'));
const p1363 = 'ieee-p1363';

/** A private JWK for ES256, with a kid. */
export const newKey = (kid) => ({ ...newJwk('ec', { namedCurve: 'P-256' }), alg: 'ES256', kid });

/** RFC 7638 section 3. */
export const thumbprint = ({ crv, kty, x, y }) => createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url');

/** Signs with ES256. `sealWith`, if given, makes the signature of the text instead of the key. */
export const jwt = (
  header,
  claims,
  jwk,
  sealWith = (text) => sign('sha256', text, { key: createPrivateKey({ key: jwk, format: 'jwk' }), dsaEncoding: p1363 }),
) => {
  const text = `${encode(header)}.${encode(claims)}`;
  return `${text}.${sealWith(Buffer.from(text)).toString('base64url')}`;
};

/** Header and claims of a token that the key signed with ES256. Default: the key in the header. */
export const read = (token, jwk) => {
  const [head, body, signature] = token.split('.');
  const header = decode(head);
  const key = createPublicKey({ key: jwk ?? header.jwk, format: 'jwk' });
  if (!verify('sha256', Buffer.from(`${head}.${body}`), { key, dsaEncoding: p1363 }, Buffer.from(signature, 'base64url'))) throw new Error('bad signature');
  return { header, claims: decode(body) };
};
