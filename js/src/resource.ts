import { failure } from './error.js';
import { isRedirect } from './http.js';

type Run = (command: string, parameters: object) => Promise<any>;

/** Sends a request to a protected resource, once more after a 401 if that is possible. */
export const fetchResource = async (run: Run, fetch: typeof globalThis.fetch, input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
  const request = new Request(input, init);
  const { signal } = request;
  const send = async (request: Request) => {
    // Normalised, so that what the core judges is what fetch asks for. The query has no say in it (RFC 9449 section 4.2 for htu).
    const { headers } = await run('prepare', { url: request.url.replace(/[?#].*/s, ''), signal });
    for (const [name, value] of headers) request.headers.set(name, value);
    const response = await fetch(new Request(request, { redirect: 'manual' }));
    if (isRedirect(response)) throw failure('server', 'redirect', 'fetch');
    return response;
  };
  const response = await send(request);
  if (response.status !== 401) return response;
  let again;
  try {
    again = new Request(input, init); // throws where the body is a stream that has been read
    await run('token', { force: true, signal });
  } catch {
    signal.throwIfAborted();
    return response;
  }
  void response.body?.cancel();
  return send(again);
};
