/**
 * A client out of the page's reach: module, tokens, keys and store are in a worker, or on a
 * separate origin. The page has the same `Client`.
 *
 * @packageDocumentation
 */
import { type CallOptions, challenges, Client, type Config, type Current, OAuthError } from './index.js';
import type { Host, HostEvent } from './host.js';
import type { ErrorDetails } from './error.js';
import { remembered } from './remembered.js';
import type { RequestInfo } from './web.js';

/** The options of every vault. */
export interface VaultClientOptions {
  /** Closes the client when it aborts. */
  signal?: AbortSignal;
  /**
   * If nobody is signed in when the page starts, but somebody was before: signs in silently, in a
   * hidden frame (`prompt=none`, OpenID Connect Core section 3.1.2.1), or by one redirect of the
   * page if the browser blocks cookies in the frame. `current` is `restoring` meanwhile.
   */
  restore?: 'silent';
}

/** A vault in a worker: the URL of the script that calls `serveVault`, of this origin. */
export interface WorkerVault extends VaultClientOptions {
  worker: string | URL;
}

/**
 * A vault on another origin: the URL of its page, whose script calls `serveVault` and names this
 * origin.
 */
export interface FrameVault extends VaultClientOptions {
  frame: string | URL;
}

/** How long a frame may take to answer, and a keeper to start, in milliseconds. */
const PATIENCE = 30_000;
const KEEPER = 5_000;
/**
 * A connection to a shared worker may reach one that is just ending (Firefox). Another connection
 * is tried after this time, in milliseconds.
 */
const AGAIN = 3_000;

/** The message of a vault's page in a frame; the answer is a port. */
const HELLO = 'oauth2-wasm.vault';

/**
 * Commands that the next vault gets once more if one dies, because they change nothing that counts
 * the second time. A reply is redeemed once, whoever brings it. A sign-out is not among them: it
 * could end a session that began since.
 */
const REPEATED = 'authorize callback matches token refresh profile userinfo introspect status resource_metadata device_wait poll_start'.split(' ');

/** How many vaults in a row may die without an answer. */
const DEATHS = 3;

type Message = Record<string, any>;

interface Call {
  message: Message;
  again: boolean;
  /** The vault that is known has got it. */
  sent?: boolean;
  take(data: Message): unknown;
  fail(error: unknown): void;
}

interface Way {
  port: Pick<MessagePort, 'postMessage'> & { onmessage: ((event: MessageEvent) => void) | null };
  /** Rejects if the worker does not load. */
  failed: Promise<unknown>;
  /** A second connection may be tried without side effects. */
  again?: true;
  /**
   * The vault was started on the assumption that its keeper exists; this records that it does not.
   */
  mistaken?: () => Promise<void>;
  end(): void;
}

const failure = (kind: ErrorDetails['kind'], code: string, op: string, retryable = false) => new OAuthError({ kind, code, op, retryable });

const lost = (op: string) => failure('internal', 'vault_lost', op, true);

/** An error as the vault tells it. */
const read = (error: Message): Error =>
  error.code ? new OAuthError(error as ErrorDetails) : new (error.name === 'TypeError' ? TypeError : Error)('oauth2-wasm: fetch: the request failed');

/** The storage key that records that the vault's script had its keeper. */
const kept = (url: string) => `oauth2-wasm.keeper ${url}`;
const storage = remembered('localStorage');

/**
 * Whether the vault's script has its keeper. A worker can use only a keeper that existed when the
 * worker was loaded. So the first vault waits for the keeper; later it usually exists, and no vault
 * waits. Without a storage each waits.
 */
const hasKeeper = (url: string): boolean => storage.get(kept(url)) !== null;

/** Registers the keeper, or its new script. */
const register = async (url: string): Promise<void> => {
  try {
    const { installing, waiting, active } = await navigator.serviceWorker.register(url, { scope: url, type: 'module' });
    const worker = installing ?? waiting ?? active;
    await new Promise<void>((resolve) => {
      const look = () => /activated|redundant/.test(worker!.state) && resolve();
      worker!.addEventListener('statechange', look);
      setTimeout(resolve, KEEPER);
      look();
    });
    if (worker!.state === 'activated') storage.set(kept(url), '');
  } catch {
    // No service workers here: the session ends with the vault.
  }
};

/** Rejects if a worker cannot be loaded. Its other errors are not handled here. */
const failing = (worker: Worker | SharedWorker) =>
  new Promise<never>((_, reject) => {
    worker.onerror = () => reject(failure('internal', 'vault_unreachable', 'open'));
  });

const worker = async (url: string, name?: string): Promise<Way> => {
  const before = hasKeeper(url);
  if (!before) await register(url);
  const way = begin(url, name);
  if (!before) return way;
  const registered = register(url);
  const mistaken = () => {
    storage.set(kept(url), null);
    return registered;
  };
  return { ...way, mistaken };
};

const begin = (url: string, name?: string): Way => {
  if (globalThis.SharedWorker) {
    // Browsers that support `extendedLifetime` let the worker live for a while without a page.
    const shared = new SharedWorker(url, { type: 'module', extendedLifetime: true, ...(name && { name }) } as WorkerOptions);
    // Browsers keep a shared worker's object while the worker lives, and what its handlers hold.
    const end = () => {
      shared.onerror = shared.port.onmessage = null;
      shared.port.close();
    };
    return { port: shared.port, failed: failing(shared), again: true, end };
  }
  const own = new Worker(url, { type: 'module' });
  return { port: own, failed: failing(own), end: () => own.terminate() };
};

const frame = async (url: string): Promise<Way> => {
  const { port1, port2 } = new MessageChannel();
  const element = document.createElement('iframe');
  element.hidden = true;
  element.src = url;
  const there = new URL(url).origin;
  const over = new AbortController();
  /** The vault's page tells the allowed pages that it listens. */
  const listens = ({ data, origin, source }: MessageEvent) => {
    if (data !== HELLO || origin !== there || source !== element.contentWindow) return;
    over.abort();
    element.contentWindow!.postMessage(HELLO, there, [port2]);
  };
  addEventListener('message', listens, { signal: over.signal });
  let patience: ReturnType<typeof setTimeout>;
  const failed = new Promise<never>((_, reject) => {
    patience = setTimeout(() => reject(failure('internal', 'vault_unreachable', 'open')), PATIENCE);
  });
  document.documentElement.append(element);
  return {
    port: port1,
    failed,
    end() {
      clearTimeout(patience);
      over.abort();
      port1.close();
      element.remove();
    },
  };
};

const isStream = (body: unknown): body is ReadableStream<Uint8Array> => !!globalThis.ReadableStream && body instanceof ReadableStream;

/**
 * Whether `fetch` of this browser sends streams, and they can be handed to another thread. One that
 * does not takes a stream for its name.
 */
const sendsStreams = (): boolean => {
  let asked = false;
  try {
    const body = new ReadableStream();
    const request = {
      method: 'POST',
      body,
      get duplex() {
        return ((asked = true), 'half');
      },
    };
    if (new Request(location.href, request).headers.has('content-type')) return false;
    structuredClone(body, { transfer: [body] });
    return asked;
  } catch {
    return false;
  }
};

/**
 * The body of a request, as it can be handed to the vault: a stream where that is possible, else a
 * Blob, which the browser need not hold in memory.
 */
const bodyOf = async (
  request: Request,
  given: BodyInit | null | undefined,
  signal: AbortSignal | null | undefined,
): Promise<Blob | ReadableStream | undefined> => {
  if (given instanceof Blob) return given;
  if (isStream(given)) {
    if (sendsStreams()) return given;
    const read = new Response(given.pipeThrough(new TransformStream(), signal ? { signal } : {})).blob();
    return read.catch((cause) => {
      signal?.throwIfAborted();
      throw new TypeError('oauth2-wasm: fetch: the body failed', { cause });
    });
  }
  if (/^(GET|HEAD)$/.test(request.method)) return undefined;
  const body = await request.blob();
  return body.size || (given ?? undefined) !== undefined ? body : undefined;
};

/**
 * The connection to a vault: it sends requests there and gives the answers to the callers. If the
 * vault is gone, it starts a new one.
 */
class Link {
  #reach: () => Promise<Way>;
  #onEvent: (event: HostEvent) => void;
  #way: Way | undefined;
  #opening: Promise<Message> | undefined;
  #calls = new Map<number, Call>();
  #last = 0;
  #closed = false;
  #watch = new AbortController();
  /**
   * How many vaults in a row have died without an answer: one that always dies is not started for
   * ever.
   */
  #deaths = 0;

  constructor(reach: () => Promise<Way>, onEvent: (event: HostEvent) => void) {
    this.#reach = reach;
    this.#onEvent = onEvent;
    addEventListener('pagehide', this.#hide);
    addEventListener('pageshow', this.#show);
  }

  /** The vault's first message. */
  open(): Promise<Message> {
    if (this.#opening) return this.#opening;
    const opening = this.#open().catch((error) => {
      if (this.#opening === opening) {
        this.#opening = undefined;
        this.#failAll(() => error);
      }
      throw error;
    });
    return (this.#opening = opening);
  }

  async #open(): Promise<Message> {
    if (this.#closed) throw failure('cancelled', 'closed', 'open');
    const way = (this.#way = await this.#reach());
    const hello = new Promise<Message>((resolve, reject) => {
      way.port.onmessage = ({ data }) => {
        if (data.hello) resolve(data);
        else if (data.refused) reject(read(data.refused));
        else this.#take(data);
      };
    });
    way.failed.catch(() => {});
    const late = new Promise<void>((resolve) => (this.#closed ? resolve() : way.again && setTimeout(resolve, AGAIN)));
    const said = (await Promise.race([hello, way.failed, late])) as Message | void;
    // A shared worker goes on, because other pages may use it.
    const alone = said?.kept === false && (await way.mistaken?.().then(() => !way.again));
    const stale = this.#way !== way; // the page came back from the cache meanwhile
    if (!said || alone || stale || this.#closed) {
      way.port.postMessage({ bye: true });
      way.end();
      return stale ? this.open() : this.#open();
    }
    this.#listen(said);
    this.#onEvent({ event: 'current', ...said.current } as never);
    return said;
  }

  #take(data: Message): void {
    if (data.event) return this.#onEvent({ ...data, ...(data.error && { error: read(data.error) }) } as never);
    this.#deaths = 0;
    const call = this.#calls.get(data.id);
    if (data.error) call?.fail(read(data.error));
    else call?.take(data);
  }

  /** Waits for the lock that the vault holds as long as it lives. */
  #listen({ vault, life }: Message): void {
    this.#watch = new AbortController();
    const { signal } = this.#watch;
    if (life) navigator.locks?.request(life, { mode: 'shared', signal }, () => this.#doubt(vault)).catch(() => {});
  }

  /** Finds out whether the vault is gone. Calls that come meanwhile wait. */
  #doubt(vault: string): void {
    const known = this.#opening!;
    const doubt: Promise<Message> = this.#meet()
      .catch(() => ({}) as Message)
      .then((said) => {
        if (this.#closed || this.#opening !== doubt) return this.open();
        this.#opening = known;
        if (said.vault === vault) this.#listen(said);
        else this.#lost();
        return this.#opening ?? known;
      });
    doubt.catch(() => {});
    this.#opening = doubt;
  }

  /**
   * The first message of the vault that another connection leads to: Chromium sometimes takes the
   * lock from a shared worker that lives on. Then it is the same vault, which holds another lock.
   */
  async #meet(): Promise<Message> {
    if (!this.#way?.again || this.#closed) return {};
    const { port, failed, end } = await this.#reach();
    const hello = new Promise<Message>((resolve) => {
      port.onmessage = ({ data }) => resolve(data);
      setTimeout(resolve, AGAIN);
    });
    const said = (await Promise.race([hello, failed]).catch(() => {})) as Message | undefined;
    port.postMessage({ bye: true });
    end();
    return said ?? {};
  }

  #lost(): void {
    this.#away();
    this.#onEvent({ event: 'restarted', error: lost('open') }); // whose listeners may call the next vault
    if (++this.#deaths > DEATHS) this.#failAll(lost);
    else if (this.#deaths === 1 || this.#calls.size) void this.#resume();
  }

  /** Disconnects from the old vault, and with it what may have had an effect there. */
  #away(): void {
    this.#watch.abort();
    this.#say({ bye: true }); // in case it lives
    this.#way?.end();
    this.#way = this.#opening = undefined;
    this.#calls.forEach((call) => {
      if (call.sent && !call.again) call.fail(lost(call.message.command ?? 'fetch'));
      call.sent = false;
    });
  }

  async #resume(): Promise<void> {
    await this.open().then(
      () => this.#calls.forEach((call) => this.#send(call)),
      () => {},
    );
  }

  /**
   * In the back/forward cache a page must not hold a lock, or a connection to a worker that others
   * use.
   */
  #hide = () => {
    if (!this.#way || this.#closed) return;
    this.#watch.abort();
    this.#say({ bye: true });
  };

  #show = ({ persisted }: PageTransitionEvent) => {
    if (!persisted || this.#closed) return;
    this.#away();
    void this.#resume();
  };

  #send(call: Call): void {
    if (call.sent || !this.#way) return;
    call.sent = true;
    try {
      this.#say(call.message);
    } catch (error) {
      call.fail(error); // a body that cannot be handed over
    }
  }

  #say(message: Message): void {
    const body = message.fetch?.body;
    this.#way?.port.postMessage(message, isStream(body) ? [body] : []);
  }

  #failAll(error: (op: string) => unknown): void {
    this.#calls.forEach((call) => call.fail(error(call.message.command ?? 'fetch')));
  }

  /** Sends a request to the vault. `take` gets the answers, until the call ends. */
  #ask(
    message: Message,
    again: boolean,
    signal: AbortSignal | null | undefined,
    take: (data: Message, end: () => void) => unknown,
    fail: (error: unknown) => void,
  ): number {
    const id = ++this.#last;
    const end = () => {
      this.#calls.delete(id);
      signal?.removeEventListener('abort', abort);
    };
    const stop = (error: unknown) => {
      end();
      fail(error);
    };
    const abort = () => {
      this.#say({ id, abort: true });
      stop(signal!.reason);
    };
    if (this.#closed) stop(failure('cancelled', 'closed', message.command ?? 'fetch'));
    else if (signal?.aborted) stop(signal.reason);
    else {
      signal?.addEventListener('abort', abort);
      const call: Call = { message: { ...message, id }, again, take: (data) => take(data, end), fail: stop };
      this.#calls.set(id, call);
      this.open().then(
        () => this.#calls.has(id) && this.#send(call),
        () => {},
      );
    }
    return id;
  }

  run: Host['run'] = (command: string, parameters: object, signal?: AbortSignal | null) =>
    new Promise<any>((resolve, reject) => {
      // The next vault goes on with a reply that this one has begun to redeem.
      const given = command === 'callback' ? { ...parameters, delivery: crypto.randomUUID() } : parameters;
      this.#ask({ command, parameters: given }, REPEATED.includes(command), signal, ({ ok }, end) => (end(), resolve(ok)), reject);
    });

  async fetch(input: RequestInfo, init?: RequestInit): Promise<Response> {
    const given = init?.body;
    const request = new Request(input, isStream(given) ? { ...init, body: null } : init);
    const { method, url, credentials, cache, referrerPolicy, integrity, keepalive } = request;
    const signal = init && 'signal' in init ? init.signal : input instanceof Request ? input.signal : undefined;
    signal?.throwIfAborted();
    const body = await bodyOf(request, given, signal);
    // The `no-cors` and `navigate` modes of `Request` are not passed on: the vault sends everything
    // with CORS.
    const sent = {
      url,
      method,
      headers: [...request.headers],
      body,
      credentials,
      cache,
      referrerPolicy: referrerPolicy || undefined,
      integrity: integrity || undefined,
      keepalive,
    };
    return new Promise((resolve, reject) => {
      let next: { resolve(chunk?: Uint8Array): void; reject(error: unknown): void } | undefined;
      let over: unknown;
      const fail = (error: unknown) => (next ?? { reject }).reject((over = error));
      const id = this.#ask({ fetch: sent }, method === 'GET' || method === 'HEAD', signal, take, fail);
      const calls = this.#calls;
      const say = (message: Message) => this.#say(message);
      function take({ response, chunk, end: ended }: Message, end: () => void) {
        if (chunk || ended) {
          if (ended) end();
          return next!.resolve(chunk);
        }
        const { status, statusText, headers, challenge } = response;
        calls.get(id)!.again = false; // the rest of an answer cannot be repeated
        const pull = (controller: ReadableStreamDefaultController) =>
          new Promise<Uint8Array | undefined>((resolve, reject) => {
            next = { resolve, reject };
            if (calls.has(id)) say({ id, pull: true });
            else reject(over);
          }).then((part) => (part ? controller.enqueue(part) : controller.close()));
        const cancel = () => (end(), say({ id, abort: true }));
        const stream = response.body && ![101, 204, 205, 304].includes(status) ? new ReadableStream({ pull, cancel }, { highWaterMark: 0 }) : null;
        if (!stream) end();
        const made = new Response(stream, { status, statusText, headers });
        Object.defineProperty(made, 'url', { value: response.url });
        if (challenge) challenges.set(made, challenge);
        resolve(made);
      }
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    removeEventListener('pagehide', this.#hide);
    removeEventListener('pageshow', this.#show);
    this.#failAll((op) => failure('cancelled', 'closed', op));
    this.#away();
  }
}

class VaultClient extends Client {
  #link!: Link;
  #restored: Promise<unknown> | undefined;
  #known: Promise<Current> | undefined;

  static async reach(way: () => Promise<Way>, { signal, restore }: VaultClientOptions): Promise<Client> {
    signal?.throwIfAborted();
    let client: VaultClient | undefined;
    /**
     * Events that are held back: until there is a client, and, while nobody is shown as signed in,
     * until a silent sign-in has been tried.
     */
    let held: HostEvent[] = [];
    let restoring = restore === 'silent';
    const silent = restoring ? import('./silent.js').catch(() => undefined) : undefined;
    let hear: ((event: HostEvent) => void) | undefined;
    const onEvent = (event: HostEvent) => {
      const current = 'status' in event && event.event === ('current' as string);
      if (!hear || (current && restoring && event.status !== 'granted' && client?.current.status !== 'granted')) return void held.push(event);
      if (current) held = []; // older states
      hear(event);
    };
    const release = () => {
      const events = held;
      held = [];
      events.forEach(onEvent);
    };
    const link = new Link(way, onEvent);
    const { hello } = await link.open().catch((error) => {
      link.close();
      throw error;
    });
    client = (await this.over(async (onEvent) => {
      hear = onEvent;
      return link as never;
    }, hello)) as VaultClient;
    client.#link = link;
    release();
    client.closeOn(signal);
    // It begins before anybody has the client, so that it hears of each sign-out.
    const restored = (await silent)?.restoreSilently(client, { signal }, hello.name);
    if (silent)
      client.#restored = Promise.resolve(restored)
        // Back from the server: the state is known only when the reply is redeemed. The
        // application's own call gets the same result.
        .then((now) => (!now || now.status === 'granted' ? null : client.handleRedirect(undefined, { signal })))
        .catch(() => {}) // then nobody is signed in
        .finally(() => {
          restoring = false;
          held = held.slice(-1);
          release();
        });
    return client;
  }

  override get ready(): Client['ready'] {
    return (this.#known ??= Promise.resolve(this.#restored).then(() => (this.current.status === 'restoring' ? super.ready : this.current)));
  }

  /**
   * A reply is in the query (RFC 6749 section 4.1.2): without a query the vault need not be asked.
   */
  override async matches(url: string | URL, options?: CallOptions): Promise<boolean> {
    return String(url).includes('?') && super.matches(url, options);
  }

  override fetch(input: RequestInfo, init?: RequestInit): Promise<Response> {
    return this.#link.fetch(input, init);
  }
}

/**
 * Opens a client whose session is out of the page's reach. It is a `Client` like any other, except
 * for calls that would give the page a secret: `token`, `export`, `exchange`, `setToken`,
 * `tokenExchange`, `introspect`, `register`, `clientCredentials`, `jwtBearer` and `logoutToken`
 * reject with code `kept_in_vault`, and a status has no `id_token` and no `extra`.
 *
 * @throws {OAuthError} if the vault refuses its configuration; or kind `internal`, code
 * `vault_unreachable`: its script or page cannot be loaded, or does not name this origin
 */
export function openClient(vault: WorkerVault | FrameVault): Promise<Client>;
/**
 * The same with the page's own configuration. That does not protect from scripts: one that runs
 * before this one can give another configuration.
 */
export function openClient(config: Config, options: VaultClientOptions & { worker: true }): Promise<Client>;
export function openClient(first: WorkerVault | FrameVault | Config, options?: VaultClientOptions): Promise<Client> {
  const absolute = (url: string | URL) => new URL(url, location.href).href.replace(/#.*/s, '');
  if (options) {
    const config = first as Config;
    const { name, issuer, token_endpoint, client_id } = config;
    // Bundlers move both files, each by itself: the worker cannot know where the module is.
    const own = new URL('./vault-open.js', import.meta.url).href;
    const module = new URL('./oauth2.wasm', import.meta.url).href;
    return VaultClient.reach(async () => {
      const way = await worker(own, JSON.stringify([name, issuer ?? token_endpoint, client_id]));
      way.port.postMessage({ config, module });
      return way;
    }, options);
  }
  const vault = first as WorkerVault & FrameVault;
  return VaultClient.reach(() => (vault.frame ? frame(absolute(vault.frame)) : worker(absolute(vault.worker))), vault);
}
