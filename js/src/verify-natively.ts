import type { Named } from './algorithms.js';
import type { Effects } from './messages.js';

/** `node:crypto` of Node. Deno and Bun only imitate it. */
const native = (): typeof import('node:crypto') | undefined =>
  'Deno' in globalThis || 'Bun' in globalThis || globalThis.navigator?.userAgent === 'Cloudflare-Workers'
    ? undefined
    : (globalThis.process as any)?.getBuiltinModule?.('node:crypto');

/** The last keys, by their text. */
const known = new Map<string, import('node:crypto').KeyObject>();
const MOST = 16;

/** The base64url of a modulus of 4,096 bits is this long. */
const LONGEST = 683;

/**
 * Verifies a signature at once in Node: to have a thread of its pool verify it, as WebCrypto does,
 * costs more time than the signature itself. This blocks other work, so it is only for keys that do
 * not take long. `undefined`: WebCrypto must say.
 */
export const verifyNatively = (
  { name, namedCurve, hash, saltLength }: Named,
  jwk: Effects['verify']['jwk'],
  signature: Uint8Array,
  input: Uint8Array,
): boolean | undefined => {
  const crypto = native();
  const { kty, crv, x, y, n, e } = jwk;
  if (!crypto || (n ? n.length > LONGEST || e !== 'AQAB' || namedCurve : crv !== namedCurve)) return undefined;
  try {
    const text = JSON.stringify([kty, crv, x, y, n]);
    let key = known.get(text);
    if (!key) {
      key = crypto.createPublicKey({ key: { kty, crv, x, y, n, e } as import('node:crypto').JsonWebKey, format: 'jwk' });
      if (known.size === MOST) known.clear();
      known.set(text, key);
    }
    const { constants } = crypto;
    const padding = name === 'RSA-PSS' ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: saltLength! } : {};
    return crypto.verify(hash?.replace('SHA-', 'sha'), input, { key, dsaEncoding: 'ieee-p1363', ...padding }, signature);
  } catch {
    return undefined;
  }
};
