import type { Store } from './store.js';

/**
 * The events that make a page read the store: it may have slept, or been offline, while others
 * wrote.
 */
const returns = ['focus', 'pageshow', 'online', 'visibilitychange'];

/** Subscribers to keys, within this page or process. */
export const listeners = () => {
  const all = new Map<string, Set<() => void>>();
  return {
    subscribe(key: string, onChange: () => void): () => void {
      const own = () => onChange(); // two subscribers may pass the same function
      const those = all.get(key) ?? new Set();
      all.set(key, those.add(own));
      return () => {
        those.delete(own);
        if (!those.size && all.get(key) === those) all.delete(key);
      };
    },
    tell: (key: string) => all.get(key)?.forEach((hear) => hear()),
  };
};

/** Calls `look` whenever another writer may have changed a session's stored texts. */
export class Watch {
  #look: () => void;
  #ends = new Map<string, () => void>();
  #own = false;

  constructor(look: () => void) {
    this.#look = look;
  }

  /** Listens to a store for changes of a key. */
  key(store: Store, key: string): void {
    if (!this.#ends.has(key))
      this.#ends.set(
        key,
        store.subscribe!(key, () => this.#own || this.#look()),
      );
  }

  /**
   * Runs a write during which notifications of the store are ignored: a store that notifies at once
   * would notify the writer itself.
   */
  not<T>(act: () => T): T {
    this.#own = true;
    try {
      return act();
    } finally {
      this.#own = false;
    }
  }

  /**
   * Listens for a page that comes back. Not needed outside of pages, or if nobody else can write.
   */
  page(store: Store): void {
    if (store.local || typeof document !== 'object') return;
    const look = () => document.visibilityState !== 'hidden' && this.#look();
    returns.forEach((type) => addEventListener(type, look, true));
    this.#ends.set('', () => returns.forEach((type) => removeEventListener(type, look, true)));
  }

  end(): void {
    this.#ends.forEach((end) => end());
    this.#ends.clear();
  }
}
