import { isUnsupported, type Named, named, subtle } from './algorithms.js';
import { unbase64url } from './bytes.js';
import { Failed } from './failed.js';
import type { Answers, Effects } from './messages.js';

/** Imported keys, by their text: a server has few keys, which sign many tokens. */
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

type VerifyNatively = (algorithm: Named, jwk: Effects['verify']['jwk'], signature: Uint8Array, input: Uint8Array) => boolean | undefined;

let elsewhere: VerifyRSA | undefined;
let natively: VerifyNatively | undefined;

/**
 * Sets the verifiers beside WebCrypto.
 *
 * @param rsa for runtimes whose WebCrypto does not accept every RSA key that hosts have to accept
 * (core/contract/README.md, "Keys")
 * @param before is asked before WebCrypto
 * @internal
 */
export const useVerifiers = (rsa: VerifyRSA, before?: VerifyNatively): void => {
  elsewhere = rsa;
  natively = before;
};

/**
 * Whether a JWS signature is that of the key (RFC 7515 section 5.2). The module has checked the
 * form of both (core/contract/README.md, "Keys"). If a key still cannot be imported, the signature
 * is not valid.
 */
export const verify = async ({ alg, jwk, input, signature }: Effects['verify']): Promise<Answers['verify']> => {
  const algorithm = named(alg);
  const crypto = subtle();
  const { kty, crv, x, y, n, e } = jwk;
  try {
    // A signature is as long as the modulus, or as two coordinates. Not every runtime checks that
    // (RFC 7518 sections 3.3 to 3.5, RFC 8032 section 5.1).
    if (signature.length !== (n ? n.length : 2 * x!.length)) return { valid: false };
    const [made, text] = [unbase64url(signature), new TextEncoder().encode(input)];
    const usual = async () => crypto.verify(algorithm, await read(crypto, { kty, crv, x, y, n, e } as JsonWebKey, algorithm), made, text);
    const valid =
      natively?.(algorithm, jwk, made, text) ??
      (await usual().catch((error) => {
        if (!n || !elsewhere) throw error;
        return elsewhere(algorithm, unbase64url(n), unbase64url(e!), made, text);
      }));
    return { valid };
  } catch (error) {
    if (isUnsupported(error)) throw new Failed('unsupported');
    return { valid: false };
  }
};
