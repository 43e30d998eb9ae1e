import { failure } from './error.js';

/**
 * Leaves the page. The promise stays pending while the page leaves, so that no code after it runs
 * in between. It rejects if the page stays: the browser refuses the URL, the user comes back by the
 * back/forward cache, or the signal aborts. Browsers do not report a navigation that silently fails
 * (the server answers 204, the user stops the browser); then only the signal ends the wait.
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
