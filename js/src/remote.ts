// Common parts of stores on servers: operations that survive a short failure of the server or the
// network, and locks with a lease.
import { ConflictError, type Locks, type Store } from './index.js';

/** A store that deletes expired values by itself. */
export interface ExpiringStore extends Store {
  /**
   * Like `store`, for a text that expires at `until`, in Unix milliseconds by the clock of the
   * server: after that `load` no longer finds it.
   *
   * @throws {ConflictError} if the key holds another version; any other error counts as a failure
   * of the store
   */
  storeUntil(key: string, version: string, value: string, until: number): Promise<string>;
}

/**
 * How long a lock lives unless its holder renews it, in ms. It is longer than a request to the
 * authorization server may take (30 s), so that no lock expires during a request. It is shorter
 * than the 60 s that the engine waits, so that a waiter gets the lock of a holder that died.
 */
export const DEFAULT_LEASE = 40_000;

/** How long an operation is retried, and how long one try may take, in ms. */
const PATIENCE = 20_000;
export const ATTEMPT = 3_000;

const sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(clock);
      reject(signal!.reason);
    };
    const clock = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    if (signal?.aborted) stop();
    signal?.addEventListener('abort', stop, { once: true });
  });

/**
 * A random part of a time, half of it at least, so that those who began together do not retry
 * together.
 */
const jitter = (ms: number) => (ms * (1 + Math.random())) / 2;

class Late extends Error {}

/**
 * Stops waiting for an answer, which then counts as lost. `signal` withdraws what was not sent yet.
 */
const within = async <T>(ms: number, operation: (signal: AbortSignal) => Promise<T>): Promise<T> => {
  let clock: ReturnType<typeof setTimeout>;
  const controller = new AbortController();
  const late = new Promise<never>((_, reject) => {
    clock = setTimeout(() => {
      reject(new Late('no answer in time'));
      controller.abort();
    }, ms);
  });
  try {
    return await Promise.race([operation(controller.signal), late]);
  } finally {
    clearTimeout(clock!);
  }
};

/** Says whether an error may go away by itself. */
export type Passing = (error: unknown) => boolean;

/**
 * Retries an operation until it succeeds or fails permanently. It must be idempotent, because after
 * a lost answer nobody knows whether it was carried out.
 */
export const persist = async <T>(passing: Passing, operation: (again: boolean, signal: AbortSignal) => Promise<T>): Promise<T> => {
  const limit = Date.now() + PATIENCE;
  for (let pause = 20, again = false; ; pause = Math.min(2 * pause, 1000), again = true) {
    try {
      return await within(ATTEMPT, (signal) => operation(again, signal));
    } catch (error) {
      const lasts = error instanceof ConflictError || !(error instanceof Late || passing(error));
      if (lasts || Date.now() + pause > limit) throw error;
      await sleep(jitter(pause));
    }
  }
};

export const conflict = () => new ConflictError('oauth2-wasm: store: conflict');

/**
 * Stores who holds which lock, by the clock of its server. Each method is one idempotent operation;
 * `signal` withdraws it if it was not sent yet.
 */
export interface Table {
  /** Gives the lock to the holder for `lease` ms, if nobody holds it, or the holder does. */
  take(name: string, holder: string, lease: number, signal: AbortSignal): Promise<boolean>;
  /** Renews the lease, if the holder has the lock. */
  renew(name: string, holder: string, lease: number, signal: AbortSignal): Promise<boolean>;
  /** Releases the lock, if the holder has it. */
  free(name: string, holder: string, signal: AbortSignal): Promise<unknown>;
}

/**
 * Locks over a table. Within the process those who wait for a lock get it in the order in which
 * they came.
 */
export const leases = (table: Table, passing: Passing, lease = DEFAULT_LEASE): Locks => {
  if (!(lease >= 1000)) throw new RangeError(`oauth2-wasm: a lease of ${lease} ms is too short: it has to be 1,000 at least, and longer than a request takes`);
  const lines = new Map<string, Promise<void>>();

  const take = async (name: string, holder: string, signal: AbortSignal) => {
    for (let look = 5; ; look = Math.min(2 * look, 100)) {
      try {
        if (await within(ATTEMPT, (signal) => table.take(name, holder, lease, signal))) return;
      } catch (error) {
        // If the lock failed, the core would go on without it. So permanent errors are retried,
        // too, until the time is over.
        look = error instanceof Late || passing(error) ? 100 : 1000;
      }
      await sleep(jitter(look), signal);
    }
  };

  /**
   * Renews the lock until it is stopped. A lock that was lost meanwhile is not taken again: the
   * store's versions show who was first.
   */
  const renew = async (name: string, holder: string, signal: AbortSignal) => {
    for (let next = lease / 3; ; ) {
      await sleep(next, signal);
      try {
        if (!(await within(Math.min(ATTEMPT, lease / 3), (signal) => table.renew(name, holder, lease, signal)))) return;
        next = lease / 3;
      } catch {
        next = lease / 10;
      }
    }
  };

  return {
    async request(name, { signal }, callback) {
      signal.throwIfAborted();
      let leave!: () => void;
      const turn = new Promise<void>((resolve) => (leave = resolve));
      const before = lines.get(name);
      const line = (before ?? Promise.resolve()).then(() => turn);
      lines.set(name, line);
      void line.then(() => lines.get(name) === line && lines.delete(name));
      const holder = crypto.randomUUID();
      const free = () => persist(passing, (_, signal) => table.free(name, holder, signal)).catch(() => {}); // its lease expires by itself
      try {
        if (before) {
          await new Promise<void>((resolve, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason), { once: true });
            void before.then(resolve);
          });
        }
        try {
          await take(name, holder, signal);
        } catch (error) {
          void free(); // a lost answer may have granted us the lock
          throw error;
        }
        const stop = new AbortController();
        renew(name, holder, stop.signal).catch(() => {});
        try {
          await callback();
        } finally {
          stop.abort();
          await free();
        }
      } finally {
        leave();
      }
    },
  };
};
