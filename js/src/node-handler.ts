import type { Asked } from './exchange.js';
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

const urlOf = (incoming: NodeRequest): string => {
  // If Express mounts the handler at a path, `url` is only the rest of the path.
  const { originalUrl: target = incoming.url! } = incoming as { originalUrl?: string };
  const { encrypted } = incoming.socket as { encrypted?: boolean };
  return `http${encrypted ? 's' : ''}://${incoming.headers.host}${target}`;
};

const hasBody = (method: string, headers: Pick<Headers, 'get' | 'has'>): boolean =>
  (headers.has('transfer-encoding') || Number(headers.get('content-length') ?? 0) > 0) && method !== 'GET' && method !== 'HEAD';

/** The browser's request. Its body is not read here. */
export const requestOf = (incoming: NodeRequest): Request | undefined => {
  const { method = 'GET', rawHeaders } = incoming;
  const headers = new Headers();
  for (let i = 0; i < rawHeaders.length; i += 2) headers.append(rawHeaders[i]!, rawHeaders[i + 1]!);
  const body = hasBody(method, headers) ? bodyOf(incoming) : null;
  return new Request(urlOf(incoming), { method, headers, body, duplex: 'half' } as RequestInit);
};

/** How a backend answers without a `Request`, which costs a tenth of a request's CPU in Node. */
export type Direct = (asked: Asked, url: URL) => Promise<Response>;

/** The backends that can. */
export const direct = new WeakMap<object, Direct>();

/** Methods that a `Request` refuses (Fetch standard, "forbidden method"). */
const FORBIDDEN = /^(connect|trace|track)$/i;

/** The same request as that of {@link requestOf}, for a backend. It refuses what that refuses. */
const askedOf = (incoming: NodeRequest, { href, username, password }: URL): Asked => {
  const { method = 'GET', rawHeaders } = incoming;
  if (FORBIDDEN.test(method) || username || password) throw new TypeError('no request');
  const headers = new Map<string, string>();
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase();
    if (name[0] === ':') throw new TypeError('no header name'); // of HTTP/2
    const before = headers.get(name);
    headers.set(name, before === undefined ? rawHeaders[i + 1]! : `${before}${name === 'cookie' ? ';' : ','} ${rawHeaders[i + 1]!}`);
  }
  const found = { get: (name: string) => headers.get(name) ?? null, has: (name: string) => headers.has(name), [Symbol.iterator]: () => headers.entries() };
  const body = hasBody(method, found) ? bodyOf(incoming) : null;
  return { method, url: href, headers: found, body, arrayBuffer: () => new Response(body).arrayBuffer() };
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
  (served: { fetch(request: Request): Promise<Response> | Response }): NodeHandler =>
  async (incoming, outgoing) => {
    const answer = direct.get(served);
    let answered: () => Promise<Response> | Response;
    try {
      if (answer) {
        const url = new URL(urlOf(incoming));
        const asked = askedOf(incoming, url);
        answered = () => answer(asked, url);
      } else {
        const request = requestOf(incoming)!;
        answered = () => served.fetch(request);
      }
    } catch {
      outgoing.statusCode = 400;
      outgoing.setHeader('cache-control', 'no-store');
      outgoing.setHeader('connection', 'close');
      outgoing.end();
      return;
    }
    const response = await answered();
    outgoing.statusCode = response.status;
    // One by one: if Express has set a header before, writeHead keeps only the last of two with the
    // same name.
    for (const [name, value] of response.headers) if (name !== 'set-cookie') outgoing.setHeader(name, value);
    const cookies = response.headers.getSetCookie();
    if (cookies.length) outgoing.setHeader('set-cookie', cookies);
    if (response.body && incoming.method !== 'HEAD') await pass(response.body, outgoing);
    else outgoing.end();
  };
