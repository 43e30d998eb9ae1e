import { fits, named, subtle } from './algorithms.js';
import { base64url } from './bytes.js';
import { Failed } from './failed.js';
import type { Answers, Effects, Jwk } from './messages.js';
import { CLIENT_KEY, type KeyStore } from './keys.js';
import type { CryptoKey, CryptoKeyPair } from './web.js';

/** The places where a host finds keys. */
export interface Keys {
  /** Stores the keys that are made here. */
  keys: KeyStore;
  /** The client's own key, for signatures under the name {@link CLIENT_KEY}. */
  clientKey?: CryptoKey | undefined;
}

/** The last private keys of each place. A name never gets another key. */
const known = new WeakMap<KeyStore, Map<string, CryptoKey | undefined>>();
const MOST = 16;

/** Runs an operation of a store, so that its failures are distinguished from WebCrypto's. */
const stored = async <T>(work: () => T): Promise<Awaited<T>> => {
  try {
    return await work();
  } catch (error) {
    throw new Failed('storage', error);
  }
};

const generate = async (alg: string, extractable: boolean): Promise<CryptoKeyPair> => {
  const [algorithm, crypto] = [named(alg), subtle()];
  try {
    return (await crypto.generateKey(algorithm as EcKeyGenParams, extractable, ['sign', 'verify'])) as CryptoKeyPair;
  } catch {
    throw new Failed('unsupported'); // in this runtime
  }
};

/**
 * Gives the public key of a name, makes one, or deletes it. Private keys are made non-extractable:
 * not even this code can read them.
 */
export const key = async ({ name, alg, create, delete: remove }: Effects['key'], { keys }: Keys): Promise<Answers['key']> => {
  if (remove) {
    known.get(keys)?.delete(name);
    await stored(() => keys.delete(name));
    return {};
  }
  const algorithm = named(alg);
  const crypto = subtle();
  let pair = await stored(() => keys.load(name));
  if (!pair && create) {
    const made = await generate(alg, keys.insecureExtractable ?? false);
    // Another tab may have been faster: then its key stays.
    pair = await stored(() => keys.add(name, made));
  }
  if (!pair) return {};
  if (!fits(pair.publicKey, algorithm)) throw new Failed('denied');
  const { kty, crv, x, y, n, e } = await crypto.exportKey('jwk', pair.publicKey);
  return { jwk: { kty, crv, x, y, n, e } as Jwk };
};

/** Finds a private key. For a signature a look into IndexedDB takes longer than signing. */
const find = async (name: string, keys: KeyStore): Promise<CryptoKey | undefined> => {
  let held = known.get(keys);
  if (!held || held.size > MOST) known.set(keys, (held = new Map()));
  if (!held.get(name)) held.set(name, (await stored(() => keys.load(name)))?.privateKey);
  return held.get(name);
};

/**
 * Signs as in RFC 7515 section 5.1; WebCrypto's ECDSA signatures have the right form (RFC 7518
 * section 3.4).
 */
export const sign = async ({ key: name, alg, input }: Effects['sign'], { keys, clientKey }: Keys): Promise<Answers['sign']> => {
  const algorithm = named(alg);
  const crypto = subtle();
  const privateKey = name === CLIENT_KEY ? clientKey : await find(name, keys);
  if (!privateKey || !fits(privateKey, algorithm)) throw new Failed('denied');
  try {
    return { signature: base64url(new Uint8Array(await crypto.sign(algorithm, privateKey, new TextEncoder().encode(input)))) };
  } catch {
    throw new Failed('denied'); // the key is not for signing
  }
};
