import type { Store } from './store.js';

/** The part of the Web Locks interface (`navigator.locks`) that a client needs. */
export interface Locks {
  /**
   * Waits for the lock, holds it while the callback's promise is pending, and releases it.
   *
   * @param name the lock; one holder at a time
   * @param options `signal` ends the waiting, with its reason; it has no effect once the lock is
   * held
   * @param callback called when the lock is held
   */
  request(name: string, options: { signal: AbortSignal }, callback: () => Promise<void>): Promise<unknown>;
}

type Lines = Map<string, Promise<void>>;

/** The end of the line for each lock that is held or waited for, by what is locked. */
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
 * Web Locks reach across the tabs of an origin. A store that is local needs less: a server's
 * sessions must not wait for each other. Where others may share the store and there are no Web
 * Locks (pages without TLS), a lock would promise more than it keeps, so there is none: the core
 * then goes by the store's compare-and-set. Those of Node reach no other process, and sessions of
 * one name in other stores would wait for each other, so they are none either. IndexedDB tells a
 * browser: it has the same reach.
 */
export const defaultLocks = (store: Store): Locks | undefined => {
  if (store.local) return storeLocks(store);
  return globalThis.indexedDB ? globalThis.navigator?.locks : undefined;
};
