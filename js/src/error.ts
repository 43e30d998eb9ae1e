/** The members of an error, as the core reports it (core/testdata/README.md, "Errors"). */
export interface ErrorDetails {
  /** What sort of failure it is; `internal` is this package's own. */
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
  /** Which failure exactly, in snake case. */
  code: string;
  /** The operation that failed: a command's name, `open` or `fetch`. */
  op: string;
  /** Whether the same call may succeed later with nothing else changed. */
  retryable: boolean;
  /** The member of the configuration or of the server's metadata, the parameter, or the claim that was refused. */
  field?: string;
  /** The HTTP status of the server's answer. */
  status?: number;
  /** The server's error code (RFC 6749 section 5.2 and its registry). */
  error?: string;
  /** The server's text for developers (RFC 6749 section 5.2). */
  error_description?: string;
  /** The server's page about the error (RFC 6749 section 5.2). */
  error_uri?: string;
  /** The server asked to wait so long, in milliseconds. */
  retry_after_ms?: number;
}

export interface OAuthError extends ErrorDetails {}

/**
 * Every failure of a client's methods. Neither its message nor its members hold a token, a secret or a body.
 *
 * The message reads `oauth2-wasm: OP: CODE IN WORDS: FIELD (error: error_description)`, without what does not apply.
 */
export class OAuthError extends Error {
  override readonly name = 'OAuthError';

  constructor(details: ErrorDetails, options?: ErrorOptions) {
    const { op, code, field, error, error_description: description } = details;
    const more = (before: string, text?: string, after = '') => (text ? before + text + after : '');
    super(
      ['oauth2-wasm', op, code.replaceAll('_', ' ')].join(': ') + more(': ', field) + more(' (', error && error + more(': ', description), ')'),
      options,
    );
    Object.assign(this, details);
  }
}

/** A failure of the host's own, told apart from what the core reports by its kind or code. */
export const failure = (kind: ErrorDetails['kind'], code: string, op: string, cause?: unknown) =>
  new OAuthError({ kind, code, op, retryable: false }, { cause });
