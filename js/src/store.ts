import { entropy } from './bytes.js';
import { listeners } from './watch.js';

/** What a key holds. */
export interface Stored {
  /** The text; left out where nothing is stored. */
  value?: string;
  /** Names this state of the key; `""` where nothing is stored. */
  version: string;
}

/**
 * Where sessions are kept. The texts hold tokens: whoever can read the store is signed in.
 *
 * A client never has two operations on one key under way at the same time; other clients, tabs or
 * processes may.
 */
export interface Store {
  /** Reads a key. */
  load(key: string): Promise<Stored> | Stored;
  /**
   * Replaces what a key holds, if that still has the version given (compare and set).
   *
   * @param key the key
   * @param version of what is replaced; `""` where nothing is expected to be stored
   * @param value the new text, or `null` to delete the key
   * @returns the new version, `""` after a deletion. No version may come twice for one key.
   * @throws {ConflictError} the key holds another version; any other error counts as a failure of
   * the store
   */
  store(key: string, version: string, value: string | null): Promise<string> | string;
  /**
   * Calls `onChange` after another writer changed a key. A client whose store has this counts on
   * it: it reads the key again when it is told, and else only for `status()`. Without it a client
   * also reads before it gives out a token, once a second at most. A call is no more than a hint:
   * it may come for nothing, and for the client's own writing.
   *
   * @returns a function that ends it
   */
  subscribe?(key: string, onChange: () => void): () => void;
  /**
   * Nobody outside this page or process, and nobody who was not given this very object, can use it:
   * locks among those do.
   */
  readonly local?: boolean;
}

/** A store's refusal to replace what another writer put there in the meantime. */
export class ConflictError extends Error {
  override readonly name = 'ConflictError';
}

/** The part of the Storage interface that a store needs. */
type Area = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

/**
 * Compare and set on an area that answers at once, so that nothing comes between the comparing and
 * the setting.
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
 * A store in memory: it ends with the page or process, and no script finds it unless handed the
 * object. Clients that are given the same store share what is in it.
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

/** One for all stores of the page, since they stand on one area. */
const inTab = listeners();

/**
 * A store in `sessionStorage`: a session survives reloads of its tab. Insecure because every script
 * that runs in a page of this origin can read the tokens; choose it only where losing the session
 * at a reload is worse than that.
 */
export const insecureSessionStore = (): Store => tab;

// One object, as it is one place: clients that are given it twice share a session.
const tab = areaStore(() => sessionStorage, inTab);

/**
 * Attempts to sign in have to survive the redirect to the server and back, and hold no token. Only
 * a page has a session storage of one user's own; in servers that offer the interface it would be
 * common to all their users.
 */
export const defaultPendingStore = (): Store => {
  try {
    if (typeof document === 'object' && sessionStorage) return insecureSessionStore();
  } catch {
    // A page in a sandbox, or with site data blocked, throws on access.
  }
  return memoryStore();
};
