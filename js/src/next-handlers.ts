import type { Backend } from './bff.js';

/** The names that a route of Next exports. */
export type NextMethod = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS';

/**
 * Decompresses an answer, because Next drops the header `content-encoding`. The upstream server was
 * asked not to compress, so few answers need it.
 */
const unpacked = (response: Response): Response => {
  const { status, headers, body } = response;
  const encoding = headers.get('content-encoding');
  if (!body || encoding === null) return response;
  try {
    const stream = new DecompressionStream(encoding.replace('x-', '') as CompressionFormat);
    headers.delete('content-encoding');
    return new Response(body.pipeThrough(stream as ReadableWritablePair<Uint8Array, Uint8Array>), { status, headers });
  } catch {
    void body.cancel();
    const error = { error: 'upstream_unsupported', error_description: 'The server behind compressed its answer in a way that Next cannot pass on.' };
    return Response.json(error, { status: 502, headers: { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' } });
  }
};

/**
 * Serves a backend as a route handler of Next's App Router: in `app/auth/[...path]/route.ts`, and
 * in one more route for each path of the proxy.
 *
 * `export const { GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS } = nextHandlers(open, { after })`
 *
 * Next's `request.url` has the address at which the server listens, and not the host that the
 * browser requested; so the host comes from the header Host. Next rewrites the query before it
 * calls a handler (`?a` becomes `?a=`, and it groups fields with the same name). We send a space in
 * it as `%20`, which every server reads in the same way.
 *
 * @param open opens the backend. It is called with the first request, and not on import, because
 * `next build` imports the route without the secrets. Put it in its own module, so that all routes
 * share one backend
 * @param options `after` is that of `next/server`. With it `next start`, when it is told to end,
 * waits also for work that goes on after its browser has left: a refresh
 */
export const nextHandlers = (
  open: () => Promise<Pick<Backend, 'fetch'>>,
  { after }: { after?: (work: Promise<unknown>) => void } = {},
): Record<NextMethod, (request: Request) => Promise<Response>> => {
  let opened: Promise<Pick<Backend, 'fetch'>> | undefined;
  const handle = async (request: Request): Promise<Response> => {
    opened ??= open();
    const backend = await opened.catch((error) => {
      opened = undefined; // the next request tries again
      throw error;
    });
    let asked: Request;
    try {
      const { protocol, pathname, search } = new URL(request.url);
      asked = new Request(`${protocol}//${request.headers.get('host')}${pathname}${search.replaceAll('+', '%20')}`, request);
    } catch {
      return new Response(null, { status: 400, headers: { 'cache-control': 'no-store' } });
    }
    // Next compresses answers itself.
    asked.headers.set('accept-encoding', 'identity');
    return unpacked(await backend.fetch(asked, after && { waitUntil: after }));
  };
  return { GET: handle, HEAD: handle, POST: handle, PUT: handle, PATCH: handle, DELETE: handle, OPTIONS: handle };
};
