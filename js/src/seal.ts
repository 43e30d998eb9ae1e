import { base64url, unbase64url } from './bytes.js';
import { Failed } from './failed.js';

/** The keys of sealed texts, by id. The first one seals, all unseal. */
export type Ring = Map<string, Awaited<ReturnType<typeof crypto.subtle.importKey>>>;

const AES = 'AES-GCM';
/**
 * RFC 5116 section 5.3: 96 bits. They are random, so a key may seal 2^32 texts (NIST SP 800-38D
 * section 8.3).
 */
const NONCE = 12;

/**
 * Reads a key ring: `ID:KEY` with commas or white space between them, the newest first. KEY is 32
 * random bytes in base64url.
 *
 * @throws {Error} if the text is no key ring; the message contains at most ids of it
 */
export const readRing = async (text: string): Promise<Ring> => {
  const ring: Ring = new Map();
  for (const [i, one] of text
    .split(/[\s,]+/)
    .filter(Boolean)
    .entries()) {
    const [, id, key] = /^([\w-]{1,32}):([\w-]{43})=?$/.exec(one) ?? [];
    if (!id || !key) throw new Error(`SEAL_KEYS: key ${i + 1} is not ID:KEY, where KEY is 32 bytes in base64url`);
    if (ring.has(id)) throw new Error(`SEAL_KEYS: two keys are called ${id}`);
    ring.set(id, await crypto.subtle.importKey('raw', unbase64url(key), AES, false, ['encrypt', 'decrypt']));
  }
  if (!ring.size) throw new Error('SEAL_KEYS: there is no key');
  return ring;
};

const encoder = new TextEncoder();
const parameters = (iv: Uint8Array<ArrayBuffer>, context: string) => ({ name: AES, iv, additionalData: encoder.encode(context) });

/**
 * Encrypts a text: `ID.` and the base64url of nonce, ciphertext and tag. The context is
 * authenticated, and has to be known to unseal.
 */
export const seal = async (ring: Ring, text: string, context: string): Promise<string> => {
  const [id, key] = ring.entries().next().value!;
  const nonce = crypto.getRandomValues(new Uint8Array(NONCE));
  const sealed = new Uint8Array(await crypto.subtle.encrypt(parameters(nonce, context), key, encoder.encode(text)));
  const whole = new Uint8Array(NONCE + sealed.length);
  whole.set(nonce);
  whole.set(sealed, NONCE);
  return `${id}.${base64url(whole)}`;
};

/**
 * @throws {Failed} `tampered`: the text was not sealed in this format, or with another key, or for
 * another context
 */
export const unseal = async (ring: Ring, sealed: string, context: string): Promise<string> => {
  const [, id, body] = /^([\w-]+)\.([\w-]+)$/.exec(sealed) ?? [];
  const key = id && ring.get(id);
  if (!key) throw new Failed('tampered');
  try {
    const whole = unbase64url(body!);
    // The last character may contain unused bits; only one spelling is accepted.
    if (base64url(whole) !== body) throw new Failed('tampered');
    const text = await crypto.subtle.decrypt(parameters(whole.subarray(0, NONCE), context), key, whole.subarray(NONCE));
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(text);
  } catch {
    throw new Failed('tampered');
  }
};
