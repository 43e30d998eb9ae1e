import { failure } from './error.js';
import { isRedirect } from './http.js';

type Run = (command: string, parameters: object) => Promise<any>;

/** Sends a request to a protected resource, once more after a 401 if the core has another token and the body can be sent again. */
export const fetchResource = async (run: Run, fetch: typeof globalThis.fetch, input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
  const first = new Request(input, init);
  const { signal } = first;
  /** Adds what the core says, and gives the value of the header that carries the token: the first. */
  const prepare = async ({ url, headers }: Request, rejected?: string): Promise<string> => {
    // Normalised, so that what the core judges is what fetch asks for. The query has no say in it (RFC 9449 section 4.2 for htu).
    const prepared = await run('prepare', { url: url.replace(/[?#].*/s, ''), rejected, signal });
    for (const [name, value] of prepared.headers) headers.set(name, value);
    return prepared.headers[0][1];
  };
  const send = async (request: Request) => {
    const response = await fetch(new Request(request, { redirect: 'manual' }));
    if (isRedirect(response)) throw failure('server', 'redirect', 'fetch');
    return response;
  };
  const sent = await prepare(first);
  const response = await send(first);
  if (response.status !== 401) return response;
  let again;
  try {
    again = new Request(input, init); // throws where the body is a stream that has been read
    await prepare(again, sent);
  } catch {
    signal.throwIfAborted();
    return response;
  }
  void response.body?.cancel();
  return send(again);
};
