import { failure } from './error.js';

/**
 * Leaves the page. The promise stays open while the page goes, so that no code behind it runs in
 * between. It rejects where the page stays after all: the browser refuses the URL, the user comes
 * back by the back/forward cache, or the signal says so. A navigation that comes to nothing without
 * a word (the server answers 204, the user stops the browser) no browser tells of: then the signal
 * alone ends the wait.
 *
 * @throws {OAuthError} kind `cancelled`, code `page_restored`
 */
export const leave = (url: string, op: string, signal?: AbortSignal | null): Promise<never> =>
  new Promise((_, reject) => {
    const once = new AbortController();
    const stay = (reason: unknown) => {
      once.abort();
      reject(reason);
    };
    signal?.addEventListener('abort', () => stay(signal.reason), { signal: once.signal });
    addEventListener('pageshow', ({ persisted }) => persisted && stay(failure('cancelled', 'page_restored', op)), { signal: once.signal });
    location.assign(url);
  });
