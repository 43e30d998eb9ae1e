import { asking, type Carrier, keepOpen, type Standing } from 'oauth2-wasm/bff';
import { Failed } from 'oauth2-wasm/host';
import { engine, requests } from './engine.js';
import { Sessions as Stored } from './object.js';
import type { Env } from './settings.js';

/** The socket that the object of a session's sockets has to open, as JSON in the body of a POST. */
interface Wanted {
  url: string;
  headers: [string, string][];
  most: number;
}

/** The socket that it has to join, in a header of a request that opens a WebSocket. */
interface Joining {
  id: string;
  headers: [string, string][];
  standing: Standing;
}

/** The header in which the object names the socket that it holds, or says why it holds none. */
const HELD = 'x-held';
const JOIN = 'x-join';
/** How long a socket to a server is held until the browser's arrives, in ms. */
const UNJOINED = 10_000;

/** Headers of the handshake, which the runtime does by itself. */
const own = /^sec-websocket-(key|version|extensions|accept)$/;

/**
 * How the Worker carries sockets: it does the handshake, and one object for all sockets of a
 * session holds them. So the object can count them, and they live on after the Worker's request has
 * ended.
 */
export const carrier = ({ SESSIONS }: Env): Carrier => {
  let stub: DurableObjectStub;
  let id: string | undefined;
  return {
    counts: true,
    async open(url, headers, signal, group, most) {
      stub = SESSIONS.get(SESSIONS.idFromName(`${group}.sockets`));
      const wanted: Wanted = { url, headers: headers.filter(([name]) => !own.test(name)), most };
      const response = await stub.fetch('https://sockets/', { method: 'POST', body: JSON.stringify(wanted), signal });
      const held = response.headers.get(HELD);
      if (held === 'denied' || held === 'network') throw new Failed(held);
      const said = [...response.headers].filter(([name]) => name !== HELD) as [string, string][];
      if (!held) return { status: response.status, headers: said, body: response.body };
      id = held;
      return { status: 101, headers: [...said, ['upgrade', 'websocket']], body: null };
    },
    async join(headers, _, standing) {
      const joining: Joining = { id: id!, headers: headers.filter(([name]) => !own.test(name)), standing };
      const { webSocket } = await stub.fetch('https://sockets/', { headers: { upgrade: 'websocket', [JOIN]: JSON.stringify(joining) } });
      if (!webSocket) throw new Failed('network');
      return new Response(null, { status: 101, headers: joining.headers, webSocket });
    },
    drop() {}, // a socket that is not joined ends by itself
  };
};

/** A code that may be sent (RFC 6455 section 7.4). */
const sendable = (code: number) => (code === 1000 || (code >= 3000 && code < 5000) ? code : 1001);

const close = (socket: WebSocket, code: number, reason?: string) => {
  try {
    socket.close(code, reason);
  } catch {
    // it is closed
  }
};

/** The Durable Object, which can also be the object of one session's sockets. */
export class Sessions extends Stored {
  #env: Env;
  /** Sockets to servers that no browser has joined yet, with their timeouts. */
  #waiting = new Map<string, { socket: WebSocket; clock: ReturnType<typeof setTimeout> }>();
  #open = 0;

  constructor(state: DurableObjectState, env: Env) {
    super(state);
    this.#env = env;
  }

  override async fetch(request: Request): Promise<Response> {
    if (new URL(request.url).host !== 'sockets') return super.fetch(request);
    const joining = request.headers.get(JOIN);
    return joining ? this.#join(JSON.parse(joining)) : this.#connect(await request.json());
  }

  async #connect({ url, headers, most }: Wanted): Promise<Response> {
    if (this.#open >= most) return new Response(null, { headers: { [HELD]: 'denied' } });
    this.#open += 1;
    let held = false;
    try {
      const response = await fetch(url, { headers: [...headers, ['upgrade', 'websocket']], redirect: 'manual' });
      const { webSocket: socket, status, body } = response;
      const said = new Headers(response.headers);
      said.delete(HELD);
      if (status !== 101 || !socket) return new Response(body, { status, headers: said, encodeBody: 'manual' } as ResponseInit);
      held = true;
      const id = crypto.randomUUID();
      const clock = setTimeout(() => {
        this.#waiting.delete(id);
        this.#open -= 1;
        socket.accept();
        close(socket, 1001);
      }, UNJOINED);
      this.#waiting.set(id, { socket, clock });
      said.set(HELD, id);
      return new Response(null, { headers: said });
    } catch {
      return new Response(null, { headers: { [HELD]: 'network' } });
    } finally {
      if (!held) this.#open -= 1;
    }
  }

  #join({ id, headers, standing }: Joining): Response {
    const there = this.#waiting.get(id);
    if (!there) return new Response(null, { status: 404 });
    this.#waiting.delete(id);
    clearTimeout(there.clock);
    const { 0: browsers, 1: mine } = new WebSocketPair();
    const sides = [mine, there.socket] as const;
    let over = false;
    const end = (code: number, reason?: string) => {
      if (over) return;
      over = true;
      stop();
      this.#open -= 1;
      for (const side of sides) close(side, code, reason);
    };
    const stop = keepOpen(
      standing,
      (keep) => this.#alive(keep),
      () => end(1001, 'the session or its token is over'),
    );
    for (const [from, to] of [sides, [...sides].reverse()] as [WebSocket, WebSocket][]) {
      from.binaryType = 'arraybuffer';
      from.accept();
      from.addEventListener('message', ({ data }) => {
        try {
          to.send(data);
        } catch {
          end(1001);
        }
      });
      from.addEventListener('close', ({ code, reason }) => end(sendable(code), reason));
      from.addEventListener('error', () => end(1011));
    }
    return new Response(null, { status: 101, headers, webSocket: browsers });
  }

  async #alive(keep: string) {
    const { open, executors } = await engine(this.#env, () => {});
    return asking(requests, open, executors)(keep);
  }
}
