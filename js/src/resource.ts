import { failure } from './error.js';
import type { Run } from './host.js';
import type { Commands } from './messages.js';
import { isRedirect, redirected, unless } from './http.js';
import type { Challenge } from './types.js';
import type { RequestInfo } from './web.js';

/** What a response wanted. A worker's answers get theirs by message. */
export const challenges = new WeakMap<Response, Challenge>();

/**
 * What a resource wanted that refused a request of {@link Client.fetch} (RFC 6750 section 3). With
 * `insufficient_user_authentication` a new sign-in with its `acr_values` and `max_age` gives a
 * token that will do (RFC 9470 section 4).
 *
 * @param response as `fetch` gave it, no copy
 * @returns `undefined` where the resource said nothing of the kind
 */
export const challengeOf = (response: Response): Challenge | undefined => challenges.get(response);

/**
 * Sends a request to a protected resource, and again for as long as the core has reason to and the
 * body can be sent again.
 */
export const fetchResource = async (run: Run, fetch: typeof globalThis.fetch, input: RequestInfo, init?: RequestInit): Promise<Response> => {
  let request = new Request(input, init);
  const { method } = request;
  // That of the caller: the request's own follows it only as long as nobody collects garbage.
  const signal = init && 'signal' in init ? init.signal : input instanceof Request ? input.signal : undefined;
  // Normalised, so that what the core judges is what fetch asks for. The query has no say in it
  // (RFC 9449 section 4.2 for htu).
  const url = request.url.replace(/[?#].*/s, '');
  let { headers: added, retried }: Partial<Commands['answered']['ok']> = await run('prepare', { url, method, signal });
  for (;;) {
    for (const [name, value] of added!) request.headers.set(name, value);
    const response = await unless(signal, fetch(new Request(request, { redirect: 'manual' })));
    if (isRedirect(response)) throw failure('server', 'redirect', 'fetch', redirected(response));
    const { status, headers } = response;
    if (status !== 401 && !headers.has('dpop-nonce') && !headers.has('www-authenticate')) return response;
    let sent: string | undefined = added![0]?.[1];
    try {
      request = new Request(input, init);
    } catch {
      sent = undefined; // the body was a stream, which has been read: no token is got in vain
    }
    const next: Commands['answered']['ok'] | void = await run('answered', { url, method, status, headers: [...headers], sent, retried, signal }).catch(() => signal?.throwIfAborted());
    if (next?.challenge) challenges.set(response, next.challenge);
    if (!next?.headers) return response;
    ({ headers: added, retried } = next);
    void response.body?.cancel();
  }
};
