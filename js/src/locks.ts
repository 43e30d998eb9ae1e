import type { Store } from './store.js';

/** The part of the Web Locks interface (`navigator.locks`) that a client needs. */
export interface Locks {
  /**
   * Waits for the lock, holds it while the callback's promise is pending, and releases it.
   *
   * @param name the lock; one holder at a time
   * @param options `signal` ends the wait, with its reason; it has no effect once the lock is held
   * @param callback called when the lock is held
   */
  request(name: string, options: { signal: AbortSignal }, callback: () => Promise<void>): Promise<unknown>;
}

type Lines = Map<string, Promise<void>>;

/** The last waiter for each lock, by its name. */
const everyLine = new WeakMap<Store, Lines>();

/** Locks among the clients of one store within a page or process. */
const storeLocks = (store: Store): Locks => {
  const lines: Lines = everyLine.get(store) ?? new Map();
  everyLine.set(store, lines);
  return {
    async request(name, { signal }, callback) {
      const before = lines.get(name);
      const turn = (async () => {
        await before;
        if (!signal.aborted) await callback();
      })();
      // A callback that fails must not fail those behind it in the line.
      const line = turn.catch(() => {});
      lines.set(name, line);
      void line.then(() => lines.get(name) === line && lines.delete(name));
      await new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
        turn.then(resolve, reject);
      });
    },
  };
};

/**
 * Web Locks work across the tabs of an origin. A local store needs less, and sessions of a server
 * must not wait for each other. If a store may be shared and there are no Web Locks (pages without
 * TLS), there is no lock: the core then relies on the store's compare-and-set. Node's Web Locks are
 * not used: they do not reach other processes, and sessions of one name in different stores would
 * wait for each other. IndexedDB shows that this is a browser: it has the same reach as Web Locks.
 */
export const defaultLocks = (store: Store): Locks | undefined => {
  if (store.local) return storeLocks(store);
  return globalThis.indexedDB ? globalThis.navigator?.locks : undefined;
};
