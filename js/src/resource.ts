import { failure } from './error.js';
import type { Run } from './host.js';
import type { Commands } from './messages.js';
import { isRedirect, redirected, unless } from './http.js';
import type { Challenge } from './types.js';
import type { RequestInfo } from './web.js';

/** The challenges of responses. Answers from a worker get theirs by message. */
export const challenges = new WeakMap<Response, Challenge>();

/**
 * What a resource asks for that refused a request of {@link Client.fetch} (RFC 6750 section 3).
 * With `insufficient_user_authentication`, sign in again with its `acr_values` and `max_age` to get
 * a token that the resource accepts (RFC 9470 section 4).
 *
 * @param response the very object that `fetch` gave, not a copy
 * @returns `undefined` if the response has no challenge
 */
export const challengeOf = (response: Response): Challenge | undefined => challenges.get(response);

/**
 * A request that follows no redirect. A second Request would cost as much as all the rest of
 * {@link fetchResource}, so there is one, unless `init` has members that a copy would not have.
 */
const outgoing = (input: RequestInfo, init?: RequestInit | null): Request =>
  Object.getPrototypeOf(init ?? {}) === Object.prototype
    ? new Request(input, { ...init, redirect: 'manual' })
    : new Request(new Request(input, init!), { redirect: 'manual' });

/**
 * Sends a request to a protected resource, and sends it again as long as the core asks for that and
 * the body can be sent again.
 */
export const fetchResource = async (run: Run, fetch: typeof globalThis.fetch, input: RequestInfo, init?: RequestInit): Promise<Response> => {
  let request = outgoing(input, init);
  const { method } = request;
  // The caller's signal: the request's own signal follows it only until the garbage collector runs.
  const signal = init && 'signal' in init ? init.signal : input instanceof Request ? input.signal : undefined;
  // Normalized by Request, so that the core checks the URL that fetch requests. The query does not
  // count (RFC 9449 section 4.2 for htu).
  const url = request.url.replace(/[?#].*/s, '');
  let { headers: added, retried }: Partial<Commands['answered']['ok']> = await run('prepare', { url, method, signal });
  for (;;) {
    for (const [name, value] of added!) request.headers.set(name, value);
    const response = await unless(signal, fetch(request));
    if (isRedirect(response)) throw failure('server', 'redirect', 'fetch', redirected(response));
    const { status, headers } = response;
    if (status !== 401 && !headers.has('dpop-nonce') && !headers.has('www-authenticate')) return response;
    let sent: string | undefined = added![0]?.[1];
    try {
      request = outgoing(input, init);
    } catch {
      sent = undefined; // the body was a stream, which has been read, so a new token would be useless
    }
    const next: Commands['answered']['ok'] | void = await run('answered', { url, method, status, headers: [...headers], sent, retried, signal }).catch(() =>
      signal?.throwIfAborted(),
    );
    if (next?.challenge) challenges.set(response, next.challenge);
    if (!next?.headers) return response;
    ({ headers: added, retried } = next);
    void response.body?.cancel();
  }
};
