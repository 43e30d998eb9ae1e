import { OAuthError } from '../../js/src/index.js';
import { LoadError } from './module.js';

/** An error for users: what happened, and what to do. */
export interface Explanation {
  title: string;
  text: string;
  /** For looking it up. */
  code?: string;
}

const ENDED = 'Your session has ended';

/** What the page was doing. */
export type Doing = 'load' | 'sign in' | 'popup' | 'callback' | 'device start' | 'device' | 'refresh' | 'call' | 'sign out' | 'userinfo';

const unreachable: Record<Doing, string> = {
  load: 'Load the page again once the connection is back.',
  'sign in': 'You have not left this page. Try again once the connection is back.',
  popup: 'You have not left this page. Try again once the connection is back.',
  'device start': 'Try again once the connection is back.',
  device: 'The code is still good, and asking goes on by itself.',
  callback: 'The code that came with it is good for one try only. Sign in once more; nothing was lost.',
  refresh: 'Your session is as it was. Try again once the connection is back.',
  call: 'Your session is as it was. Call again once the connection is back.',
  'sign out': 'Try again once the connection is back.',
  userinfo: 'You are signed in, but your name could not be fetched.',
};

const byCode: Record<string, [title: string, text: string]> = {
  already_used: [
    'This reply was used before',
    'A reload or the Back button delivered it a second time, so nothing was sent again. If you are signed out, sign in once more.',
  ],
  attempt_expired: ['That took too long', 'A sign-in has to be finished within ten minutes. Sign in once more.'],
  popup_blocked: ['The browser opened no window', 'Allow pop-up windows for this site, or sign in without one.'],
  popup_closed: ['The window was closed', 'Nothing was shared. Sign in again if that was a slip.'],
  device_code_expired: ['The code ran out', 'Nobody said yes in time, and it is good for nothing now. Get a new one.'],
  no_device_code: ['The code is used up', 'Its answer came while nobody was asking any more. Get a new one.'],
  not_signed_in: ['You are signed out', 'The module holds no token, so nothing was sent. Sign in first.'],
  no_refresh_token: ['The session cannot be refreshed', 'The server gave no refresh token, or has ended it. Sign in again.'],
  token_expired: [ENDED, 'The access token has run out and cannot be renewed. Sign in again.'],
  signed_out: ['You signed out elsewhere', 'Another tab ended this session. Sign in again.'],
  resource_not_allowed: ['The module refused', 'That address is not among the configured resources, so it gave out no token and nothing was sent.'],
  outcome_unknown: ['Nobody knows how the last refresh ended', 'The connection went away before the answer came. Sign in again.'],
  outcome_lost: [ENDED, 'The server renewed it, but its answer got lost on the way. Sign in again.'],
  lock_timeout: ['Another tab is busy with this session', 'Try again in a moment.'],
  redirect: [
    'The server sent the request elsewhere',
    'The module follows no redirect with a token or code in hand. There is nothing you can do; tell those who run the server.',
  ],
  no_key: ['The key is gone', 'Your tokens are good only with a key that this browser held, and it holds it no longer. Sign in again.'],
  key_failed: ['The browser makes no key', 'Tokens are bound to one here. Site data may be blocked: allow it for this site and try again.'],
  dpop_downgrade: [
    'The module refused the token',
    'It asked for one that is bound to its key, and got one that anybody could use. Nothing was kept; tell those who run the server.',
  ],
  instance_lost: ['The module stopped and was started again', 'That should not happen. Sign in again, and please report it.'],
};

const byKind: Partial<Record<OAuthError['kind'], [title: string, text: string]>> = {
  callback_not_verified: [
    'This reply does not belong here',
    'It answers no sign-in that this tab began: an old link, another browser, or somebody else’s. Nothing was sent. Begin with Sign in.',
  ],
  id_token_not_verified: [
    'The module refused the answer',
    'It could not verify who signed in, and kept nothing of it. Sign in again; if that does not help, tell those who run the server.',
  ],
  token_not_found: ['The server’s answer held no token', 'Sign in again; if that does not help, tell those who run the server.'],
  expired: [ENDED, 'Sign in again.'],
  storage: ['The browser did not keep the session', 'Site data may be blocked or full. Allow it for this site and try again.'],
  cancelled: ['That was cut short', 'Try again.'],
};

const protocolError = (error: OAuthError, doing: Doing): [string, string] => {
  switch (error.error) {
    case 'access_denied':
      if (doing === 'device') return ['You declined', 'You said no on the phone, and nothing was shared. Get a new code if that was a slip.'];
      return ['You declined', 'This page was not given access, and nothing was shared. Sign in again if that was a slip.'];
    case 'temporarily_unavailable':
    case 'server_error':
      return ['The server has a problem', 'It says so itself. Try again in a moment.'];
    case 'invalid_grant':
      return doing === 'callback'
        ? ['The server did not accept the code', 'It may be too old or used. Sign in once more.']
        : [ENDED, 'The server renews it no longer. Sign in again.'];
    default:
      return [
        'The server refused',
        error.error_description ? `It says: ${error.error_description.replace(/\.$/, '')}.` : 'It gave no reason that a person could use.',
      ];
  }
};

const ofClient = (error: OAuthError, doing: Doing): [string, string] => {
  const { kind, code, status = 0 } = error;
  if (status >= 500) return ['The server has a problem', `It answered with HTTP status ${status}. Your session is as it was; try again in a moment.`];
  if (code === 'outcome_lost') return byCode[code]!;
  if (code === 'oauth_error' || (error.error && !error.unverified)) return protocolError(error, doing);
  if (kind === 'cancelled' && doing === 'device') return ['Cancelled', 'The TV asks no longer, and nothing was shared.'];
  if (byCode[code]) return byCode[code];
  if (kind === 'network') {
    const title = code === 'timeout' ? 'The server took too long' : 'The server cannot be reached';
    return [title, unreachable[doing]];
  }
  return byKind[kind] ?? ['The server’s answer makes no sense', 'Your session is as it was. Try again; if it stays so, tell those who run the server.'];
};

/**
 * Says what an error means.
 *
 * @param signedIn whether there is still a token that is valid for a while
 */
export const explain = (error: unknown, doing: Doing, signedIn = false): Explanation => {
  if (error instanceof OAuthError) {
    const [words, text] = ofClient(error, doing);
    const title = signedIn && words === ENDED ? 'Your session is about to end' : words;
    const { kind, code, status, error: said } = error;
    if (kind === 'cancelled' && doing === 'device') return { title, text };
    return { title, text, code: [kind, code, said, status && `HTTP ${status}`].filter(Boolean).join(' · ') };
  }
  if (error instanceof LoadError) {
    return {
      title: 'The WebAssembly module could not be loaded',
      text:
        error.message === 'not fetched'
          ? 'The connection or the server is gone. Load the page again once it is back.'
          : 'This browser does not run it: it may be old, or WebAssembly switched off (as in a lockdown mode). Allow it for this site and load the page again.',
    };
  }
  // The global fetch says only that it failed.
  if (error instanceof TypeError && doing !== 'load') return { title: 'The server cannot be reached', text: unreachable[doing] };
  return { title: 'Something went wrong', text: 'Load the page again.', code: String(error) };
};
