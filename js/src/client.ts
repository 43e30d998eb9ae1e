import type { Source } from '../../wasm_exec.js';
import { deviceFlow } from './device.js';
import { asked, failure, type OAuthError } from './error.js';
import { Host, type HostEvent, type HostOptions, type Run } from './host.js';
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
  #config: Partial<T.Config>;
  #fetch: typeof fetch | undefined;
  #ready: Promise<T.Current> | undefined;

  /**
   * What there is to show of the session, without waiting: whether somebody is signed in, and who.
   * The same object until that changes, and frozen; the event `change` says when. Nothing of it is
   * secret. Until the session is loaded the status is `restoring`.
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
    const close = () => client.close();
    signal?.addEventListener('abort', close);
    if (signal?.aborted) close();
    return client;
  }

  /**
   * A client of a session that something else holds: a host of this page, or a worker.
   *
   * @internal
   */
  static async over(connect: (onEvent: (event: HostEvent) => void) => Promise<Remote>, config: Partial<T.Config>, fetch?: typeof globalThis.fetch): Promise<Client> {
    const client = new this(config, fetch);
    client.#host = await connect((event) => client.#dispatch(event));
    return client;
  }

  /**
   * Runs commands as the module names them: what the module answers, a worker hands on.
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
   * What {@link current} is once the session is loaded. The same promise each time.
   *
   * @throws {OAuthError} kind `cancelled`, code `closed` where the client is closed before
   */
  get ready(): Promise<T.Current> {
    return (this.#ready ??= this.#run('status', { held: true }).then(() => this.current));
  }

  #run: Run = (command, given = {} as never) => {
    const { signal, parameters, ...rest } = given as T.AuthorizeParameters;
    return this.#host.run(command, { ...rest, parameters: pairs(parameters) } as never, signal);
  };

  /**
   * Builds an authorization request (RFC 6749 section 4.1.1) with PKCE (RFC 7636). Its attempt is
   * stored before the URL is handed out, and ends after ten minutes, or `attempt_life_ms`. Where
   * the server takes pushed authorization requests, the URL refers to what was pushed (RFC 9126),
   * and is good for as long as the server says. With `request_object_signing_alg` the request is
   * signed (RFC 9101).
   */
  authorize(parameters?: T.AuthorizeParameters): Promise<T.Authorization> {
    return this.#run('authorize', parameters);
  }

  /**
   * Sends the user to the server: {@link authorize}, and then `location.assign`. The promise stays
   * open while the page goes: code behind it runs only where the caller's own `navigate` returns.
   *
   * @throws {OAuthError} kind `cancelled`, code `page_restored` where the user came back to the
   * page
   */
  async signIn({ navigate, ...parameters }: T.SignInParameters = {}): Promise<void> {
    const { url } = await asked('sign_in', this.authorize(parameters));
    await (navigate ? navigate(url) : leave(url, 'sign_in', parameters.signal));
  }

  /**
   * Finishes a sign-in on the page that the server sent the user back to (RFC 6749 section 4.1.2).
   *
   * Without `url` it looks at the page's own, and takes the reply out of it, whatever comes of it:
   * a reload does not deliver it again. A reply that answers no attempt of this client stays in
   * memory for another client that this page opens. In a page, one reply is redeemed once, and all
   * who ask get what came of it, as long as the page has not navigated since; elsewhere a second
   * delivery is `already_used`.
   *
   * @param url the URL of that page. Default: the page's own.
   * @returns the status, with the `app_state` that `authorize` was given; `null` if the URL holds
   * no reply to this client
   * @throws {OAuthError} kind `callback_not_verified` where the reply answers no attempt of this
   * client, with `begin_again`; kind `server` with `error` where the server refused (RFC 6749
   * section 4.1.2.1)
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
   * Whether a URL is a reply to the configured redirect URI. It says nothing of whether the reply
   * is good.
   */
  async matches(url: string | URL, options?: T.CallOptions): Promise<boolean> {
    return (await this.#host.run('matches', { url: String(url) }, options?.signal)).matches;
  }

  /**
   * Finishes a sign-in with what came back, where it is no page's own URL: in a server (also as
   * what was posted there, with `response_mode: 'form_post'`), an app, or by the user's hand.
   *
   * @throws {OAuthError} as {@link handleRedirect}
   */
  callback(parameters: T.CallbackParameters): Promise<T.Status> {
    return this.#run('callback', parameters);
  }

  /**
   * Signs in on another device (RFC 8628): shows a user code, and waits until the user has entered
   * it there. Begins anew where a flow was under way.
   *
   * @returns the status, once the user approved. It waits on through {@link T.Device.pause};
   * aborting the signal ends the flow.
   * @throws {OAuthError} kind `server` with `error: 'access_denied'` where the user declined, kind
   * `expired` where the codes ran out, kind `cancelled` after {@link T.Device.cancel}. A connection
   * that fails is waited out (event `request_failed`).
   */
  deviceSignIn(parameters: T.DeviceSignInParameters): Promise<T.Status> {
    return asked('device_sign_in', deviceFlow(this, this.#run, 'device_start', parameters));
  }

  /**
   * Goes on with the device flow that the status shows as `device`: after a reload, from the store,
   * or after a failed connection.
   *
   * @throws {OAuthError} as {@link deviceSignIn}; code `no_device_code` where there is none
   */
  deviceResume(parameters: T.DeviceResumeParameters): Promise<T.Status> {
    return asked('device_resume', deviceFlow(this, this.#run, 'poll_start', parameters));
  }

  /** Redeems a code that was got elsewhere (RFC 6749 section 4.1.3). */
  exchange(parameters: T.ExchangeParameters): Promise<T.Status> {
    return this.#run('exchange', parameters);
  }

  /**
   * An access token that is good now; it is refreshed if need be. Prefer {@link fetch}, which sends
   * it only where configured. With a `resource` or a `scope` it is one for these, got with the same
   * sign-in (RFC 8707 section 2.2).
   *
   * @throws {OAuthError} `error: 'invalid_target'` where the server has no such resource, or gives
   * no token for it: the session stays as it is
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
   * Changes the access token for a long-lived one, where the provider has such
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
   * What the userinfo endpoint says (OpenID Connect Core section 5.3). Numbers beyond 2^53 lose
   * digits, as in `JSON.parse`; the `id` of {@link profile} does not.
   */
  async userinfo(options?: T.CallOptions): Promise<T.UserInfo> {
    return (await this.#run('userinfo', options)).claims;
  }

  /** What may be read of the session. */
  status(options?: T.CallOptions): Promise<T.Status> {
    return this.#run('status', options);
  }

  /** Takes over tokens that were got elsewhere: those of an answer, or what {@link token} gave. */
  setToken(token: T.TokenResponse | T.Token, options?: T.CallOptions): Promise<T.Status> {
    return this.#host.run('set_token', { token }, options?.signal);
  }

  /**
   * Forgets the session, and then revokes its tokens (RFC 7009). It gives the URL at which a
   * browser ends the user's session at the server as well (OpenID Connect RP-Initiated Logout
   * section 2); {@link signOut} goes there.
   */
  logOut(parameters?: T.LogOutParameters): Promise<T.LoggedOut> {
    return this.#run('log_out', parameters);
  }

  /**
   * Signs the user out: {@link logOut}, and then `location.assign` where there is a URL. As with
   * {@link signIn} the promise stays open while the page goes.
   */
  async signOut({ navigate, ...parameters }: T.SignOutParameters = {}): Promise<T.LoggedOut> {
    const ended = await asked('sign_out', this.logOut(parameters));
    if (ended.url) await (navigate ? navigate(ended.url) : leave(ended.url, 'sign_out', parameters.signal));
    return ended;
  }

  /**
   * Verifies the `logout_token` that a server posts when a session ends there (OpenID Connect
   * Back-Channel Logout section 2.6). Whoever keeps sessions ends those that it names, and sees to
   * it that a `jti` counts once until `expires_at`.
   *
   * @throws {OAuthError} kind `id_token_not_verified`
   */
  logoutToken(text: string, options?: T.CallOptions): Promise<T.LogoutToken> {
    return this.#run('logout_token', { ...options, logout_token: text });
  }

  /**
   * Signs in the client itself, without a user (RFC 6749 section 4.4). It needs a `client_secret`
   * or a `client_key`.
   */
  clientCredentials(parameters?: T.ClientCredentialsParameters): Promise<T.Status> {
    return this.#run('client_credentials', parameters);
  }

  /**
   * Signs in by what somebody signed who the server trusts: the assertion says for whom (RFC 7523
   * section 2.1).
   */
  jwtBearer(parameters: T.JwtBearerParameters): Promise<T.Status> {
    return this.#run('jwt_bearer', parameters);
  }

  /** Changes a token for one that is good elsewhere (RFC 8693). It is handed out and not kept. */
  tokenExchange(parameters?: T.TokenExchangeParameters): Promise<T.ExchangedToken> {
    return this.#run('token_exchange', parameters);
  }

  /** Asks the server what it knows of a token (RFC 7662). */
  async introspect(parameters?: T.IntrospectParameters): Promise<T.Introspection> {
    return (await this.#run('introspect', parameters)).claims;
  }

  /**
   * Makes the client known to the server, with the `client_metadata` of the configuration (RFC 7591
   * section 3). Nothing of the answer is kept: open a client with all of it as {@link
   * T.Config.registration}.
   */
  async register(parameters?: T.RegisterParameters): Promise<T.Registration> {
    return (await this.#run('register', parameters)).client;
  }

  /**
   * What a protected resource says of itself, its `authorization_servers` among it (RFC 9728
   * section 3). Nothing of the session is sent there.
   *
   * @throws {OAuthError} code `wrong_resource` where what came is another resource's
   */
  async resourceMetadata(parameters: T.ResourceMetadataParameters): Promise<T.ResourceMetadata> {
    return (await this.#run('resource_metadata', parameters)).metadata;
  }

  /**
   * Forgets the session if it is the one that the server ended. For the page that the server loads
   * then, in a frame (OpenID Connect Front-Channel Logout section 2); browsers may keep storage
   * from such a frame.
   *
   * @param url the URL that was loaded, with `iss` and `sid`. Default: the page's own.
   * @returns whether it was this session
   */
  async frontChannelLogout(url: string | URL = location.href, options?: T.CallOptions): Promise<boolean> {
    return (await this.#run('front_channel_logout', { ...options, url: String(url) })).logged_out;
  }

  /**
   * Like the global `fetch`, with the access token (RFC 6750 section 2.1), and with a proof that it
   * is this client's where it is bound to a key (RFC 9449 section 7).
   *
   * The URL must stand under one of the configured `token_destinations`, or of
   * `resource_destinations`, which say for what its token is; otherwise nothing is sent.
   * A redirect is an error, since the token must not follow it. After a 401 the token is refreshed,
   * or the resource's nonce taken over, and the request sent once more, unless its body can be read
   * only once. {@link challengeOf} says what a resource wanted that refused.
   *
   * @throws {OAuthError} code `resource_not_allowed`, or `redirect`, or those of {@link token}
   * @throws {TypeError} as the global `fetch`
   */
  fetch(input: RequestInfo, init?: RequestInit): Promise<Response> {
    return asked('fetch', fetchResource(this.#run, this.#fetch ?? fetch, input, init));
  }

  /**
   * The session as text, to be kept by the caller and given to {@link openClient}. It holds the
   * tokens. `""` without a session.
   */
  async export(options?: T.CallOptions): Promise<string> {
    return (await this.#run('export', options)).session;
  }

  /**
   * Stops the client's work: what it is waiting for rejects with code `closed`. The stored session
   * stays.
   */
  close(): void {
    this.#host.close();
  }
}

/** What hears an event of a client. */
type Listener<E extends keyof T.ClientEvents> =
  | ((this: Client, event: CustomEvent<T.ClientEvents[E]>) => unknown)
  | { handleEvent(event: CustomEvent<T.ClientEvents[E]>): unknown };

// No name that is none: a misspelt event would never come.
export interface Client {
  addEventListener<E extends keyof T.ClientEvents>(
    type: E,
    listener: Listener<E> | null,
    options?: ListenerOptions,
  ): void;
  removeEventListener<E extends keyof T.ClientEvents>(type: E, listener: Listener<E> | null, options?: ListenerOptions): void;
}
