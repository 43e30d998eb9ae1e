import type { EffectEntry } from './entry.js';
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
 * RFC 8705 section 2). The TLS methods need a `fetch` that presents the certificate: an mTLS
 * binding of Cloudflare Workers, or an undici `Agent` in Node.
 */
export type AuthMethod =
  | 'client_secret_basic'
  | 'client_secret_post'
  | 'client_secret_jwt'
  | 'private_key_jwt'
  | 'tls_client_auth'
  | 'self_signed_tls_client_auth'
  | 'none';

/** A signature algorithm (RFC 7518 section 3.1, RFC 8037, RFC 9864). */
export type SigningAlgorithm = `${'RS' | 'PS' | 'ES'}${256 | 384 | 512}` | 'EdDSA' | 'Ed25519';

/**
 * The configuration, under the names of RFC 8414 and RFC 7591. It is fixed once the client is open.
 * Endpoints and resources are https URLs; http is for loopback hosts only.
 */
export interface Config {
  /** Keeps several sessions apart in stores and locks. Default: `oauth2`. */
  name?: string;
  /** RFC 6749 section 2.2. */
  client_id: string;
  /** Only for clients that can keep a secret: never in a page (RFC 6749 section 2.1). */
  client_secret?: string;
  /** Default: `client_secret_basic` with a secret, else `none`. */
  token_endpoint_auth_method?: AuthMethod;
  /**
   * The client's private key, for `private_key_jwt` and signed requests. If it is not extractable,
   * scripts of a page can use it but not read it.
   */
  client_key?: CryptoKey;
  /** The `kid` of that key at the server. */
  client_key_id?: string;
  /** The algorithm of `private_key_jwt` (RFC 7523 section 2.2). Default: `ES256`. */
  token_endpoint_auth_signing_alg?: SigningAlgorithm;
  /** Signs authorization requests with this algorithm (RFC 9101). Default: they are not signed. */
  request_object_signing_alg?: SigningAlgorithm;
  /**
   * Binds access tokens to a key of the session, so that nobody can use them without the key (RFC
   * 9449). {@link Options.keys} keeps it. If the server answers with a bearer token, that is an
   * error. For a page, the server has to let it read `DPoP-Nonce` (CORS).
   */
  dpop?: boolean;
  /** Default: `ES256`. */
  dpop_signing_alg?: SigningAlgorithm;
  /**
   * URIs of the APIs for which tokens are requested, all of them in each request (RFC 8707 section
   * 2). {@link Client.token} with a `resource` requests a token for that one alone. If the server
   * accepts one resource in a token request, leave this out and put all of them into `parameters`.
   */
  resource?: string[];
  /** What {@link Client.register} sends (RFC 7591 section 2). */
  client_metadata?: Record<string, unknown>;
  /**
   * The result of {@link Client.register}, unchanged. Its `client_id`, `client_secret`,
   * `token_endpoint_auth_method`, `redirect_uris` (if there is only one),
   * `id_token_signed_response_alg` and `dpop_bound_access_tokens` fill in members that are missing
   * here.
   */
  registration?: Registration;
  /**
   * The server's identifier; the `iss` of a response (RFC 9207) and of an ID token must equal it.
   * With `discovery`, a final slash may be missing or added: the server's metadata decides (RFC
   * 3986 section 6.2.3).
   */
  issuer?: string;
  /**
   * The endpoints that are not given here come from the issuer's metadata (OpenID Connect Discovery
   * section 4, or RFC 8414 if that is not found). It is kept in the store, used for a day, and
   * then read again in the background.
   */
  discovery?: boolean;
  /**
   * The URL of that metadata, for servers that keep it elsewhere than the issuer says (Azure AD
   * B2C, for each policy). It must still name the configured issuer.
   */
  metadata_url?: string;
  /**
   * Origins, such as `http://keycloak:8080`, to which requests with tokens and secrets may go
   * without TLS. Safe only in a network where nobody else listens. Never for redirect URIs, and
   * never in a page (code `http_in_page`).
   */
  insecure_http_origins?: string[];
  /**
   * If this is set, even to an empty array, requests go only by https to public addresses, or to
   * these origins, such as `https://login.corp.example` or `http://localhost:4000`. Node, Deno and
   * Bun check the address when they connect; your own `fetch` has to do that itself. Not in
   * `oauth2.wasm`.
   */
  private_origins?: string[];
  /**
   * This client at the server at which its user signs in, for {@link Client.crossAppAccess}. With
   * `client_key: 'client_key'` it uses the same key there. Not in `oauth2.wasm`.
   */
  identity_provider?: Omit<Config, 'client_key' | 'parameters'> & { client_key?: 'client_key' };
  /**
   * An issuer with `{tenantid}` in it, for Microsoft's servers for all tenants: their metadata
   * names the template, and an ID token names the template with its claim `tid` filled in. Users of
   * every tenant are then accepted: check `tid`.
   */
  issuer_template?: string;
  authorization_endpoint?: string;
  token_endpoint?: string;
  /**
   * Where tokens are refreshed, if not at the token endpoint; `none` means that the server does not
   * refresh tokens.
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
   * contains only a reference to them (RFC 9126). `offered`, the default: if there is an endpoint.
   */
  pushed_authorization_requests?: 'off' | 'offered' | 'required';
  /**
   * Where the server's keys for ID tokens are (RFC 7517 section 5). The scope `openid` needs it or
   * `discovery`.
   */
  jwks_uri?: string;
  /**
   * The algorithms that are accepted for ID tokens and everything else that the server signs.
   * Default: all of them.
   */
  id_token_signed_response_alg?: SigningAlgorithm[];
  /**
   * Requires signed answers to {@link Client.introspect} (RFC 9701). Default: they are not signed.
   */
  introspection_signed_response_alg?: SigningAlgorithm;
  /** Where the server sends the user back to, exactly as registered. */
  redirect_uri?: string;
  /** Scope-tokens with a space between them (RFC 6749 section 3.3). */
  scope?: string;
  /** The access token may be sent to these URLs and to URLs below them, and nowhere else. */
  token_destinations?: string[];
  /**
   * URLs to which the access token for another resource or scope is sent instead of the session's
   * own. If a URL is below several of them, {@link Client.fetch} uses the longest.
   */
  resource_destinations?: ResourceDestination[];
  /**
   * Further parameters of every authorization or device authorization request. Those of the
   * protocol (state, redirect_uri …) are refused.
   */
  parameters?: Parameters;
  /** Values for `{name}` in the URLs of this configuration: letters, digits, `-` and `.`. */
  variables?: Record<string, string>;
  /**
   * How long before its expiry a token is no longer used, in milliseconds (at most a quarter of its
   * life). Default: 10,000.
   */
  clock_skew_ms?: number;
  /**
   * How far the user's clock and the server's may differ in checks of `iat`, `nbf`, `exp` and
   * `auth_time` of an ID or logout token, in milliseconds, an hour at most. Default: 300,000.
   */
  clock_tolerance_ms?: number;
  /**
   * Other audiences that an ID token may name in addition to this client (OpenID Connect Core
   * section 3.1.3.7, 3).
   */
  trusted_audiences?: string[];
  /** How long a sign-in may take, in milliseconds, from 1,000 to a day. Default: 600,000. */
  attempt_life_ms?: number;
  /**
   * How many sign-ins may be under way at once, 1 to 64. Beginning one more discards the oldest.
   * Default: 16.
   */
  max_attempts?: number;
  /** Refreshes automatically when a token is about to expire. */
  auto_refresh?: boolean;
  /**
   * The errors by which this server says that a refresh token is no longer valid, in addition to
   * `invalid_grant`. Each is the exact `error` and `error_description`, or the `error` alone if it
   * can mean nothing else. They delete the token; any other error deletes nothing.
   */
  refresh_token_errors?: ([error: string] | [error: string, error_description: string])[];
  /**
   * How long before a token expires the event `about_to_expire` comes, in milliseconds. 0, and the
   * default with `auto_refresh`: 10 s or 5 % of its life, whichever is longer. Without this member
   * and without `auto_refresh` there is no such event.
   */
  refresh_lead_ms?: number;
  /** Sent with requests if the host allows it; browsers do not. */
  user_agent?: string;
  /** When a nonce is sent. `automatic`, the default: with the scope `openid`. */
  nonce?: 'automatic' | 'enabled' | 'disabled';
  /** The length of code verifiers, 43 to 128 (RFC 7636 section 4.1). Default: 43. */
  pkce_verifier_length?: number;
  /**
   * Limits the retry after a lost answer, in milliseconds: a refresh token is sent again only
   * within this time after it was first sent. Default: a day; 0: never.
   */
  retry_window_ms?: number;
  /**
   * Says that the server sends `iss` with every authorization response, so that one without it is
   * refused (RFC 9207 section 3).
   */
  authorization_response_iss_parameter_supported?: boolean;
  /**
   * Accepts an answer without `token_type` as one with a bearer token, for providers that violate
   * RFC 6749 section 5.1.
   */
  missing_token_type_is_bearer?: boolean;
  /** Other names that a server has for the token type `Bearer`. */
  bearer_token_types?: string[];
  /**
   * Where the tokens are in an answer of the token endpoint: names with dots between levels, such
   * as `authed_user` for the user tokens of Slack.
   */
  token_response_path?: string;
  /**
   * Accepts an answer with only an ID token, which Azure AD B2C gives when no scope of an API is
   * requested. The session is then granted, has the token type `N_A` and expires with the ID token.
   * What needs an access token rejects with code `no_access_token`.
   */
  access_token_optional?: boolean;
  /** Sends the requested scope with each refresh, as Microsoft Entra requires. */
  refresh_with_scope?: boolean;
  /**
   * Further parameters of an authorization response for {@link Status.unverified}, such as Apple's
   * `user`, which comes only with the first sign-in.
   */
  callback_parameters?: string[];
  /**
   * The header with the bare token for resources, for providers that do not accept `authorization:
   * Bearer` (RFC 6750 section 2.1).
   */
  token_header?: string;
  /**
   * The `grant_type` with which {@link Client.extend} exchanges the access token for a long-lived
   * one, if the provider has one.
   */
  long_lived_grant_type?: string;
  /** How {@link Client.profile} reads who signed in. */
  profile?: ProfileConfig;
  /**
   * Sends the verifier itself as challenge: somebody who sees the authorization URL can redeem the
   * code. For servers without S256.
   */
  insecure_pkce_plain?: boolean;
  /**
   * No PKCE at all: somebody who intercepts the code can redeem it. For servers that refuse the
   * parameters.
   */
  insecure_pkce_none?: boolean;
  /** No nonce even with the scope `openid`: an ID token is then not bound to the sign-in. */
  insecure_nonce_disabled?: boolean;
  /**
   * Stores ID tokens without verifying them, so there are no {@link Status.claims}. For servers
   * without a key set.
   */
  insecure_id_token_unverified?: boolean;
}

/** Where the access token for another resource or scope may be sent. One of the two is needed. */
export interface ResourceDestination {
  /** The token is sent to this URL and to URLs below it. */
  url: string;
  /** The URI of the API for which the token is valid (RFC 8707 section 2). */
  resource?: string;
  /** Its scope there, within the granted scope. */
  scope?: string;
}

/**
 * The configuration of a client that is not registered yet: it can only {@link Client.register} and
 * ask for {@link Client.resourceMetadata}. Open another client with the result as `registration`.
 */
export type RegistrationConfig = Omit<Config, 'client_id'> & ({ client_metadata: Record<string, unknown> } | { registration: Registration });

/** How to read who signed in. The member names have dots between levels. */
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
   * The URL of a list of objects with `email`, `primary` and `verified`. It is asked if the first
   * endpoint gives no e-mail address.
   */
  emails_endpoint?: string;
}

/** How a client works. */
export interface Options {
  /** Keeps the session. Default: a {@link memoryStore}. */
  store?: Store;
  /**
   * Keeps attempts to sign in, which contain no token. Default: `sessionStorage` in a page,
   * otherwise memory.
   */
  pendingStore?: Store;
  /**
   * Keeps the keys to which tokens are bound with `dpop`. Default: in a page or worker IndexedDB,
   * where scripts can use a private key but not read it; elsewhere memory.
   */
  keys?: KeyStore;
  /**
   * Makes tabs or processes refresh one after the other. Default: in a browser Web Locks
   * (`navigator.locks`), except with a {@link Store.local} store, for which locks within the page
   * or process suffice. In Node there is no default, because its Web Locks do not reach other
   * processes: of two that refresh at once, one fails with code `refresh_in_progress`, which is
   * retryable.
   */
  locks?: Locks;
  /** Sends requests. Default: the global `fetch`. */
  fetch?: typeof fetch;
  /**
   * The module, if this package cannot find it by itself: compiled, its bytes, or a response with
   * them.
   */
  module?: Source | PromiseLike<Source>;
  /**
   * A session from {@link Client.export} of the same configuration. Without it the session is
   * loaded from the store.
   */
  session?: string;
  hooks?: Hooks;
  /** Closes the client when it aborts. */
  signal?: AbortSignal;
  /**
   * Called with each effect when it is asked for and once it is done, for a log. The entry contains
   * no secret.
   */
  onEffect?: (entry: EffectEntry) => void;
}

/** The options of every method. */
export interface CallOptions {
  /**
   * Ends the wait: the promise rejects with the signal's reason. Work that others may need, such as
   * a refresh, goes on.
   */
  signal?: AbortSignal | null | undefined;
}

export interface AuthorizeParameters extends CallOptions {
  /** Replaces the configured scope. */
  scope?: string;
  /** Replaces the configured redirect URI. */
  redirect_uri?: string;
  /**
   * Any printable ASCII text of up to 2,048 characters. It comes back with the callback and is not
   * sent to the server.
   */
  app_state?: string;
  /** Further parameters of the request. They replace configured ones of the same name. */
  parameters?: Parameters;
  /**
   * With spaces between them: `none`, `login`, `consent`, `select_account` (OpenID Connect Core
   * section 3.1.2.1).
   */
  prompt?: string;
  /**
   * How long ago the user may have authenticated, in seconds. The ID token is checked against it.
   */
  max_age?: number | undefined;
  /** Who is about to sign in, if that is known. */
  login_hint?: string;
  /** The {@link Status.id_token} of who is expected to sign in. */
  id_token_hint?: string;
  /**
   * Languages of the server's pages, with spaces between them, the preferred one first (RFC 5646).
   */
  ui_locales?: string;
  /**
   * Acceptable ways to authenticate, with spaces between them. The ID token has to name one of
   * them.
   */
  acr_values?: string | undefined;
  /** A request for single claims (OpenID Connect Core section 5.5). */
  claims?: object;
  /** What the token should allow, in detail (RFC 9396 section 2). */
  authorization_details?: object[];
  /**
   * How the reply comes back: in the URL, or as a form that the browser posts to the redirect URI
   * (OAuth 2.0 Form Post Response Mode); with `jwt` signed by the server (JARM). Default: `query`.
   */
  response_mode?: 'query' | 'form_post' | 'jwt' | 'query.jwt' | 'form_post.jwt';
  /**
   * Sent as the `state`. It protects against forged callbacks only if nobody can guess it (RFC 9700
   * section 4.7).
   */
  insecure_state?: string;
  /** Replaces the random nonce. */
  insecure_nonce?: string;
  /** Replaces the random verifier. */
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

/** The reply of the authorization endpoint: one of `url`, `parameters` and `pasted`. */
export interface CallbackParameters extends CallOptions {
  /** The URL to which the server sent the user. */
  url?: string;
  /** The parameters of the response, if the server posts them. */
  parameters?: Parameters;
  /** What a user copied from the server's page: the URL, its query, or the code alone. */
  pasted?: string;
  /**
   * With `pasted`: the `state` of the {@link Authorization}, because a code alone does not contain
   * it.
   */
  state?: string;
}

export interface ExchangeParameters extends CallOptions {
  code: string;
  code_verifier?: string;
  /**
   * The `nonce` of the authorization request. The ID token must have the same one, or none if this
   * is left out.
   */
  nonce?: string;
  redirect_uri?: string;
  scope?: string;
}

/**
 * The answer of the device authorization endpoint, and the state of the flow (RFC 8628 section
 * 3.2).
 */
export interface DeviceAuthorization {
  /** What the user enters at the verification URI. */
  user_code: string;
  verification_uri: string;
  /** Includes the user code, for a QR code or link (RFC 8628 section 3.3.1). */
  verification_uri_complete?: string;
  /** When the codes expire: Unix time in milliseconds. */
  expires_at: number;
  /** How long the client waits between two polls. */
  interval_ms: number;
  /** Whether the client is polling. */
  polling: boolean;
}

/** A device flow, as `show` gets it. */
export interface Device extends DeviceAuthorization {
  /** Stops polling. The codes stay valid until they expire. */
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
  /** Replaces the configured scope. */
  scope?: string;
  /** Further parameters of the request. They replace configured ones of the same name. */
  parameters?: Parameters;
}

export interface TokenParameters extends CallOptions {
  /** Refreshes even if the token has not expired. */
  force?: boolean;
  /**
   * The URI of the API for which the token should be valid (RFC 8707 section 2). The client gets it
   * with the session's refresh token, and stores it beside the session's own access token while it
   * is valid.
   */
  resource?: string;
  /** Its scope there, within the granted scope (RFC 6749 section 6). */
  scope?: string;
}

/** An access token. */
export interface Token {
  access_token: string;
  token_type: string;
  /** Unix time in milliseconds; left out if the server did not say. */
  expires_at?: number;
  scope: string;
}

/**
 * The members of a successful token response (RFC 6749 section 5.1), or the result of {@link
 * Client.token}.
 */
export interface TokenResponse {
  access_token?: string;
  token_type?: string;
  /** In seconds from now. */
  expires_in?: number | string;
  /** Unix time in milliseconds, as everywhere here. A value in seconds is refused. */
  expires_at?: number;
  refresh_token?: string;
  scope?: string;
  /** Verified like one from the server, except for its age and nonce. */
  id_token?: string;
}

export interface RevokeParameters extends CallOptions {
  /** Default: the one that ends more. */
  token?: 'access_token' | 'refresh_token';
}

export interface LogOutParameters extends CallOptions {
  /**
   * Where the server sends the user back to, exactly as registered. With `state` it must not be the
   * redirect URI: the reply would look like one to a sign-in.
   */
  post_logout_redirect_uri?: string;
  /** Comes back with the user, unchanged. */
  state?: string;
}

export interface SignOutParameters extends LogOutParameters {
  /** Goes to the URL that ends the session at the server. Default: `location.assign`. */
  navigate?: (url: string) => unknown;
}

/** How a session ended. */
export interface LoggedOut {
  /** Whether the server confirmed that it revoked the tokens. */
  revoked: boolean;
  /**
   * Where a browser also ends the user's session at the server; left out if there is no
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
   * How long such a token is accepted, and so how long `jti` has to be remembered: a Unix time in
   * milliseconds.
   */
  expires_at: number;
}

export interface ClientCredentialsParameters extends CallOptions {
  /** Replaces the configured scope. */
  scope?: string;
  /** Further parameters of the request. */
  parameters?: Parameters;
}

export interface JwtBearerParameters extends ClientCredentialsParameters {
  /** The signed JWT. */
  assertion: string;
}

export interface GrantParameters extends CallOptions {
  /** The `grant_type`, mostly a URI (RFC 6749 section 4.5). */
  grant_type: string;
  scope?: string;
  /**
   * The parameters of the grant. Those that the core sets itself are refused: `grant_type`,
   * `scope`, `resource` if one is configured, and the client's id and credentials.
   */
  parameters?: Parameters;
  /** The result becomes the session, and is refreshed like any other. */
  keep?: boolean;
}

/** A token that was returned and not stored. */
export interface GrantedToken extends Token {
  /** Set if the server sends it. */
  issued_token_type?: string;
}

export interface CrossAppAccessParameters extends ClientCredentialsParameters {
  /** A token of the `identity_provider` about the user: the ID token, or another one. */
  subject_token: string;
  /** Default: `urn:ietf:params:oauth:token-type:id_token`. */
  subject_token_type?: string;
  /** The server that gets the grant. Default: the configured `issuer`. */
  audience?: string;
}

export interface RegisterParameters extends CallOptions {
  /**
   * A token from the server's operator, for servers that do not let everybody register (RFC 7591
   * section 3).
   */
  initial_access_token?: string;
}

/**
 * A registered client (RFC 7591 section 3.2.1), with the metadata as the server registered them.
 * Numbers beyond 2^53 lose digits, as in `JSON.parse`. Members that are not here can be declared,
 * see {@link Claims}.
 */
export interface Registration {
  client_id: string;
  /**
   * `null`, which some servers send, means that there is none. The same holds for all other
   * members.
   */
  client_secret?: string | null;
  /** Unix time in seconds. */
  client_id_issued_at?: number;
  /** When the secret expires: Unix time in seconds, 0 for never. */
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
  /** The URL of the resource. */
  url: string;
  /**
   * The URL of the metadata from its {@link Challenge}. Default: the resource's well-known
   * location.
   */
  resource_metadata?: string;
}

/**
 * A protected resource's description of itself (RFC 9728 section 2). Members that are not here can
 * be declared, see {@link Claims}.
 */
export interface ResourceMetadata {
  resource: string;
  /** Issuers whose tokens it accepts. */
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

/** What a resource that refused a request asks for. */
export interface Challenge {
  /** `bearer` or `dpop`. */
  scheme: string;
  /** RFC 6750 section 3.1, RFC 9449 section 7.1, RFC 9470 section 3. */
  error?: string;
  error_description?: string;
  /** The scope that is needed. */
  scope?: string;
  /** How the user has to authenticate, for {@link AuthorizeParameters.acr_values}. */
  acr_values?: string | undefined;
  /** How long ago the user may have authenticated, in seconds. */
  max_age?: number | undefined;
  /**
   * The URL of the resource's metadata, for {@link Client.resourceMetadata} (RFC 9728 section 5.1).
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
  /** `N_A` if it cannot be sent like an access token. */
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
 * What the server knows about a token (RFC 7662 section 2.2). Numbers beyond 2^53 lose digits, as
 * in `JSON.parse`. Members that are not here can be declared, see {@link Claims}.
 */
export interface Introspection {
  /** Whether the token is valid now. If not, there are no other members. */
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

/** The state of a session, without its access and refresh token. */
export interface Status {
  /** The client's name. */
  name: string;
  status: SessionStatus;
  /** The granted scope. */
  scope: string;
  requested_scope: string;
  token_type?: string;
  /** Unix time in milliseconds; left out if it is unknown. */
  expires_at?: number;
  expired: boolean;
  /** Whether a refresh is possible. */
  refreshable: boolean;
  /** Whether the tokens are only in memory, because the store failed. */
  not_persisted: boolean;
  /**
   * The ID token as the server sent it, for `id_token_hint`. To know who signed in use `claims`.
   */
  id_token?: string;
  /**
   * The claims of the verified ID token (OpenID Connect Core section 3.1.3.7). Left out without an
   * ID token.
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
   * A device flow that has not ended. One that was loaded from the store is not polling: {@link
   * Client.deviceResume} resumes it.
   */
  device?: DeviceAuthorization;
  /** After a callback: the `app_state` of `authorize`. */
  app_state?: string;
  /**
   * After a callback: the `callback_parameters` that came. They came through the browser and are
   * not verified.
   */
  unverified?: Record<string, string>;
  /**
   * True after a callback whose reply was already redeemed, by this client, another tab or process.
   * Nothing was sent; this is the existing session.
   */
  handled_elsewhere?: true;
}

/** What a user interface shows of a session: see {@link Client.current}. */
export interface Current {
  /**
   * `restoring` until the session is loaded. `granted`: somebody is signed in, also during a
   * refresh. `not_authenticated`: nobody is, or the token has expired and cannot be refreshed.
   */
  readonly status: 'restoring' | Events['current']['status'];
  /**
   * When the access token expires: Unix time in milliseconds. Left out if it is unknown. The
   * session goes on if the token can be refreshed.
   */
  readonly expires_at?: number;
  /** The verified claims of the ID token. Left out without an ID token. */
  readonly claims?: Readonly<Claims>;
}

/**
 * A server's claims about a user (OpenID Connect Core section 5.1). The module passes them on
 * unchanged; their types are those of the specification, and what some servers send instead.
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
 * The answer of the userinfo endpoint (OpenID Connect Core section 5.3.2). Members that are not
 * here can be declared, see {@link Claims}.
 */
export interface UserInfo extends StandardClaims {
  /** Missing only at servers without OpenID Connect. */
  sub?: string;
}

/**
 * The claims of a verified ID token (OpenID Connect Core section 2). Numbers beyond 2^53 lose
 * digits, as in `JSON.parse`.
 *
 * Declare once what your server adds:
 * `declare module 'oauth2-wasm' { interface Claims { groups?: string[] } }`.
 */
export interface Claims extends StandardClaims {
  /** The issuer: the configured one, or its template with the claim `tid` filled in. */
  iss: string;
  /** Who signed in. Only `iss` and `sub` together identify a user. */
  sub: string;
  /** For whom: this client, perhaps among others. */
  aud: string | string[];
  /** When the ID token expires, in Unix seconds. It does not say when the session ends. */
  exp: number;
  /** Unix time in seconds. */
  iat: number;
  /** When the user last authenticated: Unix time in seconds. */
  auth_time?: number;
  nonce?: string;
  /** How the user authenticated. */
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
  /** Left out if the provider gives none. */
  email?: string;
  /** Whether the provider has verified that the address is the user's. */
  email_verified: boolean;
}

/** The events of a client with their `detail`. None contains a token. */
export interface ClientEvents {
  /** {@link Client.current} changed; this is the new one. */
  change: Current;
  /** The status changed. */
  status: Events['status'];
  /**
   * There is a new access token, also after a refresh. `expires_at` is a Unix time in milliseconds.
   */
  granted: Events['granted'];
  /**
   * The access token will expire at that Unix time in milliseconds; with `auto_refresh` a refresh
   * follows.
   */
  about_to_expire: Events['about_to_expire'];
  /**
   * The access token expired at that Unix time in milliseconds and cannot be refreshed: sign in
   * again. The status is `not_authenticated`.
   */
  expired: Events['expired'];
  /**
   * Another client of the same store changed the session, such as another tab. `change` is left out
   * if it is unknown. `other_account`: another sign-in replaced the session, and no ID tokens show
   * that it is the same user.
   */
  changed: Events['changed'];
  /** Show this to the user (RFC 8628 section 3.3). */
  authorize_with_user_code: Events['authorize_with_user_code'];
  /** A device flow changed. When it is over, the detail is only `polling: false`. */
  device: Events['device'];
  /** Something failed. */
  request_failed: OAuthError;
  /** The server reported a protocol error; `request_failed` follows. */
  server_error: OAuthError;
  /** The store failed: the tokens are only in memory. */
  not_persisted: Events['not_persisted'];
  /** The stored session has another configuration or format. It was not changed. */
  session_refused: Events['session_refused'];
  /** The module's instance crashed and was replaced. What was not stored is lost. */
  restarted: OAuthError;
  /**
   * The user has done nothing in any tab for a while. Comes once a second, with the milliseconds
   * until they are signed out, or `null` once they are active again or nobody is signed in. From
   * `watchIdle` of `oauth2-wasm/idle`.
   */
  idle_warning: { left_ms: number | null };
}
