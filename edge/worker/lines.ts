/**
 * How long a lock is held without a word of its holder, in ms. A holder says something every third
 * of it.
 */
export const LEASE_MS = 15_000;

interface Holder {
  token: string;
  /** In Unix ms: then somebody else may have it. */
  until: number;
}

interface Waiter {
  /** Gives the lock, or nothing. */
  call(token?: string): void;
}

/**
 * Locks by name, each with a line of those who wait for it. Whoever holds one and dies loses it
 * after the lease. Whoever waits and dies leaves the line.
 */
export class Lines {
  #holders = new Map<string, Holder>();
  #waiters = new Map<string, Waiter[]>();

  /**
   * Waits for a lock.
   *
   * @param gone aborted when who asked does not wait any more
   * @returns a name for having it; `undefined` where the time was over
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
      // Awake when a lease may have run out, which nobody tells.
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
   * The holder is alive. After a restart of the object, which forgot the lock, it has it again
   * unless somebody else does.
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

  /** Gives the lock to the first in the line, if it is free. */
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
