/** So many texts at most; each has 16 KiB at most. */
const MOST = 1000;

/** What an isolate keeps between requests, and may lose: the effects `recall` and `remember`. */
export class Memory {
  /** In the order in which they came. */
  #texts = new Map<string, { text: string; expires_at: number }>();

  recall(key: string): string | undefined {
    const { text, expires_at: end } = this.#texts.get(key) ?? {};
    if (end === undefined || end > Date.now()) return text;
    this.#texts.delete(key);
    return undefined;
  }

  /** `expires_at` is in Unix ms. Where there are too many, the oldest goes. */
  remember(key: string, text: string, expires_at: number): void {
    this.#texts.delete(key); // and so to the end
    this.#texts.set(key, { text, expires_at });
    const now = Date.now();
    for (const [oldest, { expires_at: end }] of this.#texts) {
      if (end > now && this.#texts.size <= MOST) break;
      this.#texts.delete(oldest);
    }
  }
}
