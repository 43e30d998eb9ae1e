/**
 * How long a lock is held without being renewed, in ms. Holders renew it after a third of that
 * time.
 */
export const LEASE_MS = 15_000;

interface Holder {
  token: string;
  /** In Unix ms: after that another waiter may get it. */
  until: number;
}

interface Waiter {
  /** Called with the lock's token, or without one. */
  call(token?: string): void;
}

/**
 * Locks by name, each with a queue of waiters. A holder that dies loses the lock after the lease. A
 * waiter that dies leaves the queue.
 */
export class Lines {
  #holders = new Map<string, Holder>();
  #waiters = new Map<string, Waiter[]>();

  /**
   * Waits for a lock.
   *
   * @param gone aborted when the caller no longer waits
   * @returns the token of the holder; `undefined` after a timeout
   */
  wait(name: string, ms: number, gone: AbortSignal): Promise<string | undefined> {
    return new Promise((resolve) => {
      const line = this.#waiters.get(name) ?? [];
      this.#waiters.set(name, line);
      const end = Date.now() + ms;
      let clock: ReturnType<typeof setTimeout>;
      const call = (token?: string) => {
        clearTimeout(clock);
        resolve(token);
      };
      const waiter = { call };
      const leave = () => {
        if (line.includes(waiter)) line.splice(line.indexOf(waiter), 1);
        call();
      };
      // Wakes up when a lease may have expired, because nothing notifies of that.
      const watch = () => {
        const now = Date.now();
        if (now >= end) return leave();
        const until = this.#holders.get(name)?.until ?? now;
        clock = setTimeout(
          () => {
            this.#serve(name);
            if (line.includes(waiter)) watch();
          },
          Math.max(1, Math.min(end, until) - now),
        );
      };
      gone.addEventListener('abort', leave);
      line.push(waiter);
      this.#serve(name);
      if (line.includes(waiter)) watch();
    });
  }

  /**
   * Renews the lock. A restart of the object loses its locks; then the holder gets it back, unless
   * another one has it.
   */
  renew(name: string, token: string): void {
    const holder = this.#holders.get(name);
    if (!holder || holder.token === token) this.#holders.set(name, { token, until: Date.now() + LEASE_MS });
  }

  leave(name: string, token: string): void {
    if (this.#holders.get(name)?.token !== token) return;
    this.#holders.delete(name);
    this.#serve(name);
  }

  /** Gives the lock to the first in the queue, if it is free. */
  #serve(name: string): void {
    const holder = this.#holders.get(name);
    if (holder && holder.until > Date.now()) return;
    const line = this.#waiters.get(name);
    const first = line?.shift();
    if (!line?.length) this.#waiters.delete(name);
    if (!first) return;
    const token = crypto.randomUUID();
    this.#holders.set(name, { token, until: Date.now() + LEASE_MS });
    first.call(token);
  }
}
