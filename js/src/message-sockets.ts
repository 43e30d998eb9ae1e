// WebSockets on servers that hand over a page's messages, but not its connection: Deno.serve and
// Bun.serve.
import { closeFrame, FrameReader, LONGEST, messageFrame, pongFrame, Violation } from './frames.js';
import { askBehind, LAST_WORDS, type NodeSocket, SILENCE, type Switched } from './node-upgrade.js';
import type { Carrier } from './open.js';

/** How many bytes of a page may wait for the upstream server. */
const AHEAD = 4 << 20;
/** How many bytes may wait for a page. With more, we stop reading from the upstream server. */
const UNREAD = 1 << 20;
/** How often we check whether a page on Deno has read, in ms. */
const LOOK = 20;

/** Headers of the handshake that each connection has its own of. */
const own = /^(connection|upgrade|sec-websocket-(key|version|extensions|accept))$/;

const base64 = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes));

/** The accept value that belongs to a key (RFC 6455 section 4.2.2). */
const accepting = async (key: string): Promise<string> => {
  const bytes = new TextEncoder().encode(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
  return base64(new Uint8Array(await crypto.subtle.digest('SHA-1', bytes)));
};

/**
 * The code itself if a program may send it (RFC 6455 section 7.4), else 1001. 1005 means no code.
 */
const sendable = (code: number): number => (code === 1000 || code === 1005 || (code >= 3000 && code < 5000) ? code : 1001);

/** The arguments of `close`. */
const words = (code: number, reason: string): [number?, string?] => (code === 1005 ? [] : [code, reason]);

/** The page's side. */
interface Page {
  /** Returns false if the page should get no more until {@link Joint.more} is called. */
  send(data: string | Uint8Array): boolean;
  close(code: number, reason: string): void;
}

/** Joins a page's socket and the connection to the upstream server. */
class Joint {
  #page: Page;
  #server: NodeSocket;
  #read: (piece: Uint8Array) => void;
  #said: Uint8Array;
  #over = false;
  #stop: () => void = () => {};

  constructor(page: Page, { socket, said }: Switched, keep: (close: () => void) => () => void) {
    this.#page = page;
    this.#server = socket;
    const reader = new FrameReader({
      message: (data) => {
        if (!this.#over && !page.send(data)) socket.pause();
      },
      ping: (payload) => void socket.write(pongFrame(payload)),
      close: (code, reason) => this.end(code, reason),
    });
    this.#read = (piece) => {
      if (this.#over) return;
      try {
        reader.read(piece);
      } catch (error) {
        this.end(error instanceof Violation ? error.code : 1011, '');
      }
    };
    this.#said = said;
    socket.setTimeout?.(0);
    socket.setNoDelay?.(true);
    socket.setKeepAlive?.(true, SILENCE);
    for (const event of ['end', 'close', 'error']) socket.on(event, () => this.end(1001, 'the server is gone'));
    this.#stop = keep(() => this.end(1001, 'the session or its token is over'));
    if (socket.destroyed) this.end(1001, 'the server is gone');
  }

  /** Call it when the page's socket is open. */
  start(): void {
    if (this.#over) return this.#page.close(1001, '');
    if (this.#said.length) this.#read(this.#said);
    this.#server.on('data', this.#read);
  }

  /** Call it when the page has read what it was sent. */
  more(): void {
    this.#server.resume();
  }

  /** Passes on a message of the page. */
  message(data: string | Uint8Array): void {
    if (this.#over) return;
    if (this.#server.writableLength > AHEAD) return this.end(1013, 'more was sent than the server has taken');
    this.#server.write(messageFrame(data));
  }

  /** Ends both sides. */
  end(code: number, reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#stop();
    this.#page.close(code, reason);
    if (!this.#server.destroyed) {
      this.#server.write(closeFrame(sendable(code), reason));
      this.#server.end();
      this.#server.resume(); // or its end would not be seen
    }
    setTimeout(() => this.#server.destroy(), LAST_WORDS);
  }
}

/** The upstream side of a carrier, which both runtimes share. */
const carrying = (join: (headers: [string, string][], made: (page: Page) => Joint) => Response): Carrier => {
  let behind: Switched | undefined;
  return {
    async open(url, headers, signal) {
      const key = base64(crypto.getRandomValues(new Uint8Array(16)));
      const said = headers.filter(([name]) => !own.test(name));
      const [handshake, other] = await askBehind(url, [...said, ['sec-websocket-key', key], ['sec-websocket-version', '13']], signal);
      if (!other) return handshake;
      const header = (name: string) => handshake.headers.find(([its]) => its === name)?.[1];
      if (header('sec-websocket-accept') !== (await accepting(key)) || header('sec-websocket-extensions')) {
        other.socket.destroy();
        throw new Error('the server behind has not shaken hands');
      }
      behind?.socket.destroy(); // from an earlier handshake, whose token was refused
      behind = other;
      return handshake;
    },
    join(headers, keep) {
      const other = behind!;
      return join(
        headers.filter(([name]) => !own.test(name)),
        (page) => {
          behind = undefined;
          return new Joint(page, other, keep);
        },
      );
    },
    drop: () => void behind?.socket.destroy(),
  };
};

/** The part of a Deno socket that is needed. */
interface DenoSocket extends EventTarget {
  binaryType: string;
  bufferedAmount: number;
  readyState: number;
  send(data: string | Uint8Array): void;
  close(code?: number, reason?: string): void;
}

/**
 * Carries the WebSocket for which a request to `Deno.serve` asks:
 *
 * `Deno.serve((request) => backend.fetch(request, { carrier: denoCarrier(request) }))`
 *
 * If a page does not read, we stop reading from the upstream server. If the upstream server does
 * not read, the page may send 4 MiB; then its socket is closed with 1013, because Deno cannot slow
 * the page down. The page may see 1006. A message has at most 16 MiB.
 */
export const denoCarrier = (request: Request): Carrier =>
  carrying((headers, made) => {
    const { Deno } = globalThis as unknown as { Deno: { upgradeWebSocket(request: Request): { socket: DenoSocket; response: Response } } };
    const { socket, response } = Deno.upgradeWebSocket(request);
    // The option `protocol` of Deno.upgradeWebSocket does not accept a list without spaces.
    for (const [name, value] of headers) response.headers.append(name, value);
    socket.binaryType = 'arraybuffer';
    let clock: ReturnType<typeof setInterval> | undefined;
    const joint = made({
      send(data) {
        socket.send(data);
        if (socket.bufferedAmount <= UNREAD) return true;
        clock ??= setInterval(() => {
          if (socket.bufferedAmount > UNREAD) return;
          clearInterval(clock);
          clock = undefined;
          joint.more();
        }, LOOK);
        return false;
      },
      close(code, reason) {
        clearInterval(clock);
        if (socket.readyState === 1) socket.close(...words(code, reason));
      },
    });
    socket.addEventListener('open', () => joint.start());
    socket.addEventListener('message', (event) => {
      const { data } = event as MessageEvent;
      joint.message(typeof data === 'string' ? data : new Uint8Array(data as ArrayBuffer));
    });
    socket.addEventListener('close', (event) => joint.end((event as unknown as { code: number }).code, (event as unknown as { reason: string }).reason));
    socket.addEventListener('error', () => joint.end(1001, ''));
    return response;
  });

/** The part of `Bun.serve` that is needed. */
export interface BunServer {
  upgrade(request: Request, options: { headers: Headers; data: unknown }): boolean;
}

/** The part of a Bun socket that is needed. */
export interface BunSocket {
  data: unknown;
  send(data: string | Uint8Array): number;
  close(code?: number, reason?: string): void;
}

/** A page on Bun, which gets its socket after the handshake. */
class BunPage implements Page {
  joint!: Joint;
  socket: BunSocket | undefined;

  send(data: string | Uint8Array): boolean {
    return this.socket!.send(data) > 0;
  }

  close(code: number, reason: string): void {
    this.socket?.close(...words(code, reason));
    this.socket = undefined;
  }
}

/**
 * Carries the WebSocket for which a request to `Bun.serve` asks. It also needs
 * {@link bunWebSocket}:
 *
 * `Bun.serve({ fetch: (request, server) => backend.fetch(request, { carrier: bunCarrier(request,
 * server) }), websocket: bunWebSocket })`
 *
 * If a page does not read, we stop reading from the upstream server. If the upstream server does
 * not read, the page may send 4 MiB; then its socket is closed with 1013, because Bun cannot slow
 * the page down. A message has at most 16 MiB.
 */
export const bunCarrier = (request: Request, server: BunServer): Carrier =>
  carrying((headers, made) => {
    const page = new BunPage();
    page.joint = made(page);
    if (!server.upgrade(request, { headers: new Headers(headers), data: page })) {
      page.joint.end(1001, '');
      throw new Error('the page is gone');
    }
    return new Response(); // Bun does not send it
  });

/** The member `websocket` of `Bun.serve`, for {@link bunCarrier}. */
export const bunWebSocket = {
  maxPayloadLength: LONGEST,
  /** Bun drops what exceeds this. We stop earlier: at most one message comes after that. */
  backpressureLimit: 4 * LONGEST,
  open(socket: BunSocket): void {
    const page = socket.data as BunPage;
    page.socket = socket;
    page.joint.start();
  },
  message(socket: BunSocket, data: string | Uint8Array): void {
    (socket.data as BunPage).joint.message(data);
  },
  drain(socket: BunSocket): void {
    (socket.data as BunPage).joint.more();
  },
  close(socket: BunSocket, code: number, reason: string): void {
    const page = socket.data as BunPage;
    page.socket = undefined;
    page.joint.end(code, reason);
  },
};
