import { entropy } from './bytes.js';
import { listeners } from './watch.js';

/** The value of a key. */
export interface Stored {
  /** The text; left out if nothing is stored. */
  value?: string;
  /** Names this state of the key; `""` if nothing is stored. */
  version: string;
}

/**
 * Where sessions are stored. The texts contain tokens: somebody who can read the store can act as
 * the user.
 *
 * A client never has two operations on one key under way at the same time; other clients, tabs or
 * processes may.
 */
export interface Store {
  /** Reads a key. */
  load(key: string): Promise<Stored> | Stored;
  /**
   * Replaces the value of a key, if it still has the given version (compare-and-set).
   *
   * @param key the key
   * @param version of the value that is replaced; `""` if nothing is expected to be stored
   * @param value the new text, or `null` to delete the key
   * @returns the new version, `""` after a deletion. No version may come twice for one key.
   * @throws {ConflictError} the key holds another version; any other error counts as a failure of
   * the store
   */
  store(key: string, version: string, value: string | null): Promise<string> | string;
  /**
   * Calls `onChange` after another writer changed a key. A client relies on it: it reads the key
   * again when told so, and otherwise only for `status()`. With a store without it, a client also
   * reads before it gives out a token, at most once a second. A call is only a hint: it may also
   * come without a change, or for the client's own write.
   *
   * @returns a function that ends the subscription
   */
  subscribe?(key: string, onChange: () => void): () => void;
  /**
   * True if only this page or process can use the store, through this object: then locks within it
   * suffice.
   */
  readonly local?: boolean;
}

/** Thrown by a store if another writer has changed the value meanwhile. */
export class ConflictError extends Error {
  override readonly name = 'ConflictError';
}

/** The part of the Storage interface that a store needs. */
type Area = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

/**
 * Compare-and-set on a synchronous area: nothing can happen between the comparison and the write.
 */
const areaStore = (area: () => Area, { subscribe, tell } = listeners()): Store => {
  const load = (key: string): Stored => {
    const text = area().getItem(key);
    if (text === null) return { version: '' };
    const end = text.indexOf(' ');
    return { version: text.slice(0, end), value: text.slice(end + 1) };
  };
  return {
    load,
    subscribe,
    store(key, version, value) {
      if (load(key).version !== version) throw new ConflictError('oauth2-wasm: store: conflict');
      if (value === null) {
        area().removeItem(key);
        tell(key);
        return '';
      }
      // Random, because a counter kept with the text would begin again after a deletion and give a
      // version twice.
      const next = entropy().slice(0, 22);
      area().setItem(key, next + ' ' + value);
      tell(key);
      return next;
    },
  };
};

/**
 * A store in memory: it ends with the page or process, and scripts cannot find it without the
 * object. Clients with the same store share its values.
 */
export const memoryStore = (): Store => {
  const map = new Map<string, string>();
  const area: Area = {
    getItem: (key) => map.get(key) ?? null,
    setItem: (key, text) => void map.set(key, text),
    removeItem: (key) => void map.delete(key),
  };
  return { ...areaStore(() => area), local: true };
};

/** One for all stores of the page, because they use the same area. */
const inTab = listeners();

/**
 * A store in `sessionStorage`: a session survives reloads of its tab. Insecure because every script
 * that runs in a page of this origin can read the tokens. Choose it only if losing the session at a
 * reload is worse than that.
 */
export const insecureSessionStore = (): Store => tab;

// Always the same object, because it is one place: clients that use it share a session.
const tab = areaStore(() => sessionStorage, inTab);

/**
 * Attempts to sign in have to survive the redirect to the server and back, and contain no token.
 * Only in a page does a session storage belong to one user; on servers that offer the interface all
 * users would share it.
 */
export const defaultPendingStore = (): Store => {
  try {
    if (typeof document === 'object' && sessionStorage) return insecureSessionStore();
  } catch {
    // A page in a sandbox, or with site data blocked, throws on access.
  }
  return memoryStore();
};
