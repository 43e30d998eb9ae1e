import { bodyOf, type Incoming } from './node-passage.js';

/** The part of a `node:http` request that is needed. */
export interface NodeRequest extends Incoming {
  method?: string;
  url?: string;
  headers: { host?: string; upgrade?: string };
  rawHeaders: string[];
  socket: object;
}

/** The part of a `node:http` response that is needed. */
export interface NodeResponse {
  destroyed: boolean;
  statusCode: number;
  setHeader(name: string, value: string | string[]): unknown;
  write(piece: Uint8Array): boolean;
  end(): unknown;
  destroy(): unknown;
  once(event: string, listener: () => void): this;
  off(event: string, listener: () => void): this;
}

/** A handler for `node:http`, which also works in Express and Connect. */
export type NodeHandler = (incoming: NodeRequest, outgoing: NodeResponse) => Promise<void>;

/** The browser's request. Its body is not read here. */
export const requestOf = (incoming: NodeRequest): Request | undefined => {
  const { method = 'GET', rawHeaders } = incoming;
  const headers = new Headers();
  for (let i = 0; i < rawHeaders.length; i += 2) headers.append(rawHeaders[i]!, rawHeaders[i + 1]!);
  // If Express mounts the handler at a path, `url` is only the rest of the path.
  const { originalUrl: target = incoming.url! } = incoming as { originalUrl?: string };
  const { encrypted } = incoming.socket as { encrypted?: boolean };
  const has = headers.has('transfer-encoding') || Number(headers.get('content-length') ?? 0) > 0;
  const body = has && method !== 'GET' && method !== 'HEAD' ? bodyOf(incoming) : null;
  return new Request(`http${encrypted ? 's' : ''}://${incoming.headers.host}${target}`, { method, headers, body, duplex: 'half' } as RequestInit);
};

/**
 * Writes a body as it arrives. If the body fails, the connection is closed, so that the answer is
 * visibly truncated.
 */
const pass = async (body: ReadableStream<Uint8Array>, outgoing: NodeResponse): Promise<void> => {
  const reader = body.getReader();
  const left = () => reader.cancel().catch(() => {});
  outgoing.once('close', left);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done || outgoing.destroyed) break;
      if (!outgoing.write(value)) await new Promise((resolve: (_?: void) => void) => outgoing.once('drain', resolve).once('close', resolve));
    }
    outgoing.off('close', left);
    outgoing.end();
  } catch {
    outgoing.destroy();
  }
};

/**
 * Serves a function from `Request` to `Response` on `node:http`: a backend, or a Hono application.
 *
 * `createServer(nodeHandler(backend))`, or `app.use(['/auth', '/api'], nodeHandler(backend))` in
 * Express, before any middleware that reads bodies.
 */
export const nodeHandler =
  ({ fetch }: { fetch(request: Request): Promise<Response> | Response }): NodeHandler =>
  async (incoming, outgoing) => {
    let request: Request | undefined;
    try {
      request = requestOf(incoming);
    } catch {
      outgoing.statusCode = 400;
      outgoing.setHeader('cache-control', 'no-store');
      outgoing.setHeader('connection', 'close');
      outgoing.end();
      return;
    }
    const response = await fetch(request!);
    outgoing.statusCode = response.status;
    // One by one: if Express has set a header before, writeHead keeps only the last of two with the
    // same name.
    for (const [name, value] of response.headers) if (name !== 'set-cookie') outgoing.setHeader(name, value);
    const cookies = response.headers.getSetCookie();
    if (cookies.length) outgoing.setHeader('set-cookie', cookies);
    if (response.body && incoming.method !== 'HEAD') await pass(response.body, outgoing);
    else outgoing.end();
  };
