import type { IncomingMessage, ServerResponse } from 'node:http';

/** A handler of `node:http`, which Express and Connect take too. */
export type NodeHandler = (incoming: IncomingMessage, outgoing: ServerResponse) => Promise<void>;

/** A body as a stream of the web. What breaks off fails. */
const bodyOf = (incoming: IncomingMessage): ReadableStream<Uint8Array> => {
  const pieces = incoming[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await pieces.next();
      if (!done) controller.enqueue(new Uint8Array(value));
      else if (incoming.complete) controller.close();
      else controller.error(new Error('the request broke off'));
    },
  });
};

const requestOf = (incoming: IncomingMessage): Request | undefined => {
  const { method = 'GET', rawHeaders } = incoming;
  const headers = new Headers();
  for (let i = 0; i < rawHeaders.length; i += 2) headers.append(rawHeaders[i]!, rawHeaders[i + 1]!);
  // Under a path of Express's, `url` is what is left of it.
  const { originalUrl: target = incoming.url! } = incoming as { originalUrl?: string };
  const { encrypted } = incoming.socket as { encrypted?: boolean };
  const has = headers.has('transfer-encoding') || Number(headers.get('content-length') ?? 0) > 0;
  const body = has && method !== 'GET' && method !== 'HEAD' ? bodyOf(incoming) : null;
  return new Request(`http${encrypted ? 's' : ''}://${incoming.headers.host}${target}`, { method, headers, body, duplex: 'half' } as RequestInit);
};

/** Writes a body as it comes. One that fails is cut off, and so the connection ends. */
const pass = async (body: ReadableStream<Uint8Array>, outgoing: ServerResponse): Promise<void> => {
  const reader = body.getReader();
  const left = () => reader.cancel().catch(() => {});
  outgoing.once('close', left);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done || outgoing.destroyed) break;
      if (!outgoing.write(value)) await new Promise((resolve) => outgoing.once('drain', resolve).once('close', resolve));
    }
    outgoing.off('close', left);
    outgoing.end();
  } catch {
    outgoing.destroy();
  }
};

/**
 * Serves what is `Request -> Response` on `node:http`: a backend, or an application of Hono.
 *
 * `createServer(nodeHandler(backend))`, or `app.use(['/auth', '/api'], nodeHandler(backend))` in Express, before whatever reads bodies.
 */
export const nodeHandler =
  ({ fetch }: { fetch(request: Request): Promise<Response> | Response }): NodeHandler =>
  async (incoming, outgoing) => {
    let request: Request | undefined;
    try {
      request = requestOf(incoming);
    } catch {
      outgoing.writeHead(400, { 'cache-control': 'no-store', connection: 'close' }).end();
      return;
    }
    const response = await fetch(request!);
    const headers: string[] = [];
    for (const [name, value] of response.headers) headers.push(name, value);
    outgoing.writeHead(response.status, headers);
    if (response.body && incoming.method !== 'HEAD') await pass(response.body, outgoing);
    else outgoing.end();
  };
