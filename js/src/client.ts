import type { Source } from '../../wasm_exec.js';
import { deviceFlow } from './device.js';
import { asked, failure, type OAuthError } from './error.js';
import { Host, type HostEvent, type HostOptions, type Run } from './host.js';
import { closing } from './http.js';
import { CLIENT_KEY } from './keys.js';
import { leave } from './navigate.js';
import { repliesFor, takeReply } from './redirect.js';
import { fetchResource } from './resource.js';
import { type Part, share } from './shared.js';
import type * as T from './types.js';
import type { ListenerOptions, RequestInfo } from './web.js';

/** What runs a client's commands. */
type Remote = Pick<Host, 'run' | 'close'> | Part;

const pairs = (parameters: T.Parameters | undefined) => parameters && [...new URLSearchParams(parameters)];

/**
 * An OAuth 2 client with one session. Made by {@link openClient}.
 *
 * Methods reject with an {@link OAuthError}, or with the reason of the signal they were given.
 */
export class Client extends EventTarget {
  #host!: Remote;
  #unlisten: (() => void) | undefined;
  #config: Partial<T.Config>;
  #fetch: typeof fetch | undefined;
  #ready: Promise<T.Current> | undefined;

  /**
   * What a user interface shows of the session, without waiting: whether somebody is signed in, and
   * who. It is a frozen object, and the same one until something changes; then the event `change`
   * comes. It contains no secret. Until the session is loaded, the status is `restoring`.
   */
  current: T.Current = Object.freeze({ status: 'restoring' });

  /**
   * @param together in a page: clients of one identity share a session
   * @internal
   */
  static async open(given: T.Config | T.RegistrationConfig, options: T.Options, module: () => Source | PromiseLike<Source>, together = false) {
    const { session, signal, ...others } = options;
    signal?.throwIfAborted();
    // A page is on other people's networks.
    if (given.insecure_http_origins && globalThis.location) throw failure('client', 'http_in_page', 'open');
    const config = { ...given, parameters: pairs(given.parameters) };
    const stages = (hooks?: object) => hooks && Object.keys(hooks);
    const open = (hands: Partial<HostOptions>) =>
      Host.open({
        ...others,
        ...hands,
        clientKey: config.client_key,
        module: options.module ?? module(),
        open: {
          kind: 'client',
          config: {
            ...config,
            client_key: config.client_key && CLIENT_KEY,
            parameter_hooks: stages(options.hooks?.parameters),
            request_hooks: stages(options.hooks?.request),
            response_hooks: stages(options.hooks?.response),
          },
          session,
          current: true,
        },
      });
    const client = await this.over(
      (onEvent) => (together ? share(config as T.Config, options, onEvent, open) : open({ onEvent })),
      config as T.Config,
      options.fetch,
    );
    client.closeOn(signal);
    return client;
  }

  /**
   * A client of a session that something else holds: a host of this page, or a worker.
   *
   * @internal
   */
  static async over(
    connect: (onEvent: (event: HostEvent) => void) => Promise<Remote>,
    config: Partial<T.Config>,
    fetch?: typeof globalThis.fetch,
  ): Promise<Client> {
    const client = new this(config, fetch);
    client.#host = await connect((event) => client.#dispatch(event));
    return client;
  }

  /**
   * Runs commands by the module's names. For a worker, which passes the module's answers on.
   *
   * @internal
   */
  static runOf(client: Client): Run {
    return client.#run;
  }

  /**
   * How long an attempt may take, in milliseconds.
   *
   * @internal
   */
  readonly attemptLife: number;

  /** @internal */
  protected constructor(config: Partial<T.Config>, fetch?: typeof globalThis.fetch) {
    super();
    this.#config = config;
    this.attemptLife = config.attempt_life_ms ?? 600_000;
    this.#fetch = fetch;
  }

  #dispatch({ event, ...detail }: HostEvent): void {
    if (event === 'current') {
      const text = JSON.stringify(detail);
      if (text === JSON.stringify(this.current)) return;
      detail = this.current = JSON.parse(text, (_, value) => Object.freeze(value));
      event = 'change' as never;
    }
    this.dispatchEvent(new CustomEvent(event, { detail: (detail as { error?: OAuthError }).error ?? detail }));
  }

  /**
   * Resolves with {@link current} once the session is loaded. It is the same promise each time.
   *
   * @throws {OAuthError} kind `cancelled`, code `closed` if the client is closed before
   */
  get ready(): Promise<T.Current> {
    return (this.#ready ??= this.#run('status', { held: true }).then(() => this.current));
  }

  #run: Run = (command, given = {} as never) => {
    const { signal, parameters, ...rest } = given as T.AuthorizeParameters;
    return this.#host.run(command, { ...rest, parameters: pairs(parameters) } as never, signal);
  };

  /**
   * Builds an authorization request (RFC 6749 section 4.1.1) with PKCE (RFC 7636). The attempt is
   * stored before you get the URL, and expires after `attempt_life_ms`, ten minutes by default. If
   * the server supports pushed authorization requests, the URL contains only a reference (RFC
   * 9126), which the server may expire earlier. With `request_object_signing_alg` the request is
   * signed (RFC 9101).
   */
  authorize(parameters?: T.AuthorizeParameters): Promise<T.Authorization> {
    return this.#run('authorize', parameters);
  }

  /**
   * Sends the user to the server: {@link authorize}, and then `location.assign`. The promise does
   * not resolve while the page is leaving; code after it runs only if your own `navigate` returns.
   *
   * @throws {OAuthError} kind `cancelled`, code `page_restored` if the user came back to the page
   */
  async signIn({ navigate, ...parameters }: T.SignInParameters = {}): Promise<void> {
    const { url } = await asked('sign_in', this.authorize(parameters));
    await (navigate ? navigate(url) : leave(url, 'sign_in', parameters.signal));
  }

  /**
   * Finishes a sign-in on the page to which the server sent the user back (RFC 6749 section 4.1.2).
   *
   * Without `url` it reads the page's own URL and always removes the reply from it, so that a
   * reload does not deliver it again. A reply to no attempt of this client stays in memory for
   * another client that this page opens. In a page, one reply is redeemed once, and all callers get
   * the same result until the page navigates; elsewhere a second delivery fails with
   * `already_used`.
   *
   * @param url the URL of that page. Default: the page's own.
   * @returns the status, with the `app_state` of `authorize`; `null` if the URL contains no reply
   * to this client
   * @throws {OAuthError} kind `callback_not_verified` with `begin_again` if the reply belongs to no
   * attempt of this client; kind `server` with `error` if the server refused (RFC 6749 section
   * 4.1.2.1)
   */
  async handleRedirect(url?: string | URL, options?: T.CallOptions): Promise<T.Status | null> {
    const session = 'session' in this.#host ? this.#host.session : this;
    for (const reply of url === undefined ? repliesFor(session) : [String(url)]) {
      if (!(await asked('handle_redirect', this.matches(reply, options)))) continue;
      const finish = () => asked('handle_redirect', this.callback({ ...options, url: reply }));
      return url === undefined ? takeReply(session, reply, this.#config.redirect_uri!, finish) : finish();
    }
    return null;
  }

  /**
   * Whether a URL is a reply to the configured redirect URI. It does not verify the reply.
   */
  async matches(url: string | URL, options?: T.CallOptions): Promise<boolean> {
    return (await this.#host.run('matches', { url: String(url) }, options?.signal)).matches;
  }

  /**
   * Finishes a sign-in with a reply that is not in the page's own URL: in a server (also a posted
   * one, with `response_mode: 'form_post'`), in an app, or pasted by the user.
   *
   * @throws {OAuthError} as {@link handleRedirect}
   */
  callback(parameters: T.CallbackParameters): Promise<T.Status> {
    return this.#run('callback', parameters);
  }

  /**
   * Signs in on another device (RFC 8628): shows a user code, and waits until the user has entered
   * it there. A flow that was under way is discarded.
   *
   * @returns the status, once the user approved. It keeps waiting during {@link T.Device.pause};
   * aborting the signal ends the flow.
   * @throws {OAuthError} kind `server` with `error: 'access_denied'` if the user declined, kind
   * `expired` if the codes expired, kind `cancelled` after {@link T.Device.cancel}. While the
   * network is down it keeps waiting (event `request_failed`).
   */
  deviceSignIn(parameters: T.DeviceSignInParameters): Promise<T.Status> {
    return asked('device_sign_in', deviceFlow(this, this.#run, 'device_start', parameters));
  }

  /**
   * Resumes the device flow that the status shows as `device`: after a reload, or after a network
   * failure.
   *
   * @throws {OAuthError} as {@link deviceSignIn}; code `no_device_code` if there is none
   */
  deviceResume(parameters: T.DeviceResumeParameters): Promise<T.Status> {
    return asked('device_resume', deviceFlow(this, this.#run, 'poll_start', parameters));
  }

  /** Redeems a code that was obtained elsewhere (RFC 6749 section 4.1.3). */
  exchange(parameters: T.ExchangeParameters): Promise<T.Status> {
    return this.#run('exchange', parameters);
  }

  /**
   * An access token that has not expired; it is refreshed first if necessary. Prefer {@link
   * fetch}, which sends it only where configured. With a `resource` or a `scope` it is a token for
   * these, requested with the same sign-in (RFC 8707 section 2.2).
   *
   * @throws {OAuthError} `error: 'invalid_target'` if the server does not know the resource, or
   * issues no token for it: the session stays as it is
   */
  token(parameters?: T.TokenParameters): Promise<T.Token> {
    return this.#run('token', parameters);
  }

  /**
   * Refreshes the access token (RFC 6749 section 6). Callers, tabs and processes that ask at once
   * share one refresh.
   */
  refresh(options?: T.CallOptions): Promise<T.Status> {
    return this.#run('refresh', options);
  }

  /** Revokes a token at the server, and forgets it once the server has confirmed (RFC 7009). */
  revoke(parameters?: T.RevokeParameters): Promise<T.Status> {
    return this.#run('revoke', parameters);
  }

  /**
   * Exchanges the access token for a long-lived one, if the provider supports that
   * (`long_lived_grant_type`).
   */
  extend(options?: T.CallOptions): Promise<T.Status> {
    return this.#run('extend', options);
  }

  /** Who signed in, read as the configuration's `profile` says. */
  profile(options?: T.CallOptions): Promise<T.Profile> {
    return this.#run('profile', options);
  }

  /**
   * The answer of the userinfo endpoint (OpenID Connect Core section 5.3). Numbers beyond 2^53 lose
   * digits, as in `JSON.parse`; the `id` of {@link profile} does not.
   */
  async userinfo(options?: T.CallOptions): Promise<T.UserInfo> {
    return (await this.#run('userinfo', options)).claims;
  }

  /** The state of the session. It reads the store first. */
  status(options?: T.CallOptions): Promise<T.Status> {
    return this.#run('status', options);
  }

  /**
   * Puts tokens that were obtained elsewhere into the session: a token response, or a result of
   * {@link token}.
   */
  setToken(token: T.TokenResponse | T.Token, options?: T.CallOptions): Promise<T.Status> {
    return this.#host.run('set_token', { token }, options?.signal);
  }

  /**
   * Deletes the session, and then revokes its tokens (RFC 7009). It gives the URL at which a
   * browser also ends the user's session at the server (OpenID Connect RP-Initiated Logout section
   * 2); {@link signOut} goes there. A sign-in that is under way then fails with code `signed_out`.
   */
  logOut(parameters?: T.LogOutParameters): Promise<T.LoggedOut> {
    return this.#run('log_out', parameters);
  }

  /**
   * Signs the user out: {@link logOut}, and then `location.assign` if there is a URL. As with
   * {@link signIn}, the promise does not resolve while the page is leaving.
   */
  async signOut({ navigate, ...parameters }: T.SignOutParameters = {}): Promise<T.LoggedOut> {
    const ended = await asked('sign_out', this.logOut(parameters));
    if (ended.url) await (navigate ? navigate(ended.url) : leave(ended.url, 'sign_out', parameters.signal));
    return ended;
  }

  /**
   * Verifies the `logout_token` that a server posts when a session ends there (OpenID Connect
   * Back-Channel Logout section 2.6). Your server has to end the sessions that it names, and to
   * accept each `jti` only once until `expires_at`.
   *
   * @throws {OAuthError} kind `id_token_not_verified`
   */
  logoutToken(text: string, options?: T.CallOptions): Promise<T.LogoutToken> {
    return this.#run('logout_token', { ...options, logout_token: text });
  }

  /**
   * Gets a token for the client itself, without a user (RFC 6749 section 4.4). It needs a
   * `client_secret` or a `client_key`.
   */
  clientCredentials(parameters?: T.ClientCredentialsParameters): Promise<T.Status> {
    return this.#run('client_credentials', parameters);
  }

  /**
   * Signs in with an assertion: a JWT about the user from an issuer that the server trusts (RFC
   * 7523 section 2.1).
   */
  jwtBearer(parameters: T.JwtBearerParameters): Promise<T.Status> {
    return this.#run('jwt_bearer', parameters);
  }

  /**
   * Gets a token by any other grant type (RFC 6749 section 4.5). With `keep` it becomes the
   * session; otherwise it is only returned.
   *
   * @throws {OAuthError} code `protected_parameter`: codes, refresh tokens and device codes have
   * their own methods, and the core sets some parameters itself
   */
  grant(parameters: T.GrantParameters & { keep: true }): Promise<T.Status>;
  grant(parameters: T.GrantParameters & { keep?: false }): Promise<T.GrantedToken>;
  grant(parameters: T.GrantParameters): Promise<T.Status | T.GrantedToken> {
    return this.#run('grant', parameters);
  }

  /**
   * Signs in with the user's identity at another server
   * (draft-ietf-oauth-identity-assertion-authz-grant): the `identity_provider` exchanges the
   * subject token for an ID-JAG, and this client's server exchanges that for a token. The user is
   * not asked.
   *
   * @throws {OAuthError} if either server refuses; `host` says which
   */
  crossAppAccess(parameters: T.CrossAppAccessParameters): Promise<T.Status> {
    return this.#run('cross_app_access', parameters);
  }

  /**
   * Exchanges a token for one that another service accepts (RFC 8693). The new token is not stored.
   */
  tokenExchange(parameters?: T.TokenExchangeParameters): Promise<T.ExchangedToken> {
    return this.#run('token_exchange', parameters);
  }

  /** Asks the server what it knows about a token (RFC 7662). */
  async introspect(parameters?: T.IntrospectParameters): Promise<T.Introspection> {
    return (await this.#run('introspect', parameters)).claims;
  }

  /**
   * Registers the client at the server, with the `client_metadata` of the configuration (RFC 7591
   * section 3). The answer is not stored: open a client with all of it as {@link
   * T.Config.registration}.
   */
  async register(parameters?: T.RegisterParameters): Promise<T.Registration> {
    return (await this.#run('register', parameters)).client;
  }

  /**
   * A protected resource's description of itself, with its `authorization_servers` (RFC 9728
   * section 3). No token is sent there.
   *
   * @throws {OAuthError} code `wrong_resource` if the answer describes another resource
   */
  async resourceMetadata(parameters: T.ResourceMetadataParameters): Promise<T.ResourceMetadata> {
    return (await this.#run('resource_metadata', parameters)).metadata;
  }

  /**
   * Deletes the session if the server ended it. For the page that the server then loads in a frame
   * (OpenID Connect Front-Channel Logout section 2). Browsers may deny such a frame its storage.
   *
   * @param url the URL that was loaded, with `iss` and `sid`. Default: the page's own.
   * @returns whether it was this session
   */
  async frontChannelLogout(url: string | URL = location.href, options?: T.CallOptions): Promise<boolean> {
    return (await this.#run('front_channel_logout', { ...options, url: String(url) })).logged_out;
  }

  /**
   * Like the global `fetch`, with the access token (RFC 6750 section 2.1), and with a DPoP proof if
   * the token is bound to a key (RFC 9449 section 7).
   *
   * The URL must be below one of the configured `token_destinations` or `resource_destinations`;
   * otherwise nothing is sent. A redirect is an error, because the token must not follow it. After
   * a 401 the token is refreshed, or the resource's nonce used, and the request is sent once more,
   * unless its body can be read only once. {@link challengeOf} says what a resource that refused
   * asks for.
   *
   * @throws {OAuthError} code `resource_not_allowed`, or `redirect`, or those of {@link token}
   * @throws {TypeError} as the global `fetch`
   */
  fetch(input: RequestInfo, init?: RequestInit): Promise<Response> {
    return asked('fetch', fetchResource(this.#run, this.#fetch ?? fetch, input, init));
  }

  /**
   * The session as text, for {@link openClient} later. It contains the tokens. `""` without a
   * session.
   */
  async export(options?: T.CallOptions): Promise<string> {
    return (await this.#run('export', options)).session;
  }

  /**
   * Stops the client: calls under way reject with code `closed`. The stored session stays.
   */
  close(): void {
    this.#unlisten?.();
    this.#host.close();
  }

  /**
   * This is not written in {@link open}, whose scope must not hold the client: minifiers move the
   * list of the page's sessions into that scope, and the list would keep every closed client.
   *
   * @internal
   */
  protected closeOn(signal: AbortSignal | null | undefined): void {
    this.#unlisten = closing(signal, () => this.close());
  }
}

/** A listener for an event of a client. */
type Listener<E extends keyof T.ClientEvents> =
  | ((this: Client, event: CustomEvent<T.ClientEvents[E]>) => unknown)
  | { handleEvent(event: CustomEvent<T.ClientEvents[E]>): unknown };

// Only names of events: a misspelt event would never come.
export interface Client {
  addEventListener<E extends keyof T.ClientEvents>(type: E, listener: Listener<E> | null, options?: ListenerOptions): void;
  removeEventListener<E extends keyof T.ClientEvents>(type: E, listener: Listener<E> | null, options?: ListenerOptions): void;
}
