// WebSockets on servers that give a page's messages and not its connection: Deno.serve, Bun.serve.
import { closeFrame, FrameReader, LONGEST, messageFrame, pongFrame, Violation } from './frames.js';
import { askBehind, LAST_WORDS, type NodeSocket, SILENCE, type Switched } from './node-upgrade.js';
import type { Carrier } from './open.js';

/** How much a page may send before the server behind has taken it, in bytes. */
const AHEAD = 4 << 20;
/** How much is sent to a page before it has taken it, in bytes; the server behind waits then. */
const UNREAD = 1 << 20;
/** How often it is looked whether a page of Deno's has read, in ms. */
const LOOK = 20;

/** Of the handshake what the two ends say for themselves. */
const own = /^(connection|upgrade|sec-websocket-(key|version|extensions|accept))$/;

/** Text of bytes. */
const base64 = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes));

/** What a server has to answer to a key (RFC 6455 section 4.2.2). */
const accepting = async (key: string): Promise<string> => {
  const bytes = new TextEncoder().encode(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
  return base64(new Uint8Array(await crypto.subtle.digest('SHA-1', bytes)));
};

/** A code that a program may send (RFC 6455 section 7.4); 1005 says none. */
const sendable = (code: number): number => (code === 1000 || code === 1005 || (code >= 3000 && code < 5000) ? code : 1001);

/** What `close` takes: a code of 1005 is none. */
const words = (code: number, reason: string): [number?, string?] => (code === 1005 ? [] : [code, reason]);

/** The page's side. */
interface Page {
  /** Whether it may get more; if not, {@link Joint.more} says when. */
  send(data: string | Uint8Array): boolean;
  close(code: number, reason: string): void;
}

/** A page's socket and the connection to the server behind, as one. */
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

  /** The page's socket is open. */
  start(): void {
    if (this.#over) return this.#page.close(1001, '');
    if (this.#said.length) this.#read(this.#said);
    this.#server.on('data', this.#read);
  }

  /** The page has read what it was sent. */
  more(): void {
    this.#server.resume();
  }

  /** A message of the page's. */
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

/** What both runtimes have in common: the side of the server behind. */
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
      behind?.socket.destroy(); // of a handshake before, whose token was refused
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

/** What is needed of a socket of Deno's. */
interface DenoSocket extends EventTarget {
  binaryType: string;
  bufferedAmount: number;
  readyState: number;
  send(data: string | Uint8Array): void;
  close(code?: number, reason?: string): void;
}

/**
 * Carries the WebSocket that a request of `Deno.serve` asks for:
 *
 * `Deno.serve((request) => backend.fetch(request, { carrier: denoCarrier(request) }))`
 *
 * A server behind waits for a page that does not read. A page that sends 4 MiB more than the server
 * takes is closed with 1013: Deno has no way to have it wait. A message has 16 MiB at most.
 */
export const denoCarrier = (request: Request): Carrier =>
  carrying((headers, made) => {
    const { Deno } = globalThis as unknown as { Deno: { upgradeWebSocket(request: Request): { socket: DenoSocket; response: Response } } };
    const { socket, response } = Deno.upgradeWebSocket(request);
    // By hand: its option knows no list without spaces.
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

/** What is needed of `Bun.serve`. */
export interface BunServer {
  upgrade(request: Request, options: { headers: Headers; data: unknown }): boolean;
}

/** What is needed of a socket of Bun's. */
export interface BunSocket {
  data: unknown;
  send(data: string | Uint8Array): number;
  close(code?: number, reason?: string): void;
}

/** What a socket of Bun's tells. */
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
 * Carries the WebSocket that a request of `Bun.serve` asks for; {@link bunWebSocket} has to be
 * there, too:
 *
 * `Bun.serve({ fetch: (request, server) => backend.fetch(request, { carrier: bunCarrier(request,
 * server) }), websocket: bunWebSocket })`
 *
 * A server behind waits for a page that does not read. A page that sends 4 MiB more than the server
 * takes is closed with 1013: Bun has no way to have it wait. A message has 16 MiB at most.
 */
export const bunCarrier = (request: Request, server: BunServer): Carrier =>
  carrying((headers, made) => {
    const page = new BunPage();
    page.joint = made(page);
    if (!server.upgrade(request, { headers: new Headers(headers), data: page })) {
      page.joint.end(1001, '');
      throw new Error('the page is gone');
    }
    return new Response(); // which Bun does not send
  });

/** What `Bun.serve` takes as `websocket`, for {@link bunCarrier}. */
export const bunWebSocket = {
  maxPayloadLength: LONGEST,
  /** Nothing is dropped: there is a message in it at most beside what makes the server wait. */
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
