import { isUnsupported, type Named, named, subtle } from './algorithms.js';
import { unbase64url } from './bytes.js';
import { type Effect, Failed } from './effects.js';

/** Keys that were read, by their text: a server has few, and they sign many tokens. */
const known = new Map<string, CryptoKey>();
const MOST = 16;

const read = async (crypto: SubtleCrypto, jwk: JsonWebKey, algorithm: Named): Promise<CryptoKey> => {
  const text = JSON.stringify([jwk, algorithm]);
  let key = known.get(text);
  if (!key) {
    key = await crypto.importKey('jwk', jwk, algorithm as EcKeyImportParams, false, ['verify']);
    if (known.size === MOST) known.clear();
    known.set(text, key);
  }
  return key;
};

/** Whether a JWS signature is that of the key (RFC 7515 section 5.2). A key or signature that cannot be read has made none. */
export const verify = async ({ alg, jwk, input, signature }: Effect): Promise<{ valid: boolean }> => {
  const algorithm = named(alg);
  const crypto = subtle();
  const { kty, crv, x, y, n, e } = jwk;
  try {
    // Runtimes differ in what they take for base64url, in whether they look at the curve, and at the length of a coordinate: half
    // that of a signature (RFC 7518 sections 3.4 and 6.2.1.2, RFC 8032 section 5.1).
    const misread =
      /[^\w-]/.test([x, y, n, e, signature].join('')) ||
      crv !== algorithm.namedCurve ||
      [x, y].some((coordinate) => coordinate && coordinate.length * 2 !== signature.length);
    if (misread) return { valid: false };
    const key = await read(crypto, { kty, crv, x, y, n, e }, algorithm);
    // RFC 7518 sections 3.3 and 3.5.
    if ((key.algorithm as RsaKeyAlgorithm).modulusLength < 2048) return { valid: false };
    return { valid: await crypto.verify(algorithm, key, unbase64url(signature), new TextEncoder().encode(input)) };
  } catch (error) {
    if (isUnsupported(error)) throw new Failed('unsupported');
    return { valid: false };
  }
};
