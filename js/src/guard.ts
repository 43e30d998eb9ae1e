/**
 * The check at the resource: whether the access token of a request lets it in.
 *
 * @packageDocumentation
 */
import { builtin } from './node-passage.js';
import { CLIENT_KEY, type Commands, entropy, Failed, instantiate, type Instance, key, Loop, OAuthError, type Reason, send, sign, verify } from './hosts.js';
import { ConflictError, memoryKeys } from './index.js';
import type { CryptoKey } from './web.js';

export type { Reason } from './messages.js';

/**
 * An authorization server whose tokens are taken. Its members are those of a client's configuration
 * (`Config`) of the same names.
 */
export interface AuthorizationServer {
  /** Its name, as its tokens have it (RFC 8414 section 2). */
  issuer: string;
  /**
   * Reads its metadata; on by itself where neither `jwks_uri` nor `introspection_endpoint` is
   * given.
   */
  discovery?: boolean;
  /** Where its metadata are, if not where the issuer says. */
  metadata_url?: string;
  /** An issuer with `{tenantid}` in it, of servers for all tenants. */
  issuer_template?: string;
  /** Where its keys are (RFC 7517). */
  jwks_uri?: string;
  /** Where it is asked of tokens (RFC 7662). */
  introspection_endpoint?: string;
  /** Who asks it. Without one nothing is introspected. */
  client_id?: string;
  client_secret?: string;
  /** `client_key_id` of {@link GuardOptions.clientKey}: the server's `kid` for it. */
  client_key_id?: string;
  client_assertion_audience?: string;
  token_endpoint_auth_signing_alg?: string;
  introspection_endpoint_auth_method?: string;
  /** Has its answers signed (RFC 9701). */
  introspection_signed_response_alg?: string;
  /**
   * Which tokens it is asked of: those that are no JWTs, which is the default, or all, so that a
   * revoked one is refused within a minute.
   */
  introspect?: 'opaque' | 'all';
}

/** What a request has to have besides a good token. */
export interface Need {
  /** Scopes with one space between them, all of which are needed. */
  scope?: string | undefined;
  /**
   * Authentication context classes with one space between them, one of which is needed (RFC 9470).
   */
  acr_values?: string | undefined;
  /** How long ago the user may have been authenticated, in seconds. */
  max_age?: number | undefined;
}

/** The configuration: that of kind `resource` in core/contract/README.md. */
export interface ResourceConfig extends Need {
  /**
   * The identifier of the resource (RFC 9728 section 1.2): https, or http on loopback. Its origin
   * is where clients see this server.
   */
  resource: string;
  /** 16 at most. */
  authorization_servers: AuthorizationServer[];
  /** Names of this resource in tokens, which need one of them. Default: `resource` alone. */
  audience?: string[];
  /** The algorithms of access tokens. Default: all asymmetric ones. */
  algorithms?: string[];
  /**
   * Takes JWTs of type `JWT`, or of none, as Keycloak and Microsoft Entra make them. An ID token
   * for the same audience passes then.
   */
  insecure_untyped_tokens?: boolean;
  /** Takes tokens that say of nobody whom they are for. */
  insecure_without_audience?: boolean;
  /** What becomes of tokens that are bound to a key (RFC 9449). Default: `accepted`. */
  dpop?: 'accepted' | 'required' | 'off';
  /** The algorithms of proofs. Default: all asymmetric ones. */
  dpop_algorithms?: string[];
  /** Has proofs bear a nonce of this resource. */
  dpop_nonce?: boolean;
  /**
   * Secrets that nonces are made of, base64url of 32 bytes or more, the newest first: the same in
   * all processes.
   */
  nonce_keys?: string[];
  /** How long a nonce is good, in ms. Default: 300,000. */
  nonce_ms?: number;
  /** How old a proof without a nonce may be, in ms. Default: 60,000. */
  proof_ms?: number;
  /** Refuses tokens that are bound to no key and no certificate. */
  require_bound?: boolean;
  /** How far clocks may be apart, in ms. Default: 30,000. */
  clock_tolerance_ms?: number;
  /** After how long the servers' keys are read again, in ms. Default: 600,000. */
  keys_ms?: number;
  /**
   * Holds tokens to the certificate of their connection (RFC 8705): {@link
   * CheckOptions.certificate}.
   */
  certificates?: boolean;
  /** The header, in lower case, in which `proxies` give the client's certificate. */
  certificate_header?: string;
  /**
   * Addresses or networks: {@link CheckOptions.peer} has to be one of them for the header to count.
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
   * No check waits for what another asked for. Default: in Cloudflare Workers, whose requests
   * cannot await each other's.
   */
  alone?: boolean;
}

/** Where it is noted which proofs came, so that each counts once, for all who share it. */
export interface ReplayStore {
  /**
   * Notes a key that nobody noted before, until a time in Unix milliseconds.
   *
   * @param version always `""`: nothing is there
   * @throws {ConflictError} it was noted before; any other error counts as a failure of the store
   */
  storeUntil(key: string, version: string, value: string, until: number): Promise<string>;
}

/** How a {@link Guard} works. */
export interface GuardOptions {
  /** oauth2-edge.wasm, where it is not to be read from the disk: compiled or its bytes. */
  module?: WebAssembly.Module | BufferSource;
  /**
   * Default: 100,000 proofs in this process; one more is refused (503). A store of
   * `oauth2-wasm/redis` or `oauth2-wasm/postgres` is one.
   */
  replays?: ReplayStore;
  /** The private key by which clients of servers are known (private_key_jwt). */
  clientKey?: CryptoKey;
  /** Sends requests to the servers. Default: the global `fetch`. */
  fetch?: typeof fetch;
  /** Hears what failed: a store, a server that cannot be reached. */
  onError?: (error: unknown) => void;
}

/** What is known of a request besides what stands in it. */
export interface CheckOptions extends Need {
  /**
   * The URL that the client asked for, where a server in front changed it. Only its path counts.
   * Default: the request's.
   */
  url?: string | undefined;
  /** The certificate of the client's connection: base64 of DER. */
  certificate?: string | undefined;
  /** The address of the other end of the connection, without port. */
  peer?: string | undefined;
  /** Ends the waiting. */
  signal?: AbortSignal | null | undefined;
  /**
   * `ctx.waitUntil` of Cloudflare Workers: keys that are a while old are read again behind the
   * answer.
   */
  waitUntil?: ((work: Promise<unknown>) => void) | undefined;
}

/** What a request was let in with. */
export interface Allowed {
  allowed: true;
  scheme: 'Bearer' | 'DPoP';
  /** The authorization server. */
  issuer: string;
  /** The claims of the token, or the server's answer. */
  claims: Record<string, unknown> & { sub?: string; client_id?: string; scope?: string; exp?: number };
  /** To be added to the answer: a nonce for the next proof. */
  headers: [string, string][];
}

/** Why a request is not let in. */
export interface Refused {
  allowed: false;
  /** The answer for who called: status, challenge and body. */
  response: Response;
  /** For a log. It holds no token. */
  reason: Reason;
}

export type Verdict = Allowed | Refused;

/** How many proofs are noted in memory. */
const MOST = 100_000;

/**
 * The proofs that came to this process. What does not fit is an error, since a proof that is
 * forgotten is good again.
 */
export const memoryReplays = (most = MOST): ReplayStore => {
  const ends = new Map<string, number>();
  /** Before that nothing more is over than was swept. */
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
 * Memory never shrinks: an instance that once had large requests is left to those who are in it.
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

/** A session of the module, and those who wait for it. */
interface Session {
  instance: Instance;
  loop: Loop;
  waiting: Map<number, Waiting>;
  /** Who wants to know that nothing is under way. */
  quiet: (() => void)[];
}

/**
 * Checks the access tokens of requests. One serves all requests of a process, any number at once.
 *
 * Nothing is asked of a server, and nothing of the module, before the first check.
 */
export class Guard {
  #config: ResourceConfig;
  #options: GuardOptions;
  #replays: ReplayStore;
  #module: WebAssembly.Module | BufferSource | undefined;
  #session: Session | undefined;
  #lastId = 0;

  constructor(config: ResourceConfig, options: GuardOptions = {}) {
    this.#config = config;
    this.#options = options;
    this.#replays = options.replays ?? memoryReplays();
    this.#module = options.module;
  }

  /**
   * Each caller awaits what it began itself: in Cloudflare Workers a request cannot await
   * another's.
   */
  async #open(): Promise<Session> {
    const known = this.#session;
    // A turn that the runtime ended, with its request's CPU time, throws nothing, and what it left
    // is nobody's: the loop stays busy.
    if (known && !known.loop.busy && known.instance.memoryBytes <= WORN) return known;
    const instance = await instantiate(this.#module ?? (await fromDisk()));
    this.#module ??= instance.module;
    if (this.#session && this.#session !== known) return this.#session; // who came at the same time was faster
    return (this.#session = this.#begin(instance));
  }

  #begin(instance: Instance): Session {
    const { clientKey, fetch: sender = fetch } = this.#options;
    const authorization_servers = this.#config.authorization_servers?.map((server) => ({ ...server, ...(clientKey && server.client_id && { client_key: CLIENT_KEY }) }));
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

  /** Notes a proof. */
  async #note(key: string, version: string, value: string, until: number): Promise<{ version: string }> {
    try {
      return { version: await this.#replays.storeUntil(key, version, value, until) };
    } catch (error) {
      if ((error as Partial<Error>)?.name === 'ConflictError') throw new Failed('conflict');
      this.#options.onError?.(error);
      throw new Failed('storage', error);
    }
  }

  #run<C extends 'check' | 'metadata'>({ loop, waiting }: Session, command: C, parameters: Commands[C]['parameters'], signal?: AbortSignal | null): Promise<Commands[C]['ok']> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const id = ++this.#lastId;
      const abort = () => {
        reject(signal!.reason);
        loop.feed(`{"command":"cancel","id":${++this.#lastId},"target":${id}`);
      };
      const end = <T>(settle: (value: T) => void) => (value: T) => {
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
   * Opens the session, so that a configuration that is refused is known before the first request.
   *
   * @throws {OAuthError} the configuration is refused; `field` names the member
   */
  async ready(): Promise<void> {
    await this.#open();
  }

  /**
   * Says whether a request is let in. Its body is not looked at.
   *
   * @throws {OAuthError} the configuration or the need is refused (`client`), or the module was
   * lost (`internal`)
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
   * What the resource says of itself (RFC 9728), and where that belongs.
   *
   * @throws {OAuthError} the configuration is refused
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

  /** Ends the work: checks that are under way fail. */
  close(): void {
    const session = this.#session;
    this.#session = undefined;
    session?.loop.withdraw();
    session?.waiting.forEach(({ reject }) => reject(refusal('closed')));
    session?.waiting.clear();
  }
}
