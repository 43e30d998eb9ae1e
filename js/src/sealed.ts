/**
 * Encrypts what a client stores, so that access to the store alone gives no token and no key.
 *
 * @packageDocumentation
 */
import { named } from './algorithms.js';
import { base64, unbase64 } from './bytes.js';
import type { KeyStore, Store } from './index.js';
import { nameOf } from './key-name.js';
import type { ExpiringStore } from './remote.js';
import { readRing, seal, unseal } from './seal.js';

export type { ExpiringStore } from './remote.js';

/** The options of a client that are sealed. */
export interface Sealed<S extends Store> {
  /** Sessions. */
  store: S;
  /** Attempts to sign in: another process may get the callback. */
  pendingStore: S;
  /** The keys of sessions (RFC 9449), in the same store. */
  keys: KeyStore;
}

// A text is sealed for its key: somebody who can write to the store cannot swap texts.
const ENTRY = 'entry ';
/** Also the name under which a key is stored: no name of the core contains a space. */
const KEY = 'key ';

/** Makes a new key for the ring: `ID:KEY`, with a random ID of 8 letters. */
export const newSealKey = (): string => {
  const letters = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => 'abcdefghijklmnopqrstuvwxyz234567'[byte & 31]).join('');
  return `${letters}:${base64(crypto.getRandomValues(new Uint8Array(32)))
    .replace(/=+$/, '')
    .replaceAll('+', '-')
    .replaceAll('/', '_')}`;
};

/**
 * Seals a store with AES-256-GCM, in the format of all hosts of this project.
 *
 * @param kept the shared store, which gets sessions, attempts and keys
 * @param seals the keys, the newest first: `ID:KEY` with commas or white space between them; ID is
 * 1 to 32 letters, digits, `-` and `_`, KEY 32 random bytes in base64url. The first seals, any
 * unseals. If a session cannot be unsealed, its user signs in again.
 * @throws {Error} if `seals` cannot be read; the message contains no key
 */
export const sealed = async <S extends Store | ExpiringStore>(kept: S, seals: string): Promise<Sealed<S>> => {
  const ring = await readRing(seals);
  const opened = async (text: string, context: string) => unseal(ring, text, context).catch(() => '');
  const store: Store & Partial<ExpiringStore> = {
    async load(key) {
      const { value, version } = await kept.load(key);
      // An empty text with its version: a new sign-in replaces it.
      return value === undefined ? { version } : { version, value: await opened(value, ENTRY + key) };
    },
    store: async (key, version, value) => kept.store(key, version, value === null ? null : await seal(ring, value, ENTRY + key)),
  };
  if ('storeUntil' in kept) store.storeUntil = async (key, version, value, until) => kept.storeUntil(key, version, await seal(ring, value, ENTRY + key), until);

  /** The text of a key is its algorithm and the base64 of PKCS #8 (RFC 5958). */
  const read = async (name: string, text: string | undefined) => {
    const [alg, encoded] = (text ? await opened(text, KEY + name) : '').split(' ');
    if (!encoded) return undefined;
    try {
      const algorithm = named(alg!) as EcKeyImportParams;
      const raw = unbase64(encoded);
      const readable = await crypto.subtle.importKey('pkcs8', raw, algorithm, true, ['sign']);
      const { kty, crv, x, y, n, e } = await crypto.subtle.exportKey('jwk', readable);
      const members = Object.entries({ kty, crv, x, y, n, e }).filter(([, value]) => value !== undefined);
      return {
        privateKey: await crypto.subtle.importKey('pkcs8', raw, algorithm, false, ['sign']),
        publicKey: await crypto.subtle.importKey('jwk', Object.fromEntries(members), algorithm, true, ['verify']),
      };
    } catch {
      return undefined;
    }
  };
  const keys: KeyStore = {
    insecureExtractable: true, // to store it; a loaded key is not extractable
    load: async (name) => read(name, (await kept.load(KEY + name)).value),
    async add(name, pair) {
      const { value, version } = await kept.load(KEY + name);
      const there = await read(name, value);
      if (there) return there;
      const raw = new Uint8Array(await crypto.subtle.exportKey('pkcs8', pair.privateKey));
      const text = await seal(ring, `${nameOf(pair.privateKey.algorithm)} ${base64(raw)}`, KEY + name);
      try {
        await kept.store(KEY + name, version, text);
        return pair;
      } catch (error) {
        // If another process was first, its key stays.
        const first = (error as Partial<Error>).name === 'ConflictError' && (await read(name, (await kept.load(KEY + name)).value));
        if (!first) throw error;
        return first;
      }
    },
    async delete(name) {
      const { value, version } = await kept.load(KEY + name);
      if (value === undefined) return;
      try {
        await kept.store(KEY + name, version, null);
      } catch (error) {
        if ((error as Partial<Error>).name !== 'ConflictError') throw error; // otherwise another process has deleted it
      }
    },
  };
  return { store: store as S, pendingStore: store as S, keys };
};
