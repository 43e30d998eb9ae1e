/**
 * Clients for the tests of an application: signed in, signed out, about to expire, or failing,
 * without a server, a module or a network.
 *
 * @packageDocumentation
 */
import { type Claims, Client, type ErrorDetails, type HostEvent, OAuthError, type SignInParameters, type Status } from './index.js';

export interface TestOptions {
  /** Who is signed in, or will be. Default: `sub: 'alice'`, of `https://as.test`. */
  claims?: Partial<Claims>;
  /** The granted scope. Default: `openid`. */
  scope?: string;
  /**
   * How long the access token lives, in milliseconds. It is not refreshed: afterwards nobody is
   * signed in. Works with the fake clocks of test runners. Default: it does not expire.
   */
  expires_in_ms?: number;
  /** Answers {@link Client.fetch}, which sends it the token `test-token`. Default: status 404. */
  fetch?: typeof globalThis.fetch;
  /**
   * The error of every call that needs a server. By default `kind` and `code` are `network`, and
   * `retryable` is true.
   */
  error?: Partial<ErrorDetails>;
}

const AS = 'https://as.test';
const LONG = 10 ** 12; // a second of 2001, which no test is about

const make = (granted: boolean, { claims: given, scope = 'openid', expires_in_ms, fetch, error }: TestOptions): Promise<Client> => {
  const iat = LONG / 1000;
  const claims: Claims = { iss: AS, sub: 'alice', aud: 'test', iat, exp: iat + 3600, ...given };
  let expires_at: number | undefined;
  let clock: ReturnType<typeof setTimeout> | undefined;
  let attempts = 0;
  let known = false;
  let tell: (event: HostEvent) => void;

  const status = (): Status => ({
    name: 'test',
    status: granted ? 'granted' : 'not_authenticated',
    scope: granted ? scope : '',
    requested_scope: scope,
    expired: false,
    refreshable: false,
    not_persisted: false,
    pkce_method: 'S256',
    pkce_verifier_length: 43,
    ...(granted && { token_type: 'Bearer', claims, ...(expires_at && { expires_at }) }),
  });

  const enter = (now: boolean) => {
    const changed = now !== granted;
    known = true;
    granted = now;
    clearTimeout(clock);
    expires_at = now && expires_in_ms ? Date.now() + expires_in_ms : undefined;
    const end = expires_at && { expires_at };
    tell({ event: 'current', status: now ? 'granted' : 'not_authenticated', ...(now && { ...end, claims }) } as HostEvent);
    if (changed) tell({ event: 'status', status: now ? 'granted' : 'not_authenticated' });
    if (!now) return;
    tell({ event: 'granted', scope, ...end } as HostEvent);
    if (end)
      clock = setTimeout(() => {
        enter(false);
        tell({ event: 'expired', ...end });
      }, expires_in_ms);
  };

  const fail = (op: string, details: Partial<ErrorDetails>): never => {
    const failure = new OAuthError({ kind: 'network', code: 'network', retryable: true, op, ...details });
    tell({ event: 'request_failed', error: failure });
    throw failure;
  };

  /** The commands of the module that tests of an application use. */
  const run = async (command: string): Promise<object> => {
    if (!known) enter(granted);
    if (command === 'status') return status();
    if (command === 'matches') return { matches: false };
    if (command === 'log_out') {
      enter(false);
      return { revoked: !error };
    }
    if (error) fail(command, error);
    if (command === 'authorize') {
      const state = `test-${++attempts}`;
      return { url: `${AS}/authorize?state=${state}`, state };
    }
    if (['callback', 'exchange', 'set_token'].includes(command)) {
      enter(true);
      return status();
    }
    if (!granted) fail(command, { kind: 'client', code: 'not_signed_in', retryable: false, begin_again: true });
    switch (command) {
      case 'refresh':
        enter(true);
        return status();
      case 'token':
        return { access_token: 'test-token', token_type: 'Bearer', scope, ...(expires_at && { expires_at }) };
      case 'prepare':
        return { headers: [['authorization', 'Bearer test-token']] };
      case 'answered':
        return {};
      case 'userinfo':
        return { claims };
      case 'profile':
        return { issuer: claims.iss, id: claims.sub, email_verified: claims.email_verified === true, ...(claims.email && { email: claims.email }) };
      default:
        return fail(command, { kind: 'client', code: 'unsupported', retryable: false });
    }
  };

  const connect = async (onEvent: typeof tell) => {
    tell = onEvent;
    // As with every client, the caller has time to add listeners first.
    setTimeout(() => known || enter(granted));
    return { run: (command: string, _: object, signal?: AbortSignal | null) => (signal?.throwIfAborted(), run(command)), close: () => clearTimeout(clock) };
  };
  return Client.over(connect as never, {}, fetch ?? (async () => new Response(null, { status: 404 }))).then((client) => {
    // `signIn` signs in without navigating. If the test gives `navigate`, that is called with a
    // URL.
    client.signIn = async ({ navigate }: SignInParameters = {}) => {
      const { url } = await client.authorize();
      if (navigate) await navigate(url);
      else await client.callback({ url });
    };
    return client;
  });
};

/** A client with a user who is signed in. */
export const signedIn = (options: TestOptions = {}): Promise<Client> => make(true, options);

/** A client with no user; `signIn` signs in at once, without navigating. */
export const signedOut = (options: TestOptions = {}): Promise<Client> => make(false, options);

/**
 * A client with no user, whose sign-in fails. For a signed-in user whose requests fail, use {@link
 * signedIn} with `error`.
 *
 * @param error what it fails with. Default: kind and code `network`
 */
export const failing = (error: Partial<ErrorDetails> = {}, options: TestOptions = {}): Promise<Client> => make(false, { ...options, error });
