import { database } from './database.js';
import type { Store } from './store.js';
import type { CryptoKeyPair } from './web.js';

/**
 * The name of the configured `client_key` in `sign` effects. Names of session keys begin with the
 * client's name and a dot.
 */
export const CLIENT_KEY = 'client_key';

/**
 * Where session keys are kept, to which access tokens are bound (RFC 9449). A key has to live as
 * long as the session in the {@link Store}: without the key its tokens are useless.
 */
export interface KeyStore {
  /**
   * Gives the pair of a name; `undefined` if there is none. A client does not ask again for the
   * last keys with which it signed, so a key that somebody else deletes may serve it longer.
   */
  load(name: string): Promise<CryptoKeyPair | undefined> | CryptoKeyPair | undefined;
  /**
   * Stores a pair unless the name has one already. Returns the stored one, so that concurrent
   * creates return the same key.
   */
  add(name: string, pair: CryptoKeyPair): Promise<CryptoKeyPair> | CryptoKeyPair;
  /** Deletes the pair of a name, if there is one. */
  delete(name: string): Promise<void> | void;
  /**
   * Makes private keys exportable, for stores that write them down. Then everybody who can read the
   * store, also a script, can use the tokens elsewhere. Default: nobody can export a key.
   */
  readonly insecureExtractable?: boolean;
}

/** Keys in memory: they end with the page or process. */
export const memoryKeys = (): KeyStore => {
  const map = new Map<string, CryptoKeyPair>();
  return {
    load: (name) => map.get(name),
    add(name, pair) {
      if (!map.has(name)) map.set(name, pair);
      return map.get(name)!;
    },
    delete: (name) => void map.delete(name),
  };
};

/** Keys in IndexedDB, shared by all tabs and workers of the origin. */
const indexedDBKeys = (): KeyStore => {
  const access = database<CryptoKeyPair>('oauth2-wasm.keys', 'keys');
  return {
    load: (name) => access(name, 'readonly', (pair) => pair),
    add: (name, pair) => access(name, 'readwrite', (kept, table) => kept ?? (table.put(pair, name), pair)),
    delete: (name) => access(name, 'readwrite', (_, table) => void table.delete(name)),
  };
};

const everyMemory = new WeakMap<Store, KeyStore>();

/**
 * In a page or worker keys are in IndexedDB, whatever the store: they have to survive the redirect
 * of a sign-in, and other tabs may share the session. That is not insecure: a script of the page
 * can sign with a key while it runs there, but not take the key away. Elsewhere, or if the browser
 * refuses storage, keys are in memory, for all clients of the same store.
 */
export const defaultKeys = (store: Store): KeyStore => {
  const memory = everyMemory.get(store) ?? memoryKeys();
  everyMemory.set(store, memory);
  if (!globalThis.indexedDB) return memory;
  const kept = indexedDBKeys();
  let chosen: Promise<KeyStore> | undefined;
  const keys = () =>
    (chosen ??= Promise.resolve(kept.load('')).then(
      () => kept,
      () => memory,
    ));
  return {
    load: async (name) => (await keys()).load(name),
    add: async (name, pair) => (await keys()).add(name, pair),
    delete: async (name) => (await keys()).delete(name),
  };
};
