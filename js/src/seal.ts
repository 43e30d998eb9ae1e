import { base64url, unbase64url } from './bytes.js';
import { Failed } from './failed.js';

/**
 * `node:crypto` of Node, Deno and Bun. What is sealed is short: WebCrypto would spend several times
 * as long on having a thread of its pool encrypt it.
 */
const native = (): typeof import('node:crypto') | undefined =>
  globalThis.navigator?.userAgent === 'Cloudflare-Workers' ? undefined : (globalThis.process as any)?.getBuiltinModule?.('node:crypto');

/** The keys of sealed texts, by id. The first one seals, all unseal. */
export type Ring = Map<string, Awaited<ReturnType<typeof crypto.subtle.importKey>>>;

/** The same keys as `node:crypto` has them. */
const natives = new WeakMap<object, import('node:crypto').KeyObject>();

const AES = 'AES-GCM';
/**
 * RFC 5116 section 5.3: 96 bits. They are random, so a key may seal 2^32 texts (NIST SP 800-38D
 * section 8.3).
 */
const NONCE = 12;
const TAG = 16;

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
    const raw = unbase64url(key);
    const made = await crypto.subtle.importKey('raw', raw, AES, false, ['encrypt', 'decrypt']);
    const own = native()?.createSecretKey(raw);
    if (own) natives.set(made, own);
    ring.set(id, made);
  }
  if (!ring.size) throw new Error('SEAL_KEYS: there is no key');
  return ring;
};

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const parameters = (iv: Uint8Array<ArrayBuffer>, context: string) => ({ name: AES, iv, additionalData: encoder.encode(context) });

/**
 * Encrypts a text: `ID.` and the base64url of nonce, ciphertext and tag. The context is
 * authenticated, and has to be known to unseal.
 */
export const seal = async (ring: Ring, text: string, context: string): Promise<string> => {
  const [id, key] = ring.entries().next().value!;
  const nonce = crypto.getRandomValues(new Uint8Array(NONCE));
  const own = natives.get(key);
  if (own) {
    const cipher = native()!.createCipheriv('aes-256-gcm', own, nonce, { authTagLength: TAG }).setAAD(encoder.encode(context));
    return `${id}.${Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString('base64url')}`;
  }
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
    const own = natives.get(key);
    const whole = own ? Buffer.from(body!, 'base64url') : unbase64url(body!);
    // The last character may contain unused bits; only one spelling is accepted.
    const rest = whole.length % 3;
    if (body!.length % 4 === 1 || (rest && base64url(whole.subarray(-rest)) !== body!.slice(-rest - 1))) throw new Failed('tampered');
    const nonce = whole.subarray(0, NONCE);
    if (!own)
      return decoder.decode(await crypto.subtle.decrypt(parameters(nonce as Uint8Array<ArrayBuffer>, context), key, whole.subarray(NONCE) as BufferSource));
    const cipher = native()!.createDecipheriv('aes-256-gcm', own, nonce, { authTagLength: TAG }).setAAD(encoder.encode(context));
    cipher.setAuthTag(whole.subarray(-TAG));
    const text = cipher.update(whole.subarray(NONCE, -TAG));
    cipher.final(); // throws where the tag is another
    return decoder.decode(text);
  } catch {
    throw new Failed('tampered');
  }
};
