import type { EffectEntry } from './host.js';
import type { Hooks } from './effects.js';
import type { KeyStore } from './keys.js';
import type { Events } from './messages.js';
import type { Locks } from './locks.js';
import type { OAuthError } from './error.js';
import type { Source } from '../../wasm_exec.js';
import type { Store } from './store.js';
import type { CryptoKey } from './web.js';

/** Parameters of a request, in the order in which they are sent. */
export type Parameters = [string, string][] | Record<string, string> | URLSearchParams;

/**
 * How a client authenticates at an endpoint (RFC 6749 section 2.3.1, OpenID Connect Core section 9,
 * RFC 8705 section 2). Those of TLS need a `fetch` that shows the certificate: an mTLS binding of
 * Cloudflare Workers, or that of an undici `Agent` in Node.
 */
export type AuthMethod =
  | 'client_secret_basic'
  | 'client_secret_post'
  | 'client_secret_jwt'
  | 'private_key_jwt'
  | 'tls_client_auth'
  | 'self_signed_tls_client_auth'
  | 'none';

/** What can sign (RFC 7518 section 3.1, RFC 8037, RFC 9864). */
export type SigningAlgorithm = `${'RS' | 'PS' | 'ES'}${256 | 384 | 512}` | 'EdDSA' | 'Ed25519';

/**
 * The configuration, under the names of RFC 8414 and RFC 7591. It is fixed once the client is open.
 * Endpoints and resources are https URLs; http is for loopback hosts only.
 */
export interface Config {
  /** Tells several sessions apart in stores and locks. Default: `oauth2`. */
  name?: string;
  /** RFC 6749 section 2.2. */
  client_id: string;
  /** Only where it can be kept: never in a page (RFC 6749 section 2.1). */
  client_secret?: string;
  /** Default: `client_secret_basic` with a secret, else `none`. */
  token_endpoint_auth_method?: AuthMethod;
  /**
   * The private key that the server knows this client by, for `private_key_jwt` and signed
   * requests. One that is not extractable can be used by the scripts of a page, but not taken away.
   */
  client_key?: CryptoKey;
  /** The `kid` of that key at the server. */
  client_key_id?: string;
  /** What signs for `private_key_jwt` (RFC 7523 section 2.2). Default: `ES256`. */
  token_endpoint_auth_signing_alg?: SigningAlgorithm;
  /** Authorization requests are signed so (RFC 9101). Default: they are not. */
  request_object_signing_alg?: SigningAlgorithm;
  /**
   * Access tokens are bound to a key of the session's own, which the {@link Options.keys} keep, so
   * that nobody can use them without it (RFC 9449). An answer with another token is then an error.
   * A page needs a server that lets it read `DPoP-Nonce` (CORS).
   */
  dpop?: boolean;
  /** Default: `ES256`. */
  dpop_signing_alg?: SigningAlgorithm;
  /** URIs of what tokens are asked for (RFC 8707 section 2). */
  resource?: string[];
  /** What {@link Client.register} sends (RFC 7591 section 2). */
  client_metadata?: Record<string, unknown>;
  /**
   * What {@link Client.register} gave, as it is. Its `client_id`, `client_secret`,
   * `token_endpoint_auth_method`, `redirect_uris` (where there is one),
   * `id_token_signed_response_alg` and `dpop_bound_access_tokens` stand for members that are
   * missing here.
   */
  registration?: Registration;
  /**
   * The server's identifier; the `iss` of a response (RFC 9207) and of an ID token must equal it.
   * With `discovery` the slash of an empty path is as the server's metadata writes it (RFC 3986
   * section 6.2.3).
   */
  issuer?: string;
  /**
   * The endpoints that are not given here come from the issuer's metadata (OpenID Connect Discovery
   * section 4, or RFC 8414 where that is not found). It is kept in the store, used for a day, and
   * then read again in the background.
   */
  discovery?: boolean;
  /**
   * Where that metadata is, for servers that have it in another place than their issuer says, as
   * Azure AD B2C for each policy. The issuer in it must be the configured one all the same.
   */
  metadata_url?: string;
  /**
   * Origins, as `http://keycloak:8080`, to which requests may go unprotected besides loopback, with
   * tokens and secrets in them. Safe only in a network where nobody else listens. Never for
   * redirect URIs; a page is refused (code `http_in_page`).
   */
  insecure_http_origins?: string[];
  /**
   * An issuer with `{tenantid}` in it, for Microsoft's servers for all tenants: they name it in
   * their metadata, and in an ID token the issuer that it gives for the claim `tid`. Any tenant is
   * then accepted: look at `tid`.
   */
  issuer_template?: string;
  authorization_endpoint?: string;
  token_endpoint?: string;
  /**
   * Where tokens are refreshed, if not at the token endpoint; `none`: the server does not refresh.
   */
  refresh_endpoint?: string;
  /** RFC 8628 section 4. */
  device_authorization_endpoint?: string;
  /** RFC 7009. */
  revocation_endpoint?: string;
  revocation_endpoint_auth_method?: AuthMethod;
  introspection_endpoint_auth_method?: AuthMethod;
  /** OpenID Connect Core section 5.3. */
  userinfo_endpoint?: string;
  /** RFC 7662 section 2. */
  introspection_endpoint?: string;
  /**
   * Where a browser ends the user's session at the server (OpenID Connect RP-Initiated Logout
   * section 2).
   */
  end_session_endpoint?: string;
  /** RFC 7591 section 3. */
  registration_endpoint?: string;
  /** RFC 9126 section 2. A page needs a server that lets it read the answer (CORS). */
  pushed_authorization_request_endpoint?: string;
  /**
   * Whether the parameters of an authorization request go to the server first, so that the URL
   * holds nothing but a reference to them (RFC 9126). `offered`, the default: where there is an
   * endpoint.
   */
  pushed_authorization_requests?: 'off' | 'offered' | 'required';
  /**
   * Where the keys are that ID tokens are verified with (RFC 7517 section 5). With the scope
   * `openid` it or `discovery` is needed.
   */
  jwks_uri?: string;
  /**
   * The algorithms that may sign ID tokens, and whatever else the server signs. Default: all of
   * them.
   */
  id_token_signed_response_alg?: SigningAlgorithm[];
  /** What {@link Client.introspect} is answered has to be signed (RFC 9701). Default: it is not. */
  introspection_signed_response_alg?: SigningAlgorithm;
  /** Where the server sends the user back to, exactly as registered. */
  redirect_uri?: string;
  /** Scope-tokens with a space between them (RFC 6749 section 3.3). */
  scope?: string;
  /** URLs under which the access token may be sent. It goes nowhere else. */
  token_destinations?: string[];
  /**
   * Further parameters of every authorization or device authorization request. Those of the
   * protocol (state, redirect_uri …) are refused.
   */
  parameters?: Parameters;
  /** What stands for `{name}` in the URLs of this configuration: letters, digits, `-` and `.`. */
  variables?: Record<string, string>;
  /**
   * How long before its end a token is not used any more, in milliseconds (at most a quarter of its
   * life). Default: 10,000.
   */
  clock_skew_ms?: number;
  /**
   * How far the user's clock and the server's may be apart when `iat`, `nbf`, `exp` and `auth_time`
   * of an ID or logout token are judged, in milliseconds, an hour at most. Default: 300,000.
   */
  clock_tolerance_ms?: number;
  /**
   * Other audiences that an ID token may name beside this client (OpenID Connect Core section
   * 3.1.3.7, 3).
   */
  trusted_audiences?: string[];
  /** How long a sign-in may take, in milliseconds, from 1,000 to a day. Default: 600,000. */
  attempt_life_ms?: number;
  /**
   * How many sign-ins may be under way at once, 1 to 64; one more forgets the oldest. Default: 16.
   */
  max_attempts?: number;
  /** Refreshes by itself when a token is about to expire. */
  auto_refresh?: boolean;
  /**
   * The server's names for a dead refresh token besides `invalid_grant`: each the exact `error` and
   * `error_description` of its answer, or the `error` alone where that can mean nothing else. The
   * token is then forgotten; any other error deletes nothing.
   */
  refresh_token_errors?: ([error: string] | [error: string, error_description: string])[];
  /**
   * How long before its end a token is about to expire (event `about_to_expire`), in milliseconds.
   * 0, and the default with `auto_refresh`: 10 s or 5 % of its life, the longer. Without this
   * member and without `auto_refresh` nobody watches.
   */
  refresh_lead_ms?: number;
  /** Sent with requests where the host allows it; browsers do not. */
  user_agent?: string;
  /** When a nonce is sent. `automatic`, the default: with the scope `openid`. */
  nonce?: 'automatic' | 'enabled' | 'disabled';
  /** The length of code verifiers, 43 to 128 (RFC 7636 section 4.1). Default: 43. */
  pkce_verifier_length?: number;
  /**
   * For how long after its first sending a refresh token whose answer was lost is sent again, in
   * milliseconds. Default: a day; 0: never.
   */
  retry_window_ms?: number;
  /**
   * The server sends `iss` with every authorization response, so one without it is refused (RFC
   * 9207 section 3).
   */
  authorization_response_iss_parameter_supported?: boolean;
  /**
   * Takes an answer without `token_type` for one of a bearer token, as some providers need it
   * (against RFC 6749 section 5.1).
   */
  missing_token_type_is_bearer?: boolean;
  /** Other names that a server has for the token type `Bearer`. */
  bearer_token_types?: string[];
  /**
   * Where in an answer of the token endpoint the tokens stand: names with dots between levels, as
   * `authed_user` for the user tokens of Slack.
   */
  token_response_path?: string;
  /**
   * Takes an answer with an ID token alone, as Azure AD B2C gives it without a scope of an API. The
   * session is granted then, with the token type `N_A`, and ends with the ID token; what needs an
   * access token rejects with code `no_access_token`.
   */
  access_token_optional?: boolean;
  /** Names the requested scope when tokens are refreshed, as Microsoft Entra wants it. */
  refresh_with_scope?: boolean;
  /**
   * Further parameters of an authorization response for {@link Status.unverified}: Apple's `user`,
   * say, which comes with the first sign-in only.
   */
  callback_parameters?: string[];
  /**
   * The header that carries the bare token to resources, for providers that do not take
   * `authorization: Bearer` (RFC 6750 section 2.1).
   */
  token_header?: string;
  /**
   * The `grant_type` by which {@link Client.extend} changes the access token for a long-lived one,
   * where a provider has one.
   */
  long_lived_grant_type?: string;
  /** How {@link Client.profile} reads who signed in. */
  profile?: ProfileConfig;
  /**
   * Sends the verifier itself as challenge: whoever sees the authorization URL can redeem the code.
   * For servers without S256.
   */
  insecure_pkce_plain?: boolean;
  /**
   * No PKCE at all: whoever intercepts the code can redeem it. For servers that refuse the
   * parameters.
   */
  insecure_pkce_none?: boolean;
  /** No nonce even with the scope `openid`: an ID token is then not bound to the sign-in. */
  insecure_nonce_disabled?: boolean;
  /**
   * ID tokens are kept as text and nobody looks at them, so there are no {@link Status.claims}. For
   * servers without a key set.
   */
  insecure_id_token_unverified?: boolean;
}

/**
 * The configuration of a client that no server knows yet: it can {@link Client.register} and ask
 * for {@link Client.resourceMetadata}. With what the server then gave, as `registration`, it is
 * that of a client.
 */
export type RegistrationConfig = Omit<Config, 'client_id'> & ({ client_metadata: Record<string, unknown> } | { registration: Registration });

/** Where a provider says who signed in. The member names have dots between levels. */
export interface ProfileConfig {
  /** Default: the `userinfo_endpoint`. */
  endpoint?: string;
  /** Default: `sub`. */
  id?: string;
  /** Default: `email`. */
  email?: string;
  /** Several names with spaces between them must all be true. Default: `email_verified`. */
  email_verified?: string;
  /**
   * A list of objects with `email`, `primary` and `verified`, asked where the first endpoint says
   * no e-mail.
   */
  emails_endpoint?: string;
}

/** How a client works. */
export interface Options {
  /** Keeps the session. Default: a {@link memoryStore}. */
  store?: Store;
  /**
   * Keeps attempts to sign in, which hold no token. Default: `sessionStorage` in a page, otherwise
   * memory.
   */
  pendingStore?: Store;
  /**
   * Keeps the keys that tokens are bound to with `dpop`. Default: in a page or worker IndexedDB,
   * where no script can read a private key, though it can sign with one while it runs there;
   * elsewhere memory.
   */
  keys?: KeyStore;
  /**
   * Keeps refreshes apart. Default: in a browser Web Locks (`navigator.locks`), except with a
   * {@link Store.local} store, where locks within the page or process do. Where there are none, as
   * in Node, whose Web Locks reach no other process, one of two tabs or processes that refresh at
   * once fails with code `refresh_in_progress`, which is retryable.
   */
  locks?: Locks;
  /** Sends requests. Default: the global `fetch`. */
  fetch?: typeof fetch;
  /**
   * The module, where this package's way of finding it does not do: compiled, its bytes, or the
   * response that brings them.
   */
  module?: Source | PromiseLike<Source>;
  /**
   * Bytes from {@link Client.export}, of this configuration; without them the session is loaded
   * from the store.
   */
  session?: string;
  hooks?: Hooks;
  /** Closes the client when it aborts. */
  signal?: AbortSignal;
  /** Hears of each effect once it is done, for a log: nothing secret is in it. */
  onEffect?: (entry: EffectEntry) => void;
}

/** What every method takes. */
export interface CallOptions {
  /**
   * Ends the waiting: the promise rejects with the signal's reason. What others may need, such as a
   * refresh, goes on.
   */
  signal?: AbortSignal | null | undefined;
}

export interface AuthorizeParameters extends CallOptions {
  /** In place of the configured scope. */
  scope?: string;
  /** In place of the configured redirect URI. */
  redirect_uri?: string;
  /**
   * Any printable ASCII text of up to 2,048 characters; it comes back with the callback, and is not
   * what the server sees.
   */
  app_state?: string;
  /** Further parameters of the request, before the configured ones of the same name. */
  parameters?: Parameters;
  /**
   * With spaces between them: `none`, `login`, `consent`, `select_account` (OpenID Connect Core
   * section 3.1.2.1).
   */
  prompt?: string;
  /**
   * How long ago the user may have proved who they are, in seconds; the ID token is held against
   * it.
   */
  max_age?: number | undefined;
  /** Who is about to sign in, as far as is known. */
  login_hint?: string;
  /** The {@link Status.id_token} of who is expected to sign in. */
  id_token_hint?: string;
  /**
   * Languages of the server's pages, with spaces between them, the one liked best first (RFC 5646).
   */
  ui_locales?: string;
  /**
   * How the user shall prove who they are, with spaces between them; the ID token has to say one of
   * them.
   */
  acr_values?: string | undefined;
  /** Claims that are asked for one by one (OpenID Connect Core section 5.5). */
  claims?: object;
  /** What the token shall be good for, in detail (RFC 9396 section 2). */
  authorization_details?: object[];
  /**
   * How the reply comes back: in the URL, or as a form that the browser posts to the redirect URI
   * (OAuth 2.0 Form Post Response Mode); with `jwt` signed by the server (JARM). Default: `query`.
   */
  response_mode?: 'query' | 'form_post' | 'jwt' | 'query.jwt' | 'form_post.jwt';
  /**
   * Sent as `state` as it is: only as safe against forged callbacks as it is unguessable (RFC 9700
   * section 4.7).
   */
  insecure_state?: string;
  /** In place of a random nonce. */
  insecure_nonce?: string;
  /** In place of a random verifier. */
  insecure_code_verifier?: string;
}

export interface SignInParameters extends AuthorizeParameters {
  /** Goes to the authorization URL. Default: `location.assign`. */
  navigate?: (url: string) => unknown;
}

/** An authorization request that is ready to be sent. */
export interface Authorization {
  /** Where the user is sent. */
  url: string;
  /** The `state` in it. */
  state: string;
}

/** What came back from the authorization endpoint: one of `url`, `parameters` and `pasted`. */
export interface CallbackParameters extends CallOptions {
  /** The URL that the server sent the user to. */
  url?: string;
  /** The parameters of the response, where the server posts them. */
  parameters?: Parameters;
  /** What a user copied from the server's page: the URL, its query, or the code alone. */
  pasted?: string;
  /** With `pasted`: the `state` of the {@link Authorization}, which a code alone does not say. */
  state?: string;
}

export interface ExchangeParameters extends CallOptions {
  code: string;
  code_verifier?: string;
  /**
   * What the authorization request had as `nonce`: the ID token must have the same, or none where
   * this is left out.
   */
  nonce?: string;
  redirect_uri?: string;
  scope?: string;
}

/**
 * What the device authorization endpoint answered, and how the flow stands (RFC 8628 section 3.2).
 */
export interface DeviceAuthorization {
  /** What the user enters at the verification URI. */
  user_code: string;
  verification_uri: string;
  /** Has the user code in it, for a QR code or link (RFC 8628 section 3.3.1). */
  verification_uri_complete?: string;
  /** When the codes end: Unix time in milliseconds. */
  expires_at: number;
  /** How long the client waits between two polls. */
  interval_ms: number;
  /** Whether it asks the server by and by. */
  polling: boolean;
}

/** A device flow, as `show` gets it. */
export interface Device extends DeviceAuthorization {
  /** Stops polling; the codes stay good until they end. */
  pause(): Promise<void>;
  /** Polls again, an interval from now. */
  resume(): Promise<void>;
  /** Ends the flow: the sign-in rejects with kind `cancelled`. */
  cancel(): Promise<void>;
}

export interface DeviceResumeParameters extends CallOptions {
  /** Shows the user code to the user. Called at the start, and again on every change. */
  show: (device: Device) => void;
}

export interface DeviceSignInParameters extends DeviceResumeParameters {
  /** In place of the configured scope. */
  scope?: string;
  /** Further parameters of the request, before the configured ones of the same name. */
  parameters?: Parameters;
}

export interface TokenParameters extends CallOptions {
  /** Refreshes even if the token is still good. */
  force?: boolean;
}

/** An access token. */
export interface Token {
  access_token: string;
  token_type: string;
  /** Unix time in milliseconds; left out where the server did not say. */
  expires_at?: number;
  scope: string;
}

/**
 * The members of a successful token response (RFC 6749 section 5.1), or what {@link Client.token}
 * gave.
 */
export interface TokenResponse {
  access_token?: string;
  token_type?: string;
  /** In seconds from now. */
  expires_in?: number | string;
  /** Unix time in milliseconds, as everywhere here. In seconds it is refused. */
  expires_at?: number;
  refresh_token?: string;
  scope?: string;
  /** Verified as one that comes from the server, except for its age and nonce. */
  id_token?: string;
}

export interface RevokeParameters extends CallOptions {
  /** Default: the one that ends more. */
  token?: 'access_token' | 'refresh_token';
}

export interface LogOutParameters extends CallOptions {
  /**
   * Where the server sends the user back to, exactly as registered. With `state` it is not the
   * redirect URI, where it would pass for the reply to a sign-in.
   */
  post_logout_redirect_uri?: string;
  /** Comes back with the user, as it is. */
  state?: string;
}

export interface SignOutParameters extends LogOutParameters {
  /** Goes to the URL that ends the session at the server. Default: `location.assign`. */
  navigate?: (url: string) => unknown;
}

/** How a session ended. */
export interface LoggedOut {
  /** Whether the server confirmed that it takes the tokens no more. */
  revoked: boolean;
  /**
   * Where a browser ends the user's session at the server too; left out where there is no
   * `end_session_endpoint`.
   */
  url?: string;
}

/**
 * What a verified logout token says (OpenID Connect Back-Channel Logout section 2.4): `sub`, `sid`,
 * or both.
 */
export interface LogoutToken {
  iss: string;
  /** Whose sessions end. */
  sub?: string;
  /** Which session ends: the ID token of the sign-in has the same claim. */
  sid?: string;
  /** No two tokens have the same. */
  jti: string;
  /**
   * Until when such a token is taken, a Unix time in milliseconds: so long `jti` has to be kept.
   */
  expires_at: number;
}

export interface ClientCredentialsParameters extends CallOptions {
  /** In place of the configured scope. */
  scope?: string;
  /** Further parameters of the request. */
  parameters?: Parameters;
}

export interface JwtBearerParameters extends ClientCredentialsParameters {
  /** The signed JWT. */
  assertion: string;
}

export interface RegisterParameters extends CallOptions {
  /** What the server gave out, where it does not register everybody (RFC 7591 section 3). */
  initial_access_token?: string;
}

/**
 * A registered client (RFC 7591 section 3.2.1), with the metadata as the server registered them.
 * Numbers beyond 2^53 lose digits, as in `JSON.parse`. Members that are not here can be declared,
 * see {@link Claims}.
 */
export interface Registration {
  client_id: string;
  /** `null`, as some servers write it, is none; so it is of each other member. */
  client_secret?: string | null;
  /** Unix time in seconds. */
  client_id_issued_at?: number;
  /** When the secret ends: Unix time in seconds, 0 for never. */
  client_secret_expires_at?: number;
  /** RFC 7592 section 3. */
  registration_access_token?: string;
  registration_client_uri?: string;
  redirect_uris?: string[];
  token_endpoint_auth_method?: string;
  grant_types?: string[];
  response_types?: string[];
  client_name?: string;
  client_uri?: string;
  scope?: string;
}

export interface ResourceMetadataParameters extends CallOptions {
  /** The resource's. */
  url: string;
  /**
   * Where its {@link Challenge} says that the metadata is. Default: the resource's well-known
   * place.
   */
  resource_metadata?: string;
}

/**
 * What a protected resource says of itself (RFC 9728 section 2). Members that are not here can be
 * declared, see {@link Claims}.
 */
export interface ResourceMetadata {
  resource: string;
  /** Issuers whose tokens it takes. */
  authorization_servers?: string[];
  jwks_uri?: string;
  scopes_supported?: string[];
  bearer_methods_supported?: string[];
  resource_signing_alg_values_supported?: string[];
  resource_name?: string;
  resource_documentation?: string;
  resource_policy_uri?: string;
  resource_tos_uri?: string;
  tls_client_certificate_bound_access_tokens?: boolean;
  authorization_details_types_supported?: string[];
  dpop_signing_alg_values_supported?: string[];
  dpop_bound_access_tokens_required?: boolean;
}

/** What a resource wants that refused a request. */
export interface Challenge {
  /** `bearer` or `dpop`. */
  scheme: string;
  /** RFC 6750 section 3.1, RFC 9449 section 7.1, RFC 9470 section 3. */
  error?: string;
  error_description?: string;
  /** The scope that is needed. */
  scope?: string;
  /** How the user has to prove who they are, for {@link AuthorizeParameters.acr_values}. */
  acr_values?: string | undefined;
  /** How long ago they may have done so, in seconds. */
  max_age?: number | undefined;
  /**
   * Where the resource says what it is, for {@link Client.resourceMetadata} (RFC 9728 section 5.1).
   */
  resource_metadata?: string;
}

export interface TokenExchangeParameters extends CallOptions {
  /** Default: the session's access token. */
  subject_token?: string;
  /** A URI of RFC 8693 section 3. Default: `urn:ietf:params:oauth:token-type:access_token`. */
  subject_token_type?: string;
  /** The name of the service that the new token is for. */
  audience?: string;
  /** The URI of what the new token is for. */
  resource?: string;
  scope?: string;
  /** A URI of RFC 8693 section 3. */
  requested_token_type?: string;
  /** Further parameters of the request. */
  parameters?: Parameters;
}

/** A token that was issued for another one (RFC 8693 section 2.2.1). */
export interface ExchangedToken extends Token {
  /** `N_A` where it is none that is sent like an access token. */
  token_type: string;
  issued_token_type: string;
}

export interface IntrospectParameters extends CallOptions {
  /** Default: the session's access token. */
  token?: string;
  /** With `token`: what it is. */
  token_type_hint?: 'access_token' | 'refresh_token' | (string & {});
}

/**
 * What the server knows of a token (RFC 7662 section 2.2). Numbers beyond 2^53 lose digits, as in
 * `JSON.parse`. Members that are not here can be declared, see {@link Claims}.
 */
export interface Introspection {
  /** Whether it is good now; where it is not, nothing else is said. */
  active: boolean;
  scope?: string;
  client_id?: string;
  username?: string;
  token_type?: string;
  /** Unix time in seconds, as `iat` and `nbf`. */
  exp?: number;
  iat?: number;
  nbf?: number;
  sub?: string;
  aud?: string | string[];
  iss?: string;
  jti?: string;
  /** What the token is bound to (RFC 9449 section 6.2, RFC 8705 section 3.2). */
  cnf?: { jkt?: string; 'x5t#S256'?: string };
  /** RFC 9396 section 9.2. */
  authorization_details?: object[];
  /** RFC 9470 section 6.2. */
  acr?: string;
  auth_time?: number;
}

export type SessionStatus = Events['status']['status'];

/** All that may be read of a session; the tokens themselves are not among it. */
export interface Status {
  /** The client's name. */
  name: string;
  status: SessionStatus;
  /** The granted scope. */
  scope: string;
  requested_scope: string;
  token_type?: string;
  /** Unix time in milliseconds; left out where it is unknown. */
  expires_at?: number;
  expired: boolean;
  /** A refresh can be tried. */
  refreshable: boolean;
  /** The tokens are in memory only, because the store failed. */
  not_persisted: boolean;
  /**
   * The ID token as the server sent it, for `id_token_hint`. To know who signed in use `claims`.
   */
  id_token?: string;
  /**
   * What the ID token says, verified (OpenID Connect Core section 3.1.3.7). Left out without an ID
   * token.
   */
  claims?: Claims;
  /**
   * Members of token responses that the protocol does not define. Numbers beyond 2^53 lose digits,
   * as in `JSON.parse`.
   */
  extra?: Record<string, unknown>;
  pkce_method: 'S256' | 'plain' | 'none';
  pkce_verifier_length: number;
  /**
   * A device flow that is not over. One that was loaded from the store is not polling: {@link
   * Client.deviceResume} takes it up.
   */
  device?: DeviceAuthorization;
  /** After a callback: what `authorize` was given as `app_state`. */
  app_state?: string;
  /**
   * After a callback: the `callback_parameters` that came. They came through the browser, and
   * nobody has verified them.
   */
  unverified?: Record<string, string>;
  /**
   * After a callback whose reply was redeemed before, by this client, another tab or process:
   * nothing was sent, and this is the session that is there.
   */
  handled_elsewhere?: true;
}

/** What there is to show of a session: see {@link Client.current}. */
export interface Current {
  /**
   * `restoring` until the session is loaded. `granted`: somebody is signed in, also while the token
   * is refreshed; `not_authenticated`: nobody is, or the token is over and nothing renews it.
   */
  readonly status: 'restoring' | Events['current']['status'];
  /**
   * When the access token ends: Unix time in milliseconds. Left out where it is unknown. Where it
   * can be refreshed, the session does not end then.
   */
  readonly expires_at?: number;
  /** What the ID token says of the user, verified. Left out without an ID token. */
  readonly claims?: Readonly<Claims>;
}

/**
 * What a server says of a user (OpenID Connect Core section 5.1). The module hands these on as they
 * came; their types are those of the specification, and what some servers send instead.
 */
export interface StandardClaims {
  name?: string;
  given_name?: string;
  family_name?: string;
  middle_name?: string;
  nickname?: string;
  preferred_username?: string;
  profile?: string;
  picture?: string;
  website?: string;
  email?: string;
  /** Some servers send a text: `'true'`. {@link Client.profile} reads both. */
  email_verified?: boolean | string;
  gender?: string;
  birthdate?: string;
  zoneinfo?: string;
  locale?: string;
  phone_number?: string;
  phone_number_verified?: boolean | string;
  /** Section 5.1.1. */
  address?: { formatted?: string; street_address?: string; locality?: string; region?: string; postal_code?: string; country?: string };
  /** Unix time in seconds. */
  updated_at?: number | string;
}

/**
 * What the userinfo endpoint says (OpenID Connect Core section 5.3.2). Members that are not here
 * can be declared, see {@link Claims}.
 */
export interface UserInfo extends StandardClaims {
  /** Left out only by servers that know no OpenID Connect. */
  sub?: string;
}

/**
 * The claims of a verified ID token (OpenID Connect Core section 2). Numbers beyond 2^53 lose
 * digits, as in `JSON.parse`.
 *
 * What a server adds is declared once: `declare module 'oauth2-wasm' { interface Claims { groups?:
 * string[] } }`.
 */
export interface Claims extends StandardClaims {
  /** Who says so: the configured issuer, or what its template gives for the claim `tid`. */
  iss: string;
  /** Who signed in: together with `iss` the one name of a user that is never another's. */
  sub: string;
  /** For whom: this client, perhaps among others. */
  aud: string | string[];
  /** The ID token's own end, in Unix seconds; it says nothing of the session's. */
  exp: number;
  /** Unix time in seconds. */
  iat: number;
  /** When the user last proved who they are: Unix time in seconds. */
  auth_time?: number;
  nonce?: string;
  /** How the user proved it. */
  acr?: string;
  amr?: string[];
  azp?: string;
  /** The session at the server, which a {@link LogoutToken} names. */
  sid?: string;
}

/** Who signed in. */
export interface Profile {
  issuer: string;
  /** As text, also where the provider sends a number. */
  id: string;
  /** Left out where the provider says none. */
  email?: string;
  /** Whether the provider says that the user holds that address. */
  email_verified: boolean;
}

/** The events of a client and what their `detail` is. None carries a token. */
export interface ClientEvents {
  /** {@link Client.current} is another: this. */
  change: Current;
  /** The status changed. */
  status: Events['status'];
  /** A token was got, by a refresh too. `expires_at` is a Unix time in milliseconds. */
  granted: Events['granted'];
  /**
   * The access token ends at that Unix time in milliseconds; with `auto_refresh` a refresh follows.
   */
  about_to_expire: Events['about_to_expire'];
  /**
   * The access token ended at that Unix time in milliseconds and nothing can renew it: sign in
   * again. The status is `not_authenticated`.
   */
  expired: Events['expired'];
  /**
   * Another client of the same store changed the session: another tab, say. `change` is left out
   * where it cannot be told; with `other_account` another sign-in took its place, and no ID tokens
   * say that it is the same user's.
   */
  changed: Events['changed'];
  /** To be shown to the user (RFC 8628 section 3.3). */
  authorize_with_user_code: Events['authorize_with_user_code'];
  /** A device flow changed; nothing but `polling: false` when it is over. */
  device: Events['device'];
  /** Something failed. */
  request_failed: OAuthError;
  /** The server reported a protocol error; `request_failed` follows. */
  server_error: OAuthError;
  /** The store failed: the tokens are in memory only. */
  not_persisted: Events['not_persisted'];
  /** What the store held is of another configuration or format; it was left alone. */
  session_refused: Events['session_refused'];
  /** The module's instance failed and was replaced; what was not stored is lost. */
  restarted: OAuthError;
  /**
   * The user has done nothing in any tab for a while, and is signed out in so many milliseconds;
   * once a second. `null` once they did, or nobody is signed in. From `watchIdle` of
   * `oauth2-wasm/idle`.
   */
  idle_warning: { left_ms: number | null };
}
