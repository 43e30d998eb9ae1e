import { isStrong, isUnsupported, type Named, named, subtle } from './algorithms.js';
import { base64url, unbase64url } from './bytes.js';
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

type VerifyRSA = (algorithm: Named, n: Uint8Array, e: Uint8Array, signature: Uint8Array, input: Uint8Array) => Promise<boolean>;

let elsewhere: VerifyRSA | undefined;

/**
 * For runtimes whose WebCrypto does not read every RSA key that hosts have to take (core/testdata/README.md, "Keys"): what verifies then.
 *
 * @internal
 */
export const useRSA = (verifyRSA: VerifyRSA): void => {
  elsewhere = verifyRSA;
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
      [x, y, n, e, signature].some((text) => text && base64url(unbase64url(text)) !== text) ||
      crv !== algorithm.namedCurve ||
      [x, y].some((coordinate) => coordinate && coordinate.length * 2 !== signature.length);
    if (misread) return { valid: false };
    const [made, text] = [unbase64url(signature), new TextEncoder().encode(input)];
    const [modulus, exponent] = [n, e].map((number) => unbase64url(number ?? '')) as [Uint8Array, Uint8Array];
    if (kty === 'RSA' && (!isStrong(modulus, exponent) || made.length !== modulus.length)) return { valid: false };
    const usual = async () => crypto.verify(algorithm, await read(crypto, { kty, crv, x, y, n, e }, algorithm), made as BufferSource, text);
    const valid = await usual().catch((error) => {
      if (kty !== 'RSA' || !elsewhere) throw error;
      return elsewhere(algorithm, modulus, exponent, made, text);
    });
    return { valid };
  } catch (error) {
    if (isUnsupported(error)) throw new Failed('unsupported');
    return { valid: false };
  }
};
