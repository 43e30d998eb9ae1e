/** The number of texts at most. Each has 16 KiB at most. */
const MOST = 1000;

/**
 * Texts that an isolate keeps between requests, and may lose: for the effects `recall` and
 * `remember`.
 */
export class Memory {
  /** In the order of insertion. */
  #texts = new Map<string, { text: string; expires_at: number }>();

  recall(key: string): string | undefined {
    const { text, expires_at: end } = this.#texts.get(key) ?? {};
    if (end === undefined || end > Date.now()) return text;
    this.#texts.delete(key);
    return undefined;
  }

  /** `expires_at` is in Unix ms. If there are too many texts, the oldest is dropped. */
  remember(key: string, text: string, expires_at: number): void {
    this.#texts.delete(key); // moves it to the end
    this.#texts.set(key, { text, expires_at });
    const now = Date.now();
    for (const [oldest, { expires_at: end }] of this.#texts) {
      if (end > now && this.#texts.size <= MOST) break;
      this.#texts.delete(oldest);
    }
  }
}
