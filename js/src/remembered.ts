/**
 * What a page keeps in the browser's own storage. A page may be denied it, and it may be full: then
 * nothing is remembered.
 */
export const remembered = (kind: 'localStorage' | 'sessionStorage') => ({
  get(key: string): string | null {
    try {
      return globalThis[kind].getItem(key);
    } catch {
      return null;
    }
  },

  /** `null` forgets. @returns whether it worked */
  set(key: string, value: string | null): boolean {
    try {
      if (value === null) globalThis[kind].removeItem(key);
      else globalThis[kind].setItem(key, value);
      return true;
    } catch {
      return false;
    }
  },
});
