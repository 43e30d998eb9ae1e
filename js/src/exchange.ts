import { type Ask, type Carrier, enter, keepOpen, type Standing, standingOf, type Stop } from './open.js';
import { type Answers, type Body, type Effects, Failed, gather, unbase64, wire } from './hosts.js';

/** How a runtime passes on bodies that it does not read. */
export interface Passage {
  /**
   * A body on its way to a server.
   *
   * @param length in bytes; `undefined` if it is not known
   * @param moved called for each piece that arrives, and for each that is sent on: so a slow
   * browser does not make the server count as silent
   * @param request the request to the server: aborted if the browser breaks off, so that the server
   * cannot accept a truncated body as complete
   */
  upload(body: ReadableStream<Uint8Array>, length: number | undefined, moved: () => void, request: AbortController): ReadableStream<Uint8Array>;
  /**
   * An answer of unknown length on its way to the browser, which has to notice if it is truncated.
   *
   * @param over settles when the request has nothing else left to do
   */
  download(body: ReadableStream<Uint8Array>, over: Promise<unknown>): ReadableStream<Uint8Array>;
  /** Further members for `fetch`, and for a `Response`. */
  request: object;
  response: object;
  /**
   * Whether open streams are counted. Not in a runtime in which a request may end without notice,
   * because its stream would be counted for ever. Default: true.
   */
  counts?: boolean;
  /** `fetch` decompresses answers, but their headers still describe the compressed body. */
  unpacks: boolean;
  /**
   * Sends instead of `fetch`. `length` is that of a streamed body, if it is known; headers are an
   * array of pairs.
   */
  send?(url: string, init: RequestInit, length: number | undefined): Promise<Response>;
}

/**
 * For runtimes that follow the Fetch standard: if a body fails, its request or its answer is
 * aborted.
 */
export const standard = (): Passage => ({
  upload(body, _, moved, request) {
    const reader = body.getReader();
    return new ReadableStream(
      {
        async pull(controller) {
          try {
            const { done, value } = await reader.read();
            moved();
            if (done) controller.close();
            else controller.enqueue(value);
          } catch (error) {
            request.abort();
            controller.error(error);
          }
        },
        cancel: (reason) => reader.cancel(reason),
      },
      { highWaterMark: 0 },
    );
  },
  download: (body) => body,
  // A stream may be sent while its answer arrives. The request is not a page's, so it has no
  // credentials. Only Bun can leave an answer compressed.
  request: { duplex: 'half', credentials: 'omit', decompress: false },
  response: {},
  unpacks: !('Bun' in globalThis),
});

/** An answer whose body has not been read; `counted`: its length is known. */
interface Behind {
  body: ReadableStream<Uint8Array> | null;
  counted: boolean;
}

/** The part of a `Request` that a backend needs. */
export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: Iterable<[string, string]> & Pick<Headers, 'get' | 'has'>;
  readonly body: ReadableStream<Uint8Array> | null;
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** The number of commands so far. */
let count = 0;

/** A unique name for a command. */
export const nextId = (): number => ++count;

/**
 * The HTTP of one request: the browser's request, the requests to upstream servers, and the answer.
 */
export class Exchange {
  /** Settles with the answer to the browser. */
  readonly response: Promise<Response>;
  /** Settles when nothing is left to do for the request except to pass its answer on. */
  over: Promise<unknown> = Promise.resolve();
  #resolve!: (response: Response) => void;
  #id = nextId();
  /** The module's name for the request, and for its body. */
  #name = `${this.#id}`;
  #request: Asked;
  /** Answers of upstream servers whose bodies have not been read. */
  #behind = new Map<string, Behind>();
  #url: string;
  #timeout: number;
  #passage: Passage;
  #fetch: typeof fetch;
  #carrier: Carrier | undefined;
  /** Removes this request from the count of open ones. */
  #leave = () => {};
  #entered = false;
  /** Asks whether the open connection may stay open. */
  ask: Ask = async () => ({});
  /** The host's, where it can be stopped. */
  stop: Stop | undefined;

  /**
   * @param request the browser's
   * @param timeout how long an upstream server may take to begin its answer, in ms
   * @param url the URL that the browser requested, if the request does not have it
   * @param carrier carries sockets, if the host supports them
   */
  constructor(request: Asked, timeout: number, passage: Passage = standard(), url = request.url, send: typeof fetch = fetch, carrier?: Carrier) {
    this.#request = request;
    this.#url = url;
    this.#timeout = timeout;
    this.#passage = passage;
    this.#fetch = send;
    this.#carrier = carrier;
    this.response = new Promise((resolve) => (this.#resolve = resolve));
  }

  /** The command `request`. The body is not read before the module asks for it. */
  command(): { id: number; request: string } {
    const { method, headers, body } = this.#request;
    const members = { command: 'request', id: this.#id, request: this.#name };
    const whole = body && { body: { ref: this.#name, length: this.#length } };
    return { ...members, method, url: this.#url, headers: [...headers], ...whole, ...(this.stop?.stopping && { stopping: true }) } as typeof members;
  }

  /**
   * The length of the browser's body in bytes; `undefined` if it is not known before the end. With
   * a transfer coding, a length does not count (RFC 9112 section 6.3).
   */
  get #length(): number | undefined {
    const { headers } = this.#request;
    const length = headers.get('content-length');
    return length === null || headers.has('transfer-encoding') ? undefined : +length;
  }

  /**
   * Effect `body`. A body that ends before its announced length is truncated (RFC 9112 section 8).
   */
  async body({ max_body, timeout_ms }: Effects['body']): Promise<Answers['body']> {
    const length = this.#length;
    if (length! > max_body) throw new Failed('too_large');
    let clock: ReturnType<typeof setTimeout>;
    const late = new Promise<never>((_, reject) => {
      clock = setTimeout(() => reject(new Failed('timeout')), timeout_ms);
    });
    // Reading a body of known, short length at once costs less than a stream. If it is still
    // arriving when the time is up, the answer ends it.
    const whole = length === undefined ? gather(this.#request.body!.getReader(), max_body) : this.#request.arrayBuffer();
    try {
      const bytes = new Uint8Array(await Promise.race([whole, late]));
      if (bytes.length !== (length ?? bytes.length)) throw new Failed('aborted');
      return { body: wire(bytes) };
    } catch (error) {
      throw error instanceof Failed ? error : new Failed('aborted');
    } finally {
      clearTimeout(clock!);
    }
  }

  /**
   * Effect `proxy`. The time runs from the last piece of the browser's body until the headers
   * arrive; the rest of the answer may take any time.
   */
  async proxy({ method, url, headers, body, upgrade, group, most }: Effects['proxy'], waiting: AbortController): Promise<Answers['proxy']> {
    if (upgrade && !this.#carrier) throw new Failed('unsupported');
    if (group !== undefined && !(upgrade ? this.#carrier!.counts : this.#passage.counts === false)) this.#enter(group, most!);
    let late = false;
    let answered = false;
    let clock: ReturnType<typeof setTimeout> | undefined;
    const wait = () => {
      clearTimeout(clock);
      if (answered) return;
      clock = setTimeout(() => {
        late = true;
        waiting.abort();
      }, this.#timeout);
    };
    wait();
    try {
      if (upgrade) {
        const answer = await this.#carrier!.open(url, headers, waiting.signal, group!, most!);
        const ref = String(this.#behind.size);
        this.#behind.set(ref, { body: answer.body, counted: false });
        return { status: answer.status, headers: answer.headers, body: { ref } };
      }
      const { request, unpacks } = this.#passage;
      const init = { method, headers, body: this.#outgoing(body, wait, waiting), redirect: 'manual', signal: waiting.signal, ...request } as const;
      const send = this.#passage.send ?? this.#fetch;
      const response = await send(url, init, body && 'ref' in body ? this.#length : undefined);
      const ref = String(this.#behind.size);
      this.#behind.set(ref, { body: response.body, counted: response.headers.has('content-length') });
      const unpacked = unpacks && response.headers.has('content-encoding');
      const said = unpacked ? [...response.headers].filter(([name]) => name !== 'content-encoding' && name !== 'content-length') : [...response.headers];
      return { status: response.status, headers: said, body: { ref } };
    } catch (error) {
      if (error instanceof Failed) throw error;
      throw new Failed(late ? 'timeout' : 'network');
    } finally {
      answered = true;
      clearTimeout(clock);
    }
  }

  #outgoing(body: Body | undefined, moved: () => void, request: AbortController): BodyInit | null {
    if (!body) return null;
    if ('ref' in body) return this.#passage.upload(this.#request.body!, this.#length, moved, request);
    return 'text' in body ? body.text : unbase64(body.base64);
  }

  /** Effect `respond`. */
  async respond(effect: Effects['respond']): Promise<{}> {
    const { status, headers, body } = effect;
    const standing = standingOf(effect);
    if (status === 101) {
      this.#join(headers, standing!);
      return {};
    }
    const { ref, text } = (body ?? {}) as { ref?: string; text?: string };
    const behind = ref === undefined ? undefined : this.#behind.get(ref);
    const bare = this.#request.method === 'HEAD' || [204, 205, 304].includes(status);
    if (behind && !bare) this.#behind.delete(ref!);
    const init = { status, headers, ...this.#passage.response };
    const passed = bare || !behind ? null : standing ? this.#kept(behind, standing) : this.#passing(behind);
    if (!passed || !standing) this.#leave();
    this.#resolve(new Response(passed ?? (bare ? null : text || null), init));
    this.#drop();
    return {};
  }

  #enter(group: string, most: number): void {
    if (this.#entered) return;
    const leave = enter(group, most);
    if (!leave) throw new Failed('denied');
    this.#leave = leave;
    this.#entered = true;
  }

  /** Joins the browser's socket with the server's. */
  #join(headers: [string, string][], standing: Standing): void {
    const carrier = this.#carrier!;
    this.#carrier = undefined;
    const keep = (close: () => void) => {
      const stop = keepOpen(standing, this.ask, close, this.stop);
      return () => {
        stop();
        this.#leave();
      };
    };
    void (async () => {
      try {
        this.#resolve(await carrier.join(headers, keep, standing));
      } catch {
        this.#leave();
        carrier.drop();
        this.fail(502, 'upstream_network', 'The server behind could not be reached.');
      }
    })();
  }

  /**
   * An event stream, until the module says that it is over. Then it ends normally, and the reader
   * connects again. If the server truncates it before that, it is truncated here, too.
   */
  #kept({ body }: Behind, standing: Standing): ReadableStream<Uint8Array> | null {
    if (!body) return null;
    const reader = body.getReader();
    let ended = false;
    let stop = () => {};
    const end = () => {
      ended = true;
      stop();
      this.#leave();
    };
    const kept = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          stop = keepOpen(
            standing,
            this.ask,
            () => {
              end();
              controller.close();
              void reader.cancel().catch(() => {});
            },
            this.stop,
          );
        },
        async pull(controller) {
          try {
            const { done, value } = await reader.read();
            if (ended) return;
            if (!done) return controller.enqueue(value);
            end();
            controller.close();
          } catch (error) {
            if (ended) return;
            end();
            throw error;
          }
        },
        cancel(reason) {
          end();
          return reader.cancel(reason);
        },
      },
      { highWaterMark: 0 },
    );
    return this.#passage.download(kept, this.over);
  }

  /**
   * The body of an answer, passed on so that truncation is visible. With a known length it is
   * visible anyway.
   */
  #passing({ body, counted }: Behind): ReadableStream<Uint8Array> | null {
    return body && !counted ? this.#passage.download(body, this.over) : body;
  }

  /** Answers if the module cannot, unless there was an answer already. */
  fail(status: number, error: string, error_description: string): void {
    this.#resolve(Response.json({ error, error_description }, { status, headers: { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' } }));
    this.#leave();
    this.#drop();
  }

  /** Drops answers that are not passed on. */
  #drop(): void {
    this.#carrier?.drop();
    for (const { body } of this.#behind.values()) void body?.cancel().catch(() => {});
    this.#behind.clear();
  }
}
