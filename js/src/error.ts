/** The members of an error, as the core reports it (core/contract/README.md, "Errors"). */
export interface ErrorDetails {
  /** The kind of failure; `internal` comes from this package. */
  kind:
    | 'network'
    | 'server'
    | 'token_not_found'
    | 'callback_not_verified'
    | 'id_token_not_verified'
    | 'client'
    | 'expired'
    | 'storage'
    | 'cancelled'
    | 'internal';
  /** The exact failure, in snake case. The documentation lists all codes with causes and cures. */
  code: string;
  /**
   * The method that failed, in snake case: `sign_in`, `token` … `open` is that of `openClient`. In
   * an event, the command of the core.
   */
  op: string;
  /** Whether the same call may succeed later without any other change. */
  retryable: boolean;
  /**
   * The member of the configuration or of the server's metadata, the parameter, or the claim that
   * was refused.
   */
  field?: string;
  /** What was expected instead of {@link came}. */
  expected?: string;
  /** The value that came. It contains no secret and nothing about the user's identity. */
  came?: string;
  /**
   * Set if a claim about time does not fit this clock: how far the server's clock seems ahead, in
   * milliseconds. Below 0, the server's clock is behind, or the token is that old.
   */
  clock_difference_ms?: number;
  /** What the request that failed was for: `token`, `refresh`, `discovery` … */
  stage?: string;
  /** Where it went: the host, with the port unless it is the default. */
  host?: string;
  /** The HTTP status of the server's answer. */
  status?: number;
  /** The server's error code (RFC 6749 section 5.2 and its registry). */
  error?: string;
  /** The server's text for developers (RFC 6749 section 5.2). */
  error_description?: string;
  /** The server's page about the error (RFC 6749 section 5.2). */
  error_uri?: string;
  /**
   * `error` and its texts came in a reply that belongs to no attempt: anybody may have written
   * them.
   */
  unverified?: boolean;
  /** A new sign-in is the remedy. */
  begin_again?: boolean;
  /** How long the server asked to wait, in milliseconds. */
  retry_after_ms?: number;
}

export interface OAuthError extends ErrorDetails {}

/**
 * A browser does not tell a page why a request failed. This lists possible causes, the likeliest
 * first.
 */
const hidden = (code: string): string | false =>
  typeof document === 'object' &&
  (code === 'network' || code === 'unsent') &&
  (globalThis.navigator?.onLine === false
    ? 'The browser is offline.'
    : "The browser does not say why. It can be: the server sends no CORS headers for this origin; the page's Content-Security-Policy" +
      ' (connect-src) does not name it; an http: address on an https: page; no network, an unknown name or certificate.');

/**
 * Every failure of a client's methods. Neither its message nor its members contain a token, a
 * secret or a body.
 *
 * The message reads `oauth2-wasm: OP: CODE IN WORDS: FIELD: expected EXPECTED, came CAME (error:
 * error_description)`, and anything else that is known: the request that failed and its status, how
 * far the clocks differ, whether signing in again helps. `cause` is the host's own error, if there
 * was one.
 */
export class OAuthError extends Error {
  override readonly name = 'OAuthError';

  constructor(details: ErrorDetails, options?: ErrorOptions) {
    const { op, code, kind, field, expected, came, stage, host, status, error, error_description: description, unverified, begin_again } = details;
    const more = (before: string, text?: string | number | false, after = '') => (text ? before + text + after : '');
    const apart = details.clock_difference_ms;
    super(
      ['oauth2-wasm', op, code.replaceAll('_', ' ')].join(': ') +
        more(': ', field) +
        more(': expected ', expected) +
        more(expected ? ', came ' : ': ', came) +
        more(', the clocks differ by ', apart && Math.abs(apart) / 1000, ' s') +
        more(' (', error && error + more(': ', description) + more(', ', unverified && 'unverified'), ')') +
        more(', request ', stage?.replaceAll('_', ' ')) +
        more(' to ', host) +
        more(', status ', status) +
        more(', ', begin_again && 'sign in again') +
        more('. ', kind === 'network' && stage && hidden(code)),
      options,
    );
    Object.assign(this, details);
  }
}

/** A failure of this package. Its kind or code differs from those of the core. */
export const failure = (kind: ErrorDetails['kind'], code: string, op: string, cause?: unknown) =>
  new OAuthError({ kind, code, op, retryable: false }, { cause });

/**
 * The promise with the caller's method, in snake case, as the `op` of its error.
 *
 * @internal
 */
export const asked = <T>(op: string, promise: Promise<T>): Promise<T> =>
  promise.catch((error) => {
    throw error instanceof OAuthError ? new OAuthError({ ...error, op }, error) : error;
  });
