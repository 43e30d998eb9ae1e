import type { SessionStatus, Status, UserInfo } from '../../js/src/index.js';
import { countDown } from './countdown.js';
import { byId, byTestId, make, setText } from './dom.js';
import type { Doing, Explanation } from './explain.js';

/** What the page shows: the module's statuses, and some of its own. */
export type Phase = SessionStatus | 'starting' | 'signing_in' | 'failed';

const words: Record<Phase, string> = {
  starting: 'Starting',
  signing_in: 'Signing in',
  failed: 'Not running',
  not_authenticated: 'Signed out',
  temporary_credentials_received: 'Signing in',
  granted: 'Signed in',
  refreshing: 'Refreshing',
};

export const signIn = byTestId<HTMLButtonElement>('sign-in');
export const popupSignIn = byTestId<HTMLButtonElement>('popup-sign-in');
export const signOut = byTestId<HTMLButtonElement>('sign-out');
export const refresh = byTestId<HTMLButtonElement>('refresh');
export const stepUp = byTestId<HTMLButtonElement>('step-up');
export const choices = byTestId<HTMLDetailsElement>('choices');
export const keep = byTestId<HTMLInputElement>('keep');
export const autoRefresh = byTestId<HTMLInputElement>('auto-refresh');
export const apiButtons = ['call-api', 'read-secret', 'send-elsewhere'].map((name) => byTestId<HTMLButtonElement>(name));

const hint = (phase: Phase, status: Status | undefined): string => {
  switch (phase) {
    case 'starting':
      return 'One moment: the module is loading.';
    case 'signing_in':
      return 'Back from the server: the code is being exchanged for tokens.';
    case 'failed':
      return '';
    case 'granted':
    case 'refreshing':
      if (status && !status.refreshable) return 'The server ended this session, so it cannot be refreshed. Sign in again.';
      return (
        (autoRefresh.checked ? 'The module renews the token by itself shortly before it runs out. ' : 'A call renews the token shortly before it runs out. ') +
        (keep.checked ? 'The session survives a reload of this tab.' : 'A reload signs you out, since tokens are kept in memory only.')
      );
    case 'temporary_credentials_received':
      if (status?.device) return 'The TV waits for you to say yes on your phone.';
    // falls through: a sign-in that was left half-way can be begun again
    default:
      return 'Sign in on this page, in a window of its own, or on the TV below.';
  }
};

/**
 * Shows the word for a status at once, before the rest is known.
 *
 * @param ending the token is valid for a while, but cannot be refreshed
 */
export const showPhase = (phase: Phase, ending = false): void => {
  const pill = byTestId('status');
  pill.dataset.status = phase;
  pill.toggleAttribute('data-ending', ending);
  setText(byId('status-words'), ending ? 'Signed in, and ending' : words[phase]);
  setText(byId('status-code'), phase);
};

const waiting: Record<Doing, string> = {
  load: '',
  'sign in': 'Asking the server before you leave this page …',
  popup: 'The window is open: go on there.',
  callback: '',
  'device start': '',
  device: '',
  refresh: 'Asking the server for a new token …',
  call: 'Asking the API …',
  'sign out': 'Telling the server …',
  userinfo: '',
};

/** A wait shorter than this is not mentioned, in milliseconds. */
const SOON = 300;

/** Says what the page waits for, until the returned function is called. */
export const showWaiting = (doing: Doing): (() => void) => {
  const place = doing === 'call' ? byId('api-head') : byId('hint');
  const before = place.textContent!;
  // The room for the answer opens with the click, so that nothing moves when it comes.
  if (doing === 'call') byTestId('api-result').parentElement!.setAttribute('data-called', '');
  const clock = setTimeout(() => waiting[doing] && setText(place, waiting[doing]), SOON);
  return () => {
    clearTimeout(clock);
    if (place.textContent === waiting[doing]) setText(place, before);
  };
};

const showScopes = (scope: string) => {
  const cell = byTestId('scopes');
  if (cell.dataset.scope === scope) return;
  cell.dataset.scope = scope;
  cell.toggleAttribute('data-empty', !scope);
  cell.replaceChildren(...(scope ? scope.split(' ').map((name) => make('span', { class: 'chip' }, name)) : ['none']));
};

/** Shows who signed in, by the userinfo claims, and returns the name; `null`: nobody. */
export const showUser = (claims: UserInfo | null): string => {
  const cell = byTestId('user');
  const shown = claims ? String(claims.name ?? claims.sub ?? 'somebody') : 'nobody';
  cell.toggleAttribute('data-empty', !claims);
  cell.replaceChildren(shown);
  if (!claims) return shown;
  const { sub, name, email } = claims;
  // An unverified address may belong to somebody else.
  const address = claims.email_verified === true ? email : undefined;
  const more = [name && sub, address].filter(Boolean).join(' · ');
  cell.append(' ', make('span', { class: 'muted' }, more));
  return shown;
};

/** Shows whether the access token works without this browser. */
const showBinding = (held: boolean, type: string | undefined) => {
  const cell = byTestId('binding');
  cell.toggleAttribute('data-empty', !held);
  setText(cell, !held ? 'nothing' : type?.toLowerCase() === 'dpop' ? 'a key that no script can read out' : 'nothing: anybody could use it');
};

/** Offers to sign in again, if the API requires that, and moves the keyboard focus there. */
export const showStepUp = (offered: boolean): void => {
  stepUp.hidden = !offered;
  if (offered) stepUp.focus();
};

/** Says that the user is back from signing out. */
export const showGoodbye = (): void => {
  setText(byId('hint'), 'You are signed out, here and at the server.');
  signIn.focus();
};

/** Shows a session. */
export const show = (phase: Phase, status?: Status): void => {
  const held = phase === 'granted' || phase === 'refreshing';
  const running = phase !== 'starting' && phase !== 'failed' && phase !== 'signing_in';
  const ended = held && status !== undefined && !status.refreshable;
  const focused = document.activeElement;
  showPhase(phase, ended);
  setText(byId('hint'), hint(phase, status));
  signIn.hidden = held && !ended;
  signIn.disabled = popupSignIn.disabled = !running;
  popupSignIn.hidden = held;
  signOut.hidden = !held;
  refresh.hidden = !held || ended;
  refresh.disabled = !held || ended;
  keep.disabled = autoRefresh.disabled = held || !running || !!status?.device;
  for (const button of apiButtons) button.disabled = !running;
  // The keyboard focus must not be lost with a button that disappears.
  if (focused instanceof HTMLElement && focused.hidden) (focused === signOut || focused === refresh ? signIn : signOut).focus();
  showScopes(held ? (status?.scope ?? '') : '');
  showBinding(held, status?.token_type);
  countDown(held && status ? status.expires_at : null, !ended, autoRefresh.checked);
  if (!held) {
    showUser(null);
    stepUp.hidden = true;
  }
};

/** Shows an error beside what failed, or removes it. */
export const showError = (error: Explanation | null, place: 'session' | 'api' = 'session'): void => {
  const region = byTestId(place === 'api' ? 'api-error' : 'error');
  if (!error) return region.replaceChildren();
  const alert = make('div', { class: 'alert' }, make('strong', {}, error.title), make('p', {}, error.text));
  if (error.code) alert.append(make('code', {}, error.code));
  region.replaceChildren(alert);
  region.scrollIntoView({ block: 'nearest', behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth' });
};

/** Shows the result of an API call. */
export const showResult = (head: string, body = ''): void => {
  setText(byId('api-head'), head);
  const result = byTestId('api-result');
  result.textContent = body;
  result.hidden = !body;
};
