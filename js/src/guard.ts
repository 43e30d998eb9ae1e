/**
 * Checks access tokens at a resource.
 *
 * @packageDocumentation
 */
import { builtin } from './node-passage.js';
import { CLIENT_KEY, type Commands, entropy, Failed, instantiate, type Instance, key, Loop, OAuthError, type Reason, send, sign, verify } from './hosts.js';
import { ConflictError, memoryKeys } from './index.js';
import type { CryptoKey } from './web.js';

export type { Reason } from './messages.js';

/**
 * An authorization server whose tokens are accepted. Its members mean the same as in a client's
 * configuration (`Config`).
 */
export interface AuthorizationServer {
  /** Its identifier, as in its tokens (RFC 8414 section 2). */
  issuer: string;
  /**
   * Reads its metadata. The default if neither `jwks_uri` nor `introspection_endpoint` is given.
   */
  discovery?: boolean;
  /** The URL of its metadata, if it is not where the issuer says. */
  metadata_url?: string;
  /** An issuer with `{tenantid}` in it, for servers with many tenants. */
  issuer_template?: string;
  /** Where its keys are (RFC 7517). */
  jwks_uri?: string;
  /** Where it answers questions about tokens (RFC 7662). */
  introspection_endpoint?: string;
  /** The client that introspects. Without one there is no introspection. */
  client_id?: string;
  client_secret?: string;
  /** The server's `kid` for {@link GuardOptions.clientKey}. */
  client_key_id?: string;
  client_assertion_audience?: string;
  token_endpoint_auth_signing_alg?: string;
  introspection_endpoint_auth_method?: string;
  /** Requires signed answers to introspection (RFC 9701). */
  introspection_signed_response_alg?: string;
  /**
   * Which tokens are introspected: `opaque` ones, which are no JWTs (the default), or `all`, so
   * that a revoked one is refused within a minute.
   */
  introspect?: 'opaque' | 'all';
}

/** What a request needs in addition to a valid token. */
export interface Need {
  /** Scopes with one space between them. The token needs all of them. */
  scope?: string | undefined;
  /**
   * Authentication context classes with one space between them. The token needs one of them (RFC
   * 9470).
   */
  acr_values?: string | undefined;
  /** How long ago the user may have been authenticated, in seconds. */
  max_age?: number | undefined;
}

/** The configuration: that of kind `resource` in core/contract/README.md. */
export interface ResourceConfig extends Need {
  /**
   * The identifier of the resource (RFC 9728 section 1.2): https, or http on loopback. Its origin
   * is the one that clients use.
   */
  resource: string;
  /** 16 at most. */
  authorization_servers: AuthorizationServer[];
  /**
   * Names of this resource in tokens. A token has to contain one of them. Default: only `resource`.
   */
  audience?: string[];
  /** The algorithms of access tokens. Default: all asymmetric ones. */
  algorithms?: string[];
  /**
   * Accepts JWTs of type `JWT` or without a type, such as those of Keycloak and Microsoft Entra. An
   * ID token for the same audience is then accepted, too.
   */
  insecure_untyped_tokens?: boolean;
  /** Accepts tokens without an audience. */
  insecure_without_audience?: boolean;
  /**
   * Whether tokens that are bound to a key (RFC 9449) are accepted, required or refused (`off`).
   * Default: `accepted`.
   */
  dpop?: 'accepted' | 'required' | 'off';
  /** The algorithms of proofs. Default: all asymmetric ones. */
  dpop_algorithms?: string[];
  /** Requires proofs to contain a nonce of this resource. */
  dpop_nonce?: boolean;
  /**
   * Secrets from which nonces are made: base64url of 32 bytes or more, the newest first. All
   * processes need the same ones.
   */
  nonce_keys?: string[];
  /** How long a nonce is valid, in ms. Default: 300,000. */
  nonce_ms?: number;
  /** How old a proof without a nonce may be, in ms. Default: 60,000. */
  proof_ms?: number;
  /** Refuses tokens that are bound neither to a key nor to a certificate. */
  require_bound?: boolean;
  /** How far clocks may be apart, in ms. Default: 30,000. */
  clock_tolerance_ms?: number;
  /** How long the servers' keys are cached, in ms. Default: 600,000. */
  keys_ms?: number;
  /**
   * Checks that a token's certificate is that of the connection (RFC 8705): {@link
   * CheckOptions.certificate}.
   */
  certificates?: boolean;
  /** The header, in lower case, in which `proxies` pass the client's certificate. */
  certificate_header?: string;
  /**
   * Addresses or networks. The header counts only if {@link CheckOptions.peer} is one of them.
   */
  proxies?: string[];
  /** Further origins under which clients see this resource. */
  origins?: string[];
  /** Further members of the document of RFC 9728. */
  metadata?: Record<string, unknown>;
  insecure_http_origins?: string[];
  /** Begins the keys in the store. Default: `oauth2`. */
  name?: string;
  user_agent?: string;
  /**
   * No check waits for a request that another check made. Default: true in Cloudflare Workers,
   * where one request cannot await I/O of another.
   */
  alone?: boolean;
}

/**
 * Remembers proofs, so that each is accepted once, in all processes that share the store. While it
 * fails, no proof is accepted (503). The stores of this package withdraw what they had not sent, so
 * a proof that was refused for that reason can be accepted once later. If a write was sent and its
 * answer lost, the proof may be noted, and is then refused: the client makes a new one.
 */
export interface ReplayStore {
  /**
   * Stores a new key, until a time in Unix milliseconds.
   *
   * @param version always `""`: nothing is there
   * @throws {ConflictError} if the key exists; any other error counts as a failure of the store
   */
  storeUntil(key: string, version: string, value: string, until: number): Promise<string>;
}

/** How a {@link Guard} works. */
export interface GuardOptions {
  /** oauth2-edge.wasm, where it is not to be read from the disk: compiled or its bytes. */
  module?: WebAssembly.Module | BufferSource;
  /**
   * Default: memory of this process for 100,000 proofs; a request beyond that is refused with 503.
   * Stores of `oauth2-wasm/redis` and `oauth2-wasm/postgres` can be used here.
   */
  replays?: ReplayStore;
  /** The private key with which the servers' clients authenticate (private_key_jwt). */
  clientKey?: CryptoKey;
  /** Sends requests to the servers. Default: the global `fetch`. */
  fetch?: typeof fetch;
  /** Called with failures: the store failed, a server cannot be reached. */
  onError?: (error: unknown) => void;
}

/** What is known about a request in addition to its content. */
export interface CheckOptions extends Need {
  /**
   * The URL that the client asked for, if a server in front changed it. Only its path counts.
   * Default: the request's.
   */
  url?: string | undefined;
  /** The certificate of the client's connection: base64 of DER. */
  certificate?: string | undefined;
  /** The address of the other end of the connection, without port. */
  peer?: string | undefined;
  /** Ends the wait. */
  signal?: AbortSignal | null | undefined;
  /**
   * `ctx.waitUntil` of Cloudflare Workers: old keys are read again after the answer.
   */
  waitUntil?: ((work: Promise<unknown>) => void) | undefined;
}

/** The result for a request that was let in. */
export interface Allowed {
  allowed: true;
  scheme: 'Bearer' | 'DPoP';
  /** The authorization server. */
  issuer: string;
  /** The claims of the token, or the server's answer. */
  claims: Record<string, unknown> & { sub?: string; client_id?: string; scope?: string; exp?: number };
  /** Headers to add to the answer: a nonce for the next proof. */
  headers: [string, string][];
}

/** The result for a request that was refused. */
export interface Refused {
  allowed: false;
  /** The answer for the caller: status, challenge and body. */
  response: Response;
  /** The reason, for a log. It contains no token. */
  reason: Reason;
}

export type Verdict = Allowed | Refused;

/** How many proofs are remembered in memory. */
const MOST = 100_000;

/**
 * The proofs that came to this process. If it is full, storing fails, because a forgotten proof
 * could be replayed.
 */
export const memoryReplays = (most = MOST): ReplayStore => {
  const ends = new Map<string, number>();
  /** The earliest expiry of an entry: sweeping before that finds nothing. */
  let next = 0;
  const sweep = (now: number) => {
    next = Infinity;
    ends.forEach((end, key) => {
      if (end <= now) ends.delete(key);
      else next = Math.min(next, end);
    });
  };
  return {
    storeUntil: async (key, _version, _value, until) => {
      const now = Date.now();
      if (ends.get(key)! > now) throw new ConflictError('oauth2-wasm: store: conflict');
      if (ends.size >= most && now >= next) sweep(now);
      if (ends.size >= most) throw new Error('oauth2-wasm: no room to note one more proof');
      next = Math.min(next, until);
      ends.set(key, until);
      return '1';
    },
  };
};

const refusal = (code: string) => new OAuthError({ kind: 'client', code, op: 'check', retryable: false });
const lost = (cause: unknown) => new OAuthError({ kind: 'internal', code: 'instance_lost', op: 'check', retryable: true }, { cause });

const isWorker = () => globalThis.navigator?.userAgent === 'Cloudflare-Workers';

/**
 * Memory never shrinks: an instance that has grown finishes its checks and gets no new ones.
 */
const WORN = 4 << 20;

const fromDisk = async (): Promise<BufferSource> => {
  const { readFile }: typeof import('node:fs/promises') = await builtin('fs/promises');
  return readFile(new URL('./oauth2-edge.wasm', import.meta.url));
};

interface Waiting {
  resolve(ok: never): void;
  reject(error: unknown): void;
}

/** A session of the module, with its callers. */
interface Session {
  instance: Instance;
  loop: Loop;
  waiting: Map<number, Waiting>;
  /** Callbacks for when nothing is under way. */
  quiet: (() => void)[];
}

/**
 * Checks the access tokens of requests. One Guard serves all requests of a process, any number at
 * once.
 *
 * It sends no request and does not start the module before the first check. The signature of the
 * same token is verified once a minute, everything else at each request.
 */
export class Guard {
  #config: ResourceConfig;
  #options: GuardOptions;
  #replays: ReplayStore;
  #module: WebAssembly.Module | BufferSource | undefined;
  #session: Session | undefined;
  #closed = false;
  #lastId = 0;

  constructor(config: ResourceConfig, options: GuardOptions = {}) {
    this.#config = config;
    this.#options = options;
    this.#replays = options.replays ?? memoryReplays();
    this.#module = options.module;
  }

  /**
   * Each caller awaits only what it began itself: in Cloudflare Workers one request cannot await
   * I/O of another.
   */
  async #open(): Promise<Session> {
    const known = this.#session;
    // If the runtime kills a request for its CPU time, nothing throws, and the loop of that session
    // stays busy. Such a session is not used again.
    if (known && !known.loop.busy && known.instance.memoryBytes <= WORN) return known;
    const instance = await instantiate(this.#module ?? (await fromDisk()));
    this.#module ??= instance.module;
    if (this.#closed) throw refusal('closed');
    if (this.#session && this.#session !== known) return this.#session; // who came at the same time was faster
    return (this.#session = this.#begin(instance));
  }

  #begin(instance: Instance): Session {
    const { clientKey, fetch: sender = fetch } = this.#options;
    const authorization_servers = this.#config.authorization_servers?.map((server) => ({
      ...server,
      ...(clientKey && server.client_id && { client_key: CLIENT_KEY }),
    }));
    const config = { alone: isWorker(), ...this.#config, authorization_servers };
    const handle = instance.open(JSON.stringify({ now: Date.now(), entropy: entropy(), kind: 'resource', config }));
    if (!handle) throw new OAuthError(JSON.parse(instance.effect(0)!).error);
    const signing = { keys: memoryKeys(), clientKey };
    const session: Session = {
      instance,
      waiting: new Map(),
      quiet: [],
      loop: new Loop(
        {
          __proto__: null,
          http: (effect, controller) => send(effect, controller, sender),
          verify,
          key: (effect) => key(effect, signing),
          sign: (effect) => sign(effect, signing),
          store: ({ key, version, value, expires_at: until }) => this.#note(key, version, value!, until!),
        } as ConstructorParameters<typeof Loop>[0],
        {
          turn: (message) => {
            const code = instance.input(handle, message);
            const effects = [];
            for (let text; !code && (text = instance.effect(handle)); ) effects.push(JSON.parse(text));
            return code || effects;
          },
          take: (effect) => {
            const error = 'error' in effect && effect.error ? new OAuthError(effect.error) : undefined;
            if (effect.kind === 'event') return void (error && this.#options.onError?.(error));
            const waiting = session.waiting.get(effect.command);
            session.waiting.delete(effect.command);
            if (error) waiting?.reject(error);
            else waiting?.resolve(effect.ok as never);
          },
          lost: (cause) => {
            if (this.#session === session) this.#session = undefined; // it still answers, wrongly
            session.loop.withdraw();
            session.waiting.forEach(({ reject }) => reject(lost(cause)));
            session.waiting.clear();
          },
          rest: () => session.loop.kinds.length || session.quiet.splice(0).forEach((resolve) => resolve()),
          done: () => {},
        },
      ),
    };
    session.loop.busy = false;
    return session;
  }

  /** Remembers a proof. */
  async #note(key: string, version: string, value: string, until: number): Promise<{ version: string }> {
    try {
      return { version: await this.#replays.storeUntil(key, version, value, until) };
    } catch (error) {
      if ((error as Partial<Error>)?.name === 'ConflictError') throw new Failed('conflict');
      this.#options.onError?.(error);
      throw new Failed('storage', error);
    }
  }

  #run<C extends 'check' | 'metadata'>(
    { loop, waiting }: Session,
    command: C,
    parameters: Commands[C]['parameters'],
    signal?: AbortSignal | null,
  ): Promise<Commands[C]['ok']> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const id = ++this.#lastId;
      const abort = () => {
        reject(signal!.reason);
        loop.feed(`{"command":"cancel","id":${++this.#lastId},"target":${id}`);
      };
      const end =
        <T>(settle: (value: T) => void) =>
        (value: T) => {
          signal?.removeEventListener('abort', abort);
          settle(value);
        };
      signal?.addEventListener('abort', abort);
      waiting.set(id, { resolve: end(resolve as Waiting['resolve']), reject: end(reject) });
      loop.feed(JSON.stringify({ ...parameters, command, id }).slice(0, -1), (code) => {
        waiting.get(id)?.reject(refusal(code === 3 ? 'too_large' : 'unreadable'));
        waiting.delete(id);
      });
    });
  }

  /**
   * Opens the session, so that a bad configuration is found before the first request.
   *
   * @throws {OAuthError} if the configuration is refused; `field` names the member
   */
  async ready(): Promise<void> {
    await this.#open();
  }

  /**
   * Says whether a request is let in. It does not read the body.
   *
   * @throws {OAuthError} if the configuration or the need is refused (`client`), or the module
   * crashed (`internal`)
   * @throws the reason of `signal`
   */
  async check(request: Pick<Request, 'method' | 'url' | 'headers'>, options: CheckOptions = {}): Promise<Verdict> {
    const session = await this.#open();
    const { url = request.url, certificate, peer, scope, acr_values, max_age, signal, waitUntil } = options;
    const headers: [string, string][] = [];
    for (const name of ['authorization', 'dpop', this.#config.certificate_header]) {
      const value = name && request.headers.get(name);
      if (value) headers.push([name, value]);
    }
    let verdict: Commands['check']['ok'];
    try {
      verdict = await this.#run(session, 'check', { method: request.method, url, headers, certificate, peer, scope, acr_values, max_age }, signal);
    } catch (error) {
      if (!(error instanceof OAuthError && error.code === 'too_large')) throw error;
      return { allowed: false, response: new Response(null, { status: 431 }), reason: { code: 'too_large' } };
    }
    if (waitUntil && session.loop.kinds.length) waitUntil(new Promise<void>((resolve) => session.quiet.push(resolve)));
    if (verdict.allowed) return verdict as Allowed;
    const { status, headers: list, body, reason } = verdict;
    return { allowed: false, response: new Response(body.text || null, { status, headers: list }), reason };
  }

  /**
   * The resource's metadata (RFC 9728), and the URL where it belongs.
   *
   * @throws {OAuthError} if the configuration is refused
   */
  async metadata(): Promise<{ url: string; metadata: Record<string, unknown> }> {
    return this.#run(await this.#open(), 'metadata', {});
  }

  /** Answers a request for the document of RFC 9728; `undefined` for any other. */
  async respond(request: Pick<Request, 'method' | 'url'>): Promise<Response | undefined> {
    const { url, metadata } = await this.metadata();
    const { pathname, search } = new URL(request.url);
    const own = new URL(url);
    if (pathname !== own.pathname || search !== own.search || !['GET', 'HEAD'].includes(request.method)) return undefined;
    return Response.json(metadata, { headers: { 'cache-control': 'max-age=3600', 'access-control-allow-origin': '*' } });
  }

  /** Closes the Guard: checks under way fail, and so do later ones. */
  close(): void {
    this.#closed = true;
    const session = this.#session;
    this.#session = undefined;
    session?.loop.withdraw();
    session?.waiting.forEach(({ reject }) => reject(refusal('closed')));
    session?.waiting.clear();
  }
}
