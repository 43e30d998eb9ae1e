/** So many texts at most; each has 16 KiB at most. */
const MOST = 1000;

/** What an isolate keeps between requests, and may lose: the effects `recall` and `remember`. */
export class Memory {
  #texts = new Map<string, { text: string; expires_at: number }>();

  recall(key: string): string | undefined {
    const { text, expires_at: end } = this.#texts.get(key) ?? {};
    if (end === undefined || end > Date.now()) return text;
    this.#texts.delete(key);
    return undefined;
  }

  /** `expires_at` is in Unix ms. Where there are too many, the one that was remembered first goes. */
  remember(key: string, text: string, expires_at: number): void {
    this.#texts.set(key, { text, expires_at });
    if (this.#texts.size > MOST) this.#texts.delete(this.#texts.keys().next().value!);
  }
}
