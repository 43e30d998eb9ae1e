import { unbase64url } from './bytes.js';
import { type Effect, Failed } from './effects.js';

const names: Record<string, string> = { RS: 'RSASSA-PKCS1-v1_5', PS: 'RSA-PSS', ES: 'ECDSA' };

/** What WebCrypto calls an algorithm of RFC 7518 section 3.1, RFC 8037 or RFC 9864: for the key and for the signature in one. */
const named = (alg: string) => {
  if (alg === 'EdDSA' || alg === 'Ed25519') return { name: 'Ed25519', namedCurve: 'Ed25519' };
  const [, family, bits] = /^([RPE]S)(256|384|512)$/.exec(alg) ?? [];
  if (!family) throw new Failed('unsupported');
  const namedCurve = family === 'ES' ? `P-${bits === '512' ? 521 : bits}` : undefined;
  return { name: names[family]!, hash: `SHA-${bits}`, saltLength: +bits! / 8, namedCurve };
};

/** Whether a JWS signature is that of the key (RFC 7515 section 5.2). A key or signature that cannot be read has made none. */
export const verify = async ({ alg, jwk, input, signature }: Effect): Promise<{ valid: boolean }> => {
  const algorithm = named(alg);
  const { subtle } = crypto;
  if (!subtle) throw new Failed('unsupported'); // a page that came neither over https nor from this machine
  const { kty, crv, x, y, n, e } = jwk;
  try {
    // Runtimes differ in what they take for base64url, in whether they look at the curve, and at the length of a coordinate: half
    // that of a signature (RFC 7518 sections 3.4 and 6.2.1.2, RFC 8032 section 5.1).
    const misread =
      /[^\w-]/.test([x, y, n, e, signature].join('')) ||
      crv !== algorithm.namedCurve ||
      [x, y].some((coordinate) => coordinate && coordinate.length * 2 !== signature.length);
    if (misread) return { valid: false };
    const key = await subtle.importKey('jwk', { kty, crv, x, y, n, e }, algorithm as EcKeyImportParams, false, ['verify']);
    // RFC 7518 sections 3.3 and 3.5.
    if ((key.algorithm as RsaKeyAlgorithm).modulusLength < 2048) return { valid: false };
    return { valid: await subtle.verify(algorithm, key, unbase64url(signature), new TextEncoder().encode(input)) };
  } catch (error) {
    if ((error as Partial<Error>)?.name === 'NotSupportedError') throw new Failed('unsupported');
    return { valid: false };
  }
};
