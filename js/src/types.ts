import type { EffectEntry } from './host.js';
import type { Hooks } from './effects.js';
import type { Locks } from './locks.js';
import type { OAuthError } from './error.js';
import type { Source } from '../../wasm_exec.js';
import type { Store } from './store.js';

/** Parameters of a request, in the order in which they are sent. */
export type Parameters = [string, string][] | Record<string, string> | URLSearchParams;

/** How a client authenticates at an endpoint (RFC 6749 section 2.3.1, RFC 7591 section 2). */
export type AuthMethod = 'client_secret_basic' | 'client_secret_post' | 'none';

/**
 * The configuration, under the names of RFC 8414 and RFC 7591. It is fixed once the client is open. Endpoints and resources are
 * https URLs; http is for loopback hosts only.
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
  /** The server's identifier; a response's `iss` must equal it (RFC 9207). */
  issuer?: string;
  authorization_endpoint?: string;
  token_endpoint?: string;
  /** Where tokens are refreshed, if not at the token endpoint; `none`: the server does not refresh. */
  refresh_endpoint?: string;
  /** RFC 7009. */
  revocation_endpoint?: string;
  revocation_endpoint_auth_method?: AuthMethod;
  /** OpenID Connect Core section 5.3. */
  userinfo_endpoint?: string;
  /** Where the server sends the user back to, exactly as registered. */
  redirect_uri?: string;
  /** Scope-tokens with a space between them (RFC 6749 section 3.3). */
  scope?: string;
  /** URLs under which the access token may be sent. It goes nowhere else. */
  resources?: string[];
  /** Further parameters of every authorization request. Those of the protocol (state, redirect_uri …) are refused. */
  parameters?: Parameters;
  /** Sent with requests where the host allows it; browsers do not. */
  user_agent?: string;
  /** When a nonce is sent. `automatic`, the default: with the scope `openid`. */
  nonce?: 'automatic' | 'enabled' | 'disabled';
  /** The length of code verifiers, 43 to 128 (RFC 7636 section 4.1). Default: 43. */
  pkce_verifier_length?: number;
  /**
   * For how long after its first sending a refresh token whose answer was lost is sent again, in milliseconds. Default: a day;
   * 0: never.
   */
  retry_window_ms?: number;
  /** The server sends `iss` with every authorization response, so one without it is refused (RFC 9207 section 3). */
  authorization_response_iss_parameter_supported?: boolean;
  /** Takes an answer without `token_type` for one of a bearer token, as some providers need it (against RFC 6749 section 5.1). */
  missing_token_type_is_bearer?: boolean;
  /** Sends the verifier itself as challenge: whoever sees the authorization URL can redeem the code. For servers without S256. */
  insecure_pkce_plain?: boolean;
  /** No PKCE at all: whoever intercepts the code can redeem it. For servers that refuse the parameters. */
  insecure_pkce_none?: boolean;
  /** No nonce even with the scope `openid`: an ID token is then not bound to the sign-in. */
  insecure_nonce_disabled?: boolean;
}

/** How a client works. */
export interface Options {
  /** Keeps the session. Default: a {@link memoryStore}. */
  store?: Store;
  /** Keeps attempts to sign in, which hold no token. Default: `sessionStorage` in a page, otherwise memory. */
  pendingStore?: Store;
  /**
   * Keeps refreshes apart. Default: Web Locks (`navigator.locks`) where there are any, except with a store in memory, where
   * locks within the page or process do.
   */
  locks?: Locks;
  /** Sends requests. Default: the global `fetch`. */
  fetch?: typeof fetch;
  /** The module, where this package's way of finding it does not do: compiled, its bytes, or the response that brings them. */
  module?: Source | PromiseLike<Source>;
  /** Bytes from {@link Client.export}, of this configuration; without them the session is loaded from the store. */
  session?: string;
  hooks?: Hooks;
  /** Closes the client when it aborts. */
  signal?: AbortSignal;
  /** Hears of each effect once it is done, for a log: nothing secret is in it. */
  onEffect?: (entry: EffectEntry) => void;
}

/** What every method takes. */
export interface CallOptions {
  /** Ends the waiting: the promise rejects with the signal's reason. What others may need, such as a refresh, goes on. */
  signal?: AbortSignal | null | undefined;
}

export interface AuthorizeParameters extends CallOptions {
  /** In place of the configured scope. */
  scope?: string;
  /** In place of the configured redirect URI. */
  redirect_uri?: string;
  /** Any printable ASCII text of up to 2,048 characters; it comes back with the callback, and is not what the server sees. */
  state?: string;
  /** Further parameters of the request, before the configured ones of the same name. */
  parameters?: Parameters;
  /** Sent as `state` as it is: only as safe against forged callbacks as it is unguessable (RFC 9700 section 4.7). */
  insecure_state?: string;
  /** In place of a random nonce. */
  insecure_nonce?: string;
  /** In place of a random verifier. */
  insecure_code_verifier?: string;
}

export interface SignInParameters extends AuthorizeParameters {
  /** Goes to the authorization URL. Default: `location.assign`. */
  navigate?: (url: string) => void;
}

/** An authorization request that is ready to be sent. */
export interface Authorization {
  /** Where the user is sent. */
  url: string;
  /** The `state` in it. */
  state: string;
}

export interface ExchangeParameters extends CallOptions {
  code: string;
  code_verifier?: string;
  redirect_uri?: string;
  scope?: string;
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

/** The members of a successful token response (RFC 6749 section 5.1). */
export interface TokenResponse {
  access_token?: string;
  token_type?: string;
  /** In seconds from now. */
  expires_in?: number | string;
  /** Unix time in seconds. */
  expires_at?: number;
  refresh_token?: string;
  scope?: string;
  id_token?: string;
  [member: string]: unknown;
}

export interface RevokeParameters extends CallOptions {
  /** Default: the one that ends more. */
  token?: 'access_token' | 'refresh_token';
}

export type SessionStatus = 'not_authenticated' | 'temporary_credentials_received' | 'granted' | 'refreshing';

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
  /** As the server sent it: its claims are not verified. */
  id_token?: string;
  /** Members of token responses that the protocol does not define. */
  extra?: Record<string, unknown>;
  pkce_method: 'S256' | 'plain' | 'none';
  pkce_verifier_length: number;
  /** After a callback: what `authorize` was given as state. */
  state?: string;
}

/** The events of a client and what their `detail` is. None carries a token. */
export interface ClientEvents {
  /** The status changed. */
  status: { status: SessionStatus };
  /** A token was got, by a refresh too. `expires_at` is a Unix time in milliseconds. */
  granted: { scope: string; expires_at?: number };
  /** Something failed. */
  request_failed: OAuthError;
  /** The server reported a protocol error; `request_failed` follows. */
  server_error: OAuthError;
  /** The store failed: the tokens are in memory only. */
  not_persisted: object;
  /** What the store held is of another configuration or format; it was left alone. */
  session_refused: object;
  /** The module's instance failed and was replaced; what was not stored is lost. */
  restarted: OAuthError;
}
