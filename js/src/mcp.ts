/**
 * Tokens for protected resources whose metadata says which server issues them: the client's side of
 * the authorization of the Model Context Protocol of 2026-07-28 (RFC 9728, 8414, 7591, 8707, 9207).
 * For Node, Deno and Bun.
 *
 * @packageDocumentation
 */
import {
  type AuthorizeParameters,
  type CallOptions,
  type Client,
  type Config,
  Host,
  memoryStore,
  OAuthError,
  openAlone,
  type Options,
  type Status,
  type Token,
  useVerifiers,
} from './index.js';
import type { Commands } from './messages.js';
import { builtin } from './node-passage.js';
import { closing } from './http.js';
import { CLIENT_KEY } from './keys.js';
import { guardedFetch } from './public.js';
import { verifyRSA } from './rsa.js';
import { verifyNatively } from './verify-natively.js';
import type { CryptoKey } from './web.js';

useVerifiers(verifyRSA, verifyNatively);

/** The members of a client's configuration that the caller cannot set. */
type Derived = 'client_id' | 'client_key' | 'issuer' | 'resource' | 'token_destinations' | 'scope' | 'name';

/** The client's identity, and what it may do by itself. */
export interface McpConfig {
  /**
   * The redirect URI of sign-ins: https, or http on loopback. {@link SignIn.begin} may set another.
   */
  redirect_uri?: string;
  /**
   * Clients that were registered by hand, each for its `issuer`. They are tried first. With
   * `token_endpoint_auth_method: 'private_key_jwt'` a client authenticates with {@link client_key}.
   */
  clients?: (Partial<Omit<Config, 'client_key'>> & { issuer: string; client_id: string })[];
  /**
   * The URL of a client ID metadata document: https, with a path. It is used if the server says
   * that it supports such documents. The client authenticates with `client_key`, if that is given.
   */
  client_id?: string;
  client_key?: CryptoKey;
  client_key_id?: string;
  /**
   * Members of RFC 7591 section 2. If this is set, even to `{}`, the client registers by itself at
   * a server that does not know it in another way.
   */
  client_metadata?: Record<string, unknown>;
  /**
   * Origins, such as `http://localhost:4000`, to which requests may go although they are http or
   * not public. The resource's own origin is always included.
   */
  private_origins?: string[];
  /** Requests the scope `offline_access` if the server lists it. Default: true. */
  offline_access?: boolean;
  /** Further members of the clients' configuration. What follows from the resource is refused. */
  client?: Partial<Omit<Config, Derived>>;
  /** Begins all keys in the store. Default: `oauth2`. */
  name?: string;
  user_agent?: string;
}

/** How the clients work: the options of `openClient`, and the sign-in of {@link Mcp.fetch}. */
export interface McpOptions extends Omit<Options, 'session'> {
  /** Keeps attempts to sign in. Default: the store, so that another process can finish one. */
  pendingStore?: NonNullable<Options['pendingStore']>;
  /**
   * Called by {@link Mcp.fetch} if the user has to sign in, for one sign-in at a time for each
   * origin. It is done when {@link SignIn.finish} is. If it returns `false`, the caller gets the
   * resource's answer unchanged.
   */
  signIn?: (signIn: SignIn) => Promise<unknown>;
}

/** A resource's answer that is not a `Response`. */
export interface Answer {
  /** The URL of the request. */
  url: string;
  method?: string;
  status: number;
  headers: Headers | [string, string][] | Record<string, string>;
}

export interface ChallengedParameters extends CallOptions {
  /**
   * The `Authorization` header that was sent; without it the client cannot know which token was
   * refused.
   */
  sent?: string | null | undefined;
  /** The URL of the request. Default: that of the answer. */
  url?: string | URL | undefined;
  method?: string | undefined;
  /** The purpose of the request, such as `tools/call:search`. Default: the method. */
  operation?: string | undefined;
}

/** A sign-in for a resource, to which the user has to agree. */
export interface SignIn {
  /** The resource for which the token will be valid. */
  resource: string;
  /** The server that issues the token. */
  issuer: string;
  scope?: string | undefined;
  /** The client that signs in, for other ways than a browser: a device, `crossAppAccess`. */
  client: Client;
  /** Gives the URL for the user's browser: https, except for `private_origins`. */
  begin(parameters?: { redirect_uri?: string | undefined } & CallOptions): Promise<{ url: string; state: string }>;
  /** Takes the URL at which the browser arrived, or what a user pasted. */
  finish(redirect: string | URL | { pasted: string; state: string }): Promise<Status>;
}

type Next = Required<Commands['challenged']['ok']>;
type Known = Next & { client: Client; clientId: string | undefined };

const over = (error: unknown) => error instanceof OAuthError && (error.begin_again || error.code === 'refresh_not_supported');

const plain = (url: string | URL) => String(url).replace(/[?#].*/s, '');

/** How often a request is sent at most. */
const TRIES = 4;

/** Gets tokens for resources. Made by {@link openMcp}. */
export class Mcp {
  #host: Host;
  /** @internal */
  unlisten: (() => void) | undefined;
  #config: McpConfig;
  #options: McpOptions;
  /** By their configuration. */
  #clients = new Map<string, Promise<Client>>();
  /** By the URL of the resource. */
  #known = new Map<string, Client>();
  /** Who signs in, by origin. */
  #turns = new Map<string, Promise<unknown>>();

  /** @internal */
  constructor(host: Host, config: McpConfig, options: McpOptions) {
    this.#host = host;
    this.#config = config;
    this.#options = options;
  }

  async #open(url: string, next: Next): Promise<Known> {
    const text = JSON.stringify(next.config);
    const config = next.config as unknown as Config;
    if (config.client_key) config.client_key = this.#config.client_key!;
    const { signIn: _, ...options } = this.#options;
    let opening = this.#clients.get(text);
    if (!opening) {
      this.#clients.set(text, (opening = openAlone(config, options)));
      opening.catch(() => this.#clients.delete(text));
    }
    const client = await opening;
    this.#known.set(url, client);
    return { ...next, client, clientId: config.client_id ?? config.registration?.client_id };
  }

  /**
   * The client for a resource, with all its methods; `null` if nothing is known about the resource.
   */
  async client(url: string | URL, { signal }: CallOptions = {}): Promise<Client | null> {
    const at = plain(url);
    const known = this.#known.get(at);
    if (known) return known;
    const next = await this.#host.run('find', { url: at }, signal);
    return next.config ? (await this.#open(at, next as Next)).client : null;
  }

  /**
   * A valid access token for a resource. Of all processes that share the store, one refreshes, and
   * the others use the result. `null` if a sign-in is needed, or if nothing is known about the
   * resource yet: then send a request without a token, whose answer says what the resource needs.
   */
  async token(url: string | URL, options: CallOptions = {}): Promise<Token | null> {
    const client = await this.client(url, options);
    try {
      return client && (await client.token(options));
    } catch (error) {
      if (over(error)) return null;
      throw error;
    }
  }

  /**
   * What to do about a resource's 401, or 403 with `insufficient_scope`. `null` means that there is
   * a token now, from a refresh or another process: send the request once more. Otherwise the user
   * has to sign in first.
   *
   * @throws {OAuthError} final for this request. Code `not_challenged`: no token helps;
   * `step_up_failed`, `too_many_attempts`: none did; `no_client`: the server does not know the
   * client, and `expected` says how it could become known; `wrong_resource`,
   * `no_authorization_server`, `wrong_issuer`, `not_public`, `pkce_not_supported`: resource or
   * server cannot be trusted
   */
  async challenged(answer: Response | Answer, { sent, url, method, operation, signal }: ChallengedParameters = {}): Promise<SignIn | null> {
    const at = plain(url ?? answer.url);
    const parameters = {
      url: at,
      method: method ?? ('method' in answer ? answer.method : undefined),
      status: answer.status,
      headers: [...new Headers(answer.headers)].filter(([name]) => name === 'www-authenticate'),
      sent: sent ?? undefined,
      operation,
    };
    for (let again = true; ; again = false) {
      const next = await this.#open(at, (await this.#host.run('challenged', parameters, signal)) as Next);
      if (next.next === 'authorize') return this.#signIn(at, next);
      try {
        if (next.next === 'refresh') await next.client.refresh({ signal });
        else {
          await next.client.status({ signal }); // another process got it: `status` reads the store, and `token` may not do so within a second
          await next.client.token({ signal });
        }
        return null;
      } catch (error) {
        if (over(error)) return this.#signIn(at, next);
        if (!again || !(await this.#forgotten(at, next, error))) throw error;
      }
    }
  }

  #signIn(url: string, next: Known): SignIn {
    const { resource, issuer, client, authorize } = next;
    return {
      resource,
      issuer,
      client,
      scope: authorize.scope,
      begin: (parameters) => client.authorize({ ...authorize, ...parameters } as AuthorizeParameters),
      finish: (redirect) =>
        client.callback(typeof redirect === 'string' || redirect instanceof URL ? { url: String(redirect) } : redirect).catch(async (error) => {
          await this.#forgotten(url, next, error); // so that the next try registers again
          throw error;
        }),
    };
  }

  /**
   * Whether the server no longer knows a client that registered by itself. Its registration is
   * deleted.
   */
  async #forgotten(url: string, { identity, clientId }: Known, error: unknown): Promise<boolean> {
    if (!(error instanceof OAuthError) || error.error !== 'invalid_client' || identity !== 'registered') return false;
    this.#known.delete(url);
    await this.#host.run('forget', { url, client_id: clientId });
    return true;
  }

  /** Finishes a sign-in that another process began on the same store. */
  async finish(url: string | URL, redirect: string | URL): Promise<Status> {
    const client = await this.client(url);
    if (!client) throw new OAuthError({ kind: 'client', code: 'not_signed_in', op: 'finish', retryable: false });
    return client.callback({ url: String(redirect) });
  }

  /** Signs out of a resource, and deletes all data about it. */
  async forget(url: string | URL): Promise<void> {
    const at = plain(url);
    await (await this.client(at))?.logOut();
    this.#known.delete(at);
    await this.#host.run('forget', { url: at });
  }

  /**
   * Like the global `fetch`, with the token of the resource. A refused request is sent once more
   * with a newer token, or with one from {@link McpOptions.signIn}, unless its body can be read
   * only once.
   *
   * @throws {OAuthError} as {@link challenged}
   */
  async fetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    let last: Response | undefined;
    for (let tries = 1; ; tries++) {
      let request;
      try {
        request = new Request(input instanceof Request ? input.clone() : input, init);
      } catch (error) {
        if (last) return last; // the body was a stream, which has been read
        throw error;
      }
      const { url, method, signal } = request;
      const client = (await this.token(url, { signal })) && (await this.client(url));
      const response = await (client ? client.fetch(request) : (this.#options.fetch ?? fetch)(request));
      if (tries === TRIES || (response.status !== 401 && response.status !== 403)) return response;
      const token = await client?.token({ signal }).catch(() => undefined);
      if (!(await this.#renewed(response, { url, method, signal, sent: token && `${token.token_type} ${token.access_token}` }))) return response;
      if (last) void last.body?.cancel();
      last = response;
    }
  }

  /** Whether there is another token now. */
  async #renewed(response: Response, about: ChallengedParameters): Promise<boolean> {
    const { origin } = new URL(String(about.url));
    const turn = (this.#turns.get(origin) ?? Promise.resolve())
      .catch(() => {})
      .then(async () => {
        try {
          const signIn = await this.challenged(response, about);
          return !signIn || (!!this.#options.signIn && (await this.#options.signIn(signIn)) !== false);
        } catch (error) {
          if (error instanceof OAuthError && error.code === 'not_challenged') return false;
          throw error;
        }
      });
    this.#turns.set(origin, turn);
    return turn;
  }

  /** Ends all work that is under way. Stored data stays. */
  close(): void {
    this.unlisten?.();
    this.#host.close();
    for (const opening of this.#clients.values())
      void opening.then(
        (client) => client.close(),
        () => {},
      );
  }
}

export { publicFetch } from './public.js';
/** @internal */
export { isPublicAddress } from './public.js';

let shared: Promise<WebAssembly.Module> | undefined;

const fromDisk = async () => {
  const { readFile }: typeof import('node:fs/promises') = await builtin('fs/promises');
  return WebAssembly.compile(await readFile(new URL('./oauth2-full.wasm', import.meta.url)));
};

const keyed = (own: Partial<Config>, key: unknown) => (key && own.token_endpoint_auth_method === 'private_key_jwt' ? { ...own, client_key: CLIENT_KEY } : own);

/**
 * Opens a client for resources. It sends nothing before one of them refuses a request. Each
 * resource has its own client, and all use one store. With `locks` and a shared store, any number
 * of processes use the same session.
 *
 * @throws {OAuthError} if the configuration is refused; `field` names the member
 */
export const openMcp = async (config: McpConfig, options: McpOptions = {}): Promise<Mcp> => {
  const { signIn: _, hooks: __, signal, ...given } = options;
  const store = given.store ?? memoryStore();
  const hands = { pendingStore: store, ...given, store, module: given.module ?? (shared ??= fromDisk()), fetch: given.fetch ?? guardedFetch };
  const { client_key: key, clients, client, private_origins: origins, ...rest } = config;
  const parameters = client?.parameters && [...new URLSearchParams(client.parameters)];
  const host = await Host.open({
    ...hands,
    clientKey: key,
    open: {
      kind: 'mcp',
      config: {
        ...rest,
        private_origins: origins,
        clients: clients?.map((own) => keyed(own, key)),
        client: client && { ...client, parameters },
        client_key: key && config.client_id ? CLIENT_KEY : undefined,
      },
    },
  });
  const mcp = new Mcp(host, config, { ...options, ...hands });
  mcp.unlisten = closing(signal, () => mcp.close());
  return mcp;
};
