/**
 * A backend for a frontend (RFC 10017 section 6.1): tokens stay on the server, the page gets a
 * cookie. It is a function from `Request` to `Response`, so it runs in Node, Deno, Bun and workerd,
 * and under their frameworks.
 *
 * @packageDocumentation
 */
import { type Asked, Exchange, nextId, type Passage, standard } from './exchange.js';
import {
  type Answers,
  CLIENT_KEY,
  type Effects,
  type Executors,
  Failed,
  key,
  lock as held,
  named,
  readRing,
  type ModuleSource,
  Refused,
  Requests,
  seal,
  send,
  sign,
  unseal,
  Unreadable,
  verify,
} from './hosts.js';
import { ConflictError, OAuthError, type Config, type KeyStore, type Locks, type Store } from './index.js';
import { defaultLocks } from './locks.js';
import { Memory } from './memory.js';
import { direct } from './node-handler.js';
import { builtin, nodePassage } from './node-passage.js';
import type { EffectEntry } from './entry.js';
import type { Ask, Carrier, Stop } from './open.js';
import type { ExpiringStore } from './remote.js';
import { sealed } from './sealed.js';
import type { CryptoKey } from './web.js';

export { Exchange, type Passage } from './exchange.js';
export { type ExpiringStore } from './remote.js';
export { Memory } from './memory.js';
export { newSealKey } from './sealed.js';
export { nodeHandler, type NodeHandler } from './node-handler.js';
export { bunCarrier, type BunServer, type BunSocket, bunWebSocket, denoCarrier } from './message-sockets.js';
export { nextHandlers, type NextMethod } from './next-handlers.js';
export { nodeUpgrade, type NodeUpgrade } from './node-upgrade.js';
export { type Ask, type Carrier, type Handshake, keepOpen, type Standing } from './open.js';

/** A service that may ask for tokens (RFC 8693) at `POST BASE/exchange`. */
export interface Caller {
  client_id: string;
  /** Base64url of the SHA-256 of a secret of at least 32 characters. */
  secret_sha256: string;
  grant_types: string[];
  audience?: string[];
  /** Requested if the caller names no scope. The caller never gets more. */
  scope: string;
  /** For authorization codes. */
  redirect_uris?: string[];
}

/** The configuration of a backend: `kind: "bff"` in `core/contract/README.md` of the repository. */
export interface BackendConfig {
  /**
   * The base URL of the endpoints, such as `https://app.example/auth`, on the origin of the pages:
   * https, or http on loopback.
   */
  base: string;
  /**
   * A confidential client. Its redirect URI is `base` + `/callback`. `client_key` may also be a
   * private JWK with `alg`, as an object or text.
   */
  client: Omit<Config, 'redirect_uri' | 'client_key'> & { client_key?: CryptoKey | object | string };
  /** Further origins whose pages may call the backend. They must be on the same site as `base`. */
  origins?: string[];
  /**
   * Where the browser may be sent after sign-in and sign-out: paths, each including all paths below
   * it, or URLs. Default: `["/"]`.
   */
  return_to?: string[];
  /** The request header that pages have to send. Default: `x-csrf`. */
  header?: string;
  /** The status of `GET BASE/session` if nobody is signed in. Default: 401. */
  anonymous_status?: 200 | 401;
  /** How long a session lasts in all, in ms. Default: 12 hours. */
  session_ms?: number;
  /** How long a session lasts unused, in ms. Default: an hour. */
  idle_ms?: number;
  /**
   * Lets the page get the access token from `GET BASE/token`. Then every script of the page can
   * take it away.
   */
  insecure_token_endpoint?: boolean;
  /** Requests for the path, and for paths below it, go to the target with the token. */
  proxy?: { path: string; target: string }[];
  /** Names of further headers, in lower case, that pass between pages and resources. */
  pass_headers?: string[];
  callers?: Caller[];
}

/** What a backend works with. */
export interface BackendOptions {
  /**
   * The key ring: `ID:KEY,ID:KEY`, the newest first; KEY is 32 random bytes in base64url. {@link
   * newSealKey} makes one. The same in every process.
   */
  sealKeys: string;
  /**
   * Where sessions are stored, sealed: `redisStore`, `postgresStore`, or another one whose
   * `storeUntil` deletes expired sessions. Default: memory, which ends with the process.
   */
  store?: Store | ExpiringStore;
  /**
   * Make processes refresh one after the other: `redisLocks`, `postgresLocks`. Default: locks of
   * this process if the store is also in this process. Otherwise none; then compare-and-set of the
   * store prevents double refreshes.
   */
  locks?: Locks;
  /** oauth2-edge.wasm, compiled or its bytes. Default: it is read from the disk. */
  module?: ModuleSource;
  /** Sends requests. Default: the global `fetch`. */
  fetch?: typeof fetch;
  /**
   * How long a server behind the proxy may take to begin its answer, in ms. Default: 30,000.
   */
  proxyTimeoutMs?: number;
  /**
   * Called with each effect when it is asked for and once it is done, for a log, or for `telemetry`
   * of `oauth2-wasm/otel`. The entry contains no secret.
   */
  onEffect?: (entry: EffectEntry) => void;
  /** Called when a request failed because of a fault in this server. Default: `console.error`. */
  onError?: (error: unknown) => void;
}

/** How one request is served. */
export interface RequestContext {
  /** A Worker's `waitUntil`: keeps the isolate alive for work that goes on after the answer. */
  waitUntil?(work: Promise<unknown>): void;
  /**
   * Carries WebSockets: {@link denoCarrier}, {@link bunCarrier}; {@link nodeUpgrade} passes one.
   * Without it a WebSocket is answered 501.
   */
  carrier?: Carrier;
}

/** A backend that is open. */
export interface Backend {
  /**
   * Answers a request. It never rejects. With several backends, the request's host decides which
   * one answers. The scheme is taken from `base`, so a server in front may terminate TLS.
   */
  fetch(request: Request, context?: RequestContext): Promise<Response>;
  /**
   * Resolves when no request is under way. Await it after the server has stopped taking requests.
   */
  idle(): Promise<void>;
  /**
   * Begins to stop. From now on `BASE/ready` answers 503, so that a server in front sends requests
   * elsewhere; sockets and streams of events are closed, so that browsers open them elsewhere; and
   * no new socket is opened. All other requests are still served: close the server, too.
   *
   * @param withinMs how long it waits at most. Default: 60,000, which is longer than any lock is
   * waited for. What is cut off while it refreshes may lose its session, if the authorization
   * server does not take the old refresh token again
   * @returns resolves to true once no request is under way, and no lock is held; or to false when
   * the time is over
   */
  close(withinMs?: number): Promise<boolean>;
}

const LIFETIME = 12 * 3_600_000;
const PURGE_PAUSE = 10_000;

/**
 * A store in memory that deletes what has expired. It ends with the process.
 */
export const expiringMemoryStore = (): ExpiringStore => {
  const entries = new Map<string, { value: string; version: string; until: number }>();
  let purged = 0;
  const find = (key: string) => {
    const entry = entries.get(key);
    return entry && entry.until > Date.now() ? entry : undefined;
  };
  const put = (key: string, version: string, value: string | null, until = Infinity) => {
    if ((find(key)?.version ?? '') !== version) throw new ConflictError('oauth2-wasm: store: conflict');
    const now = Date.now();
    if (now - purged > PURGE_PAUSE) {
      purged = now;
      entries.forEach((entry, key) => entry.until > now || entries.delete(key));
    }
    entries.delete(key);
    if (value === null) return '';
    const next = crypto.randomUUID();
    entries.set(key, { value, version: next, until });
    return next;
  };
  return {
    local: true,
    load: (key) => {
      const { value, version } = find(key) ?? { version: '' };
      return value === undefined ? { version } : { value, version };
    },
    store: put,
    storeUntil: async (key, version, value, until) => put(key, version, value, until),
  };
};

/** Imports a private key so that no code can read it. */
const readKey = async (given: CryptoKey | object | string): Promise<CryptoKey> => {
  if ((given as CryptoKey).algorithm && (given as CryptoKey).usages) return given as CryptoKey;
  try {
    const { alg, kty, crv, x, y, n, e, d, p, q, dp, dq, qi } = typeof given === 'string' ? JSON.parse(given) : (given as JsonWebKey);
    return await crypto.subtle.importKey('jwk', { kty, crv, x, y, n, e, d, p, q, dp, dq, qi }, named(alg!) as EcKeyImportParams, false, ['sign']);
  } catch {
    throw new OAuthError({ kind: 'client', code: 'bad_value', op: 'open', retryable: false, field: 'client_key', expected: 'a private JWK with alg' });
  }
};

/** The configuration of a backend as the module reads it. */
export const openingOf = (config: BackendConfig): string =>
  `"kind":"bff","config":${JSON.stringify({ ...config, client: { ...config.client, ...(config.client.client_key && { client_key: CLIENT_KEY }) } })}`;

const storing = async <T>(work: () => T): Promise<Awaited<T>> => {
  try {
    return await work();
  } catch (error) {
    throw error instanceof Failed ? error : new Failed((error as Partial<Error>)?.name === 'ConflictError' ? 'conflict' : 'storage', error);
  }
};

/**
 * What all requests of a backend share. `apart` begins each name, so that several backends can
 * share a store.
 */
const kept = async (config: BackendConfig, { sealKeys, store = expiringMemoryStore(), locks = defaultLocks(store) }: BackendOptions, apart: string) => {
  const ring = await readRing(sealKeys);
  const memory = new Memory();
  const until = 'storeUntil' in store ? (store as ExpiringStore) : undefined;
  /** The server's metadata, which can be fetched again, and a counter for their versions. */
  const metadata = new Map<string, { value: string; version: string }>();
  let states = 0;
  const isMetadata = (key: string) => key.endsWith('.metadata');
  const put = ({ key, version, value, delete: remove, expires_at: end }: Omit<Effects['store'], 'id' | 'kind'>): Promise<string> | string => {
    if (isMetadata(key)) {
      if ((metadata.get(key)?.version ?? '') !== version) throw new Failed('conflict');
      if (remove) return (metadata.delete(key), '');
      metadata.set(key, { value: value!, version: `${++states}` });
      return `${states}`;
    }
    if (remove) return store.store(apart + key, version, null);
    return end && until ? until.storeUntil(apart + key, version, value!, end) : store.store(apart + key, version, value!);
  };
  const { session_ms: lifetime = LIFETIME } = config;
  // A session's key expires with the session.
  const { keys } = await sealed(
    {
      load: (name: string) => store.load(apart + name),
      store: async (name: string, version: string, value: string | null) =>
        put({ key: name, version, ...(value === null ? { delete: true } : { value, expires_at: Date.now() + lifetime }) }),
    } as Store,
    sealKeys,
  );
  const clientKey = config.client.client_key && (await readKey(config.client.client_key));
  const signing: { keys: KeyStore; clientKey: CryptoKey | undefined } = { keys, clientKey: clientKey || undefined };
  const executors: Executors = {
    load: async ({ key }) =>
      (isMetadata(key) ? (metadata.get(key) ?? { version: '' }) : storing(async () => store.load(apart + key))) as Promise<Answers['load']>,
    store: async (effect) => ({ version: await storing(() => put(effect)) }),
    lock: (effect, controller) => held({ ...effect, name: apart + effect.name }, controller, locks),
    recall: ({ key }) => ({ text: memory.recall(key) }) as Answers['recall'],
    remember: ({ key, text, expires_at }) => memory.remember(key, text, expires_at),
    seal: async ({ text, context }) => ({ sealed: await seal(ring, text, apart + context) }),
    unseal: async ({ sealed, context }) => ({ text: await unseal(ring, sealed, apart + context) }),
    key: (effect) => key(effect, signing),
    sign: (effect) => sign(effect, signing),
  };
  return executors;
};

/** The executors that belong to a single request. */
export const exchanging = (exchange: Exchange): Executors => ({
  body: (effect) => exchange.body(effect),
  proxy: (effect, controller) => exchange.proxy(effect, controller),
  respond: (effect) => exchange.respond(effect),
});

const sending = (sender: typeof fetch): Executors => ({
  http: (effect: Effects['http'], controller: AbortController) => send(effect, controller, sender),
  verify,
});

/** Asks the module whether an open connection may stay open. For hosts, like {@link serve}. */
export const asking =
  (requests: Requests, open: string, executors: Executors): Ask =>
  (keep) =>
    requests.run(open, { command: 'alive', id: nextId(), keep } as { id: number }, { __proto__: null, ...executors } as Executors);

/**
 * Serves one request, and always answers. For hosts that store sessions with executors of their
 * own.
 *
 * @param open {@link openingOf} of the configuration
 * @param executors for sessions: `load`, `store`, `lock`, `recall`, `remember`, `seal`, `unseal`,
 * `key`, `sign`
 */
export const serve = async (
  requests: Requests,
  open: string,
  exchange: Exchange,
  executors: Executors,
  onError: (error: unknown) => void,
  sender: typeof fetch = fetch,
  onEffect?: (entry: EffectEntry) => void,
): Promise<void> => {
  exchange.ask = asking(requests, open, executors);
  try {
    await requests.run(open, exchange.command(), { __proto__: null, ...sending(sender), ...executors, ...exchanging(exchange) } as Executors, onEffect);
  } catch (error) {
    if (error instanceof Unreadable) return exchange.fail(431, 'too_large', "The request's headers are too large.");
    onError(error);
    if (error instanceof Refused) exchange.fail(500, 'misconfigured', 'The log of this server says what is wrong.');
    else exchange.fail(500, 'internal', 'The request was lost. Try again.');
  }
};

const fromDisk = async (): Promise<ModuleSource> => {
  const { readFile }: typeof import('node:fs/promises') = await builtin('fs/promises');
  return readFile(new URL('./oauth2-edge.wasm', import.meta.url));
};

const hostOf = (base: string): string => {
  try {
    return new URL(base).host;
  } catch {
    throw new OAuthError({ kind: 'client', code: 'bad_url', op: 'open', retryable: false, field: 'base' });
  }
};

/**
 * Opens a backend, or several for different host names of one server. Each has its own client and
 * its own sessions, even if they share a store, so that one does not accept the cookie of another.
 * Backends are not told apart by path, because scripts of one origin are not protected from each
 * other.
 *
 * @throws {OAuthError} if a configuration is refused; `field` names the member
 * @throws {Error} if the key ring cannot be read
 */
export const openBackend = async (config: BackendConfig | BackendConfig[], options: BackendOptions): Promise<Backend> => {
  const { proxyTimeoutMs = 30_000, onError = (error) => console.error('oauth2-wasm: the request was lost:', String(error)), fetch: given } = options;
  const module = options.module ?? (await fromDisk());
  const compiled = (module instanceof WebAssembly.Module ? module : await WebAssembly.compile(module as BufferSource)) as ModuleSource;
  const usual = standard();
  const passage: Passage = (!given && (await nodePassage(usual.upload))) || usual;
  const store = options.store ?? expiringMemoryStore();
  const all = Array.isArray(config) ? config : [config];
  const sites = new Map<string, { origin: string; requests: Requests; open: string; executors: Executors }>();
  for (const one of all) {
    const host = hostOf(one.base);
    if (sites.has(host))
      throw new OAuthError({
        kind: 'client',
        code: 'bad_value',
        op: 'open',
        retryable: false,
        field: 'base',
        expected: 'a host for each backend',
        came: `${host} twice`,
      });
    const site = {
      origin: new URL(one.base).origin,
      requests: new Requests(compiled),
      open: openingOf(one),
      executors: await kept(one, { ...options, store }, Array.isArray(config) ? `${host}/` : ''),
    };
    try {
      await site.requests.check(site.open);
    } catch (error) {
      throw error instanceof Refused ? new OAuthError({ ...error.details, op: 'open' }) : error;
    }
    sites.set(host, site);
  }
  const [first] = sites.values();
  if (!first) throw new OAuthError({ kind: 'client', code: 'missing', op: 'open', retryable: false, field: 'base' });
  const underWay = new Set<Promise<void>>();
  const stop: Stop = { stopping: false, open: new Set() };
  const idle = async () => {
    while (underWay.size) await Promise.all(underWay);
  };
  const answer = (request: Asked, url: URL, { waitUntil, carrier }: RequestContext = {}): Promise<Response> => {
    const site = sites.get(url.host);
    // For an unknown host any backend will do: it refuses, because the host is not its own.
    const { origin, requests, open, executors } = site ?? first;
    const asked = site ? origin + request.url.slice(url.origin.length) : request.url;
    const exchange = new Exchange(request, proxyTimeoutMs, passage, asked, given, carrier);
    exchange.stop = stop;
    // If the browser goes away, work that others wait for goes on: a refresh, or storing a session.
    const work = (exchange.over = serve(requests, open, exchange, executors, onError, given, options.onEffect));
    underWay.add(work);
    void work.then(() => underWay.delete(work));
    waitUntil?.(work);
    return exchange.response;
  };
  const backend: Backend = {
    fetch: (request, context) => answer(request, new URL(request.url), context),
    idle,
    async close(withinMs = 60_000) {
      stop.stopping = true;
      for (const close of [...stop.open]) close();
      let clock: ReturnType<typeof setTimeout>;
      const late = new Promise<boolean>((resolve) => (clock = setTimeout(resolve, withinMs, false)));
      return Promise.race([idle().then(() => true), late]).finally(() => clearTimeout(clock));
    },
  };
  direct.set(backend, answer);
  return backend;
};
