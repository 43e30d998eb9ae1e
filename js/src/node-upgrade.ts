import type { Backend } from './bff.js';
import { type NodeRequest, requestOf } from './node-handler.js';
import { bodyOf, builtin } from './node-passage.js';
import type { Carrier, Handshake } from './open.js';

/** The part of a `node:net` connection that is needed. */
export interface NodeSocket {
  destroyed: boolean;
  write(piece: Uint8Array | string): boolean;
  end(): unknown;
  destroy(): unknown;
  pipe(to: NodeSocket): unknown;
  pause(): unknown;
  resume(): unknown;
  /** What was written and has not gone out, in bytes. */
  writableLength: number;
  on(event: string, listener: (piece: Uint8Array) => void): unknown;
  once(event: string, listener: () => void): unknown;
  setTimeout?(ms: number): unknown;
  setNoDelay?(on: boolean): unknown;
  setKeepAlive?(on: boolean, ms: number): unknown;
}

/** A listener for the event `upgrade` of a `node:http` server. */
export type NodeUpgrade = (incoming: NodeRequest, socket: NodeSocket, head: Uint8Array) => Promise<void>;

/** How long the other connection stays open after one was closed, in ms. */
export const LAST_WORDS = 1000;
/** After how long an idle connection is probed (TCP keep-alive), in ms. */
export const SILENCE = 15_000;

const headOf = (status: string, headers: Iterable<[string, string]>, connection: string): string =>
  `HTTP/1.1 ${status}\r\n${[...headers].map(([name, value]) => `${name}: ${value}\r\n`).join('')}connection: ${connection}\r\n`;

/**
 * Joins two connections: neither is read faster than the other accepts data, and when one ends, so
 * does the other.
 *
 * @returns a function that closes both
 */
const joined = (one: NodeSocket, other: NodeSocket, over: () => void): (() => void) => {
  const close = () => {
    one.destroy();
    other.destroy();
    over();
  };
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.setTimeout?.(0);
    from.setNoDelay?.(true);
    from.setKeepAlive?.(true, SILENCE);
    from.on('error', close);
    // The last data may still be on its way.
    from.once('end', () => setTimeout(close, LAST_WORDS));
    from.once('close', () => (to.destroyed ? close() : setTimeout(close, LAST_WORDS)));
    from.pipe(to);
  }
  return close;
};

const write = async (socket: NodeSocket, response: Response): Promise<void> => {
  const { status, statusText, headers, body } = response;
  socket.write(
    `${headOf(
      `${status} ${statusText}`,
      [...headers].filter(([name]) => name !== 'connection' && name !== 'transfer-encoding'),
      'close',
    )}\r\n`,
  );
  const reader = body?.getReader();
  for (let piece; reader && !socket.destroyed && (piece = await reader.read()) && !piece.done; ) {
    if (!socket.write(piece.value)) await new Promise((resolve: (_?: void) => void) => (socket.once('drain', resolve), socket.once('close', resolve)));
  }
  if (socket.destroyed) await reader?.cancel();
  socket.end();
};

/** The connection to a server that has switched, and what it said right behind that. */
export interface Switched {
  socket: NodeSocket;
  said: Uint8Array;
}

/** Asks a server for a WebSocket: its answer, with the connection where it switches. */
export const askBehind = async (url: string, headers: [string, string][], signal: AbortSignal): Promise<[Handshake, Switched?]> => {
  const { request }: typeof import('node:http') = await builtin(url.startsWith('https:') ? 'https' : 'http');
  return new Promise((resolve, reject) => {
    const fields: Record<string, string> = { connection: 'Upgrade', upgrade: 'websocket' };
    for (const [name, value] of headers) fields[name] = name in fields ? `${fields[name]}, ${value}` : value;
    const outgoing = request(url, { path: url.replace(/^[^:]*:\/\/[^/?#]*/, ''), headers: fields, signal });
    const pairs = (raw: string[]) => raw.flatMap((name, i) => (i % 2 ? [] : [[name.toLowerCase(), raw[i + 1]!] as [string, string]]));
    signal.addEventListener('abort', () => reject(signal.reason));
    outgoing.on('error', reject);
    outgoing.on('response', (answer) => resolve([{ status: answer.statusCode!, headers: pairs(answer.rawHeaders), body: bodyOf(answer) }]));
    outgoing.on('upgrade', (answer, other, said) => {
      const socket = other as unknown as NodeSocket;
      socket.on('error', () => socket.destroy());
      resolve([
        { status: answer.statusCode!, headers: pairs(answer.rawHeaders), body: null },
        { socket, said },
      ]);
    });
    outgoing.end();
  });
};

/**
 * Carries WebSockets through the proxy of a backend on `node:http`, in Node, Deno and Bun:
 * `server.on('upgrade', nodeUpgrade(backend))`. If other paths of the server also have sockets,
 * call this listener only for the paths of the proxy.
 */
export const nodeUpgrade =
  ({ fetch }: Pick<Backend, 'fetch'>): NodeUpgrade =>
  async (incoming, socket, head) => {
    socket.on('error', () => socket.destroy());
    let behind: Switched | undefined;
    let switched = false;
    const carrier: Carrier = {
      async open(url, headers, signal) {
        const [handshake, other] = await askBehind(url, headers, signal);
        if (other) {
          behind?.socket.destroy(); // from an earlier handshake, whose token was refused
          behind = other;
        }
        return handshake;
      },
      join(headers, keep) {
        const { socket: server, said } = behind!;
        [switched, behind] = [true, undefined];
        let stop = () => {};
        const close = joined(socket, server, () => stop());
        stop = keep(close);
        if (socket.destroyed || server.destroyed) close();
        socket.write(`${headOf('101 Switching Protocols', headers, 'Upgrade')}upgrade: websocket\r\n\r\n`);
        if (said.length) socket.write(said);
        if (head.length) server.write(head);
        return new Response();
      },
      drop: () => void behind?.socket.destroy(),
    };
    try {
      // This listener does not handle requests with a body, or for another protocol. But Node has
      // handed the connection over to the listener.
      if (incoming.method !== 'GET' || incoming.headers.upgrade?.toLowerCase() !== 'websocket')
        return await write(socket, new Response(null, { status: 400, headers: { 'cache-control': 'no-store' } }));
      const response = await fetch(requestOf(incoming)!, { carrier });
      if (!switched) await write(socket, response);
    } catch {
      socket.destroy();
    }
  };
