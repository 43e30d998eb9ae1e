/**
 * Signs out idle users, counted over all tabs.
 *
 * @packageDocumentation
 */
import type { Client } from './index.js';
import { remembered } from './remembered.js';

/** When to warn and when to sign out. */
export interface IdleOptions {
  /** How long after the last activity in any tab the user is signed out: milliseconds. */
  after_ms: number;
  /**
   * How long before that the client's event `idle_warning` begins and `onWarning` is called:
   * milliseconds. Default: a minute.
   */
  warning_ms?: number;
  /**
   * Called with each event `idle_warning`, once a second: with the milliseconds that are left until
   * the user is signed out, or with `null` once they are active again.
   */
  onWarning?: (left_ms: number | null) => void;
  /** Called in the tab that signs out. Default: `logOut`. */
  onIdle?: () => unknown;
  /** Ends it. */
  signal?: AbortSignal;
  /** Keeps several clients of one origin apart. Default: `oauth2`. */
  name?: string;
}

/** The user's activity. */
const SIGNS = ['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart', 'scroll', 'visibilitychange'];
/** How often the clock is checked, and how often activity is stored at most, in milliseconds. */
const TICK = 1_000;

/**
 * Watches for activity in this tab, and in others by a time that every tab stores. The time
 * survives a reload and the end of the browser: a user who comes back too late is signed out at
 * once.
 *
 * A script in the page can fake activity. Only the server can end a session reliably.
 *
 * @returns a function that counts as activity, for a button *Stay signed in*
 */
export const watchIdle = (
  client: Client,
  { after_ms: after, warning_ms: warning = 60_000, onWarning, onIdle = () => client.logOut(), signal, name = 'oauth2' }: IdleOptions,
): (() => void) => {
  const key = `oauth2-wasm.idle.${name}`;
  let mine = 0;
  let warned = false;
  let ending = false;
  let before = client.current.status;

  // Without a storage only this tab counts.
  const stored = remembered('localStorage');
  const last = (): number => Math.max(mine, Number(stored.get(key)));
  const left = () => last() + after - Date.now();
  const signedIn = () => client.current.status === 'granted';

  const here = () => {
    mine = Date.now();
    stored.set(key, String(mine));
    look();
  };

  const warn = (ms: number | null) => {
    const again = ms !== null || warned;
    warned = ms !== null;
    if (!again) return;
    client.dispatchEvent(new CustomEvent('idle_warning', { detail: { left_ms: ms } }));
    onWarning?.(ms);
  };

  /** Only one tab signs out at the server; the others are told. */
  const end = async () => {
    ending = true;
    const once = async () => void (!signal?.aborted && signedIn() && left() <= 0 && (await onIdle()));
    await (navigator.locks ? navigator.locks.request(key, once) : once()).catch(() => {});
    ending = false;
  };

  const look = () => {
    if (!signedIn() || left() > warning) return warn(null);
    if (left() > 0) return warn(left());
    warn(null);
    if (!ending) void end();
  };

  // If the user comes back after the time has passed, sign out first: this is no activity.
  const seen = () => document.visibilityState !== 'hidden' && Date.now() - mine >= TICK && (left() > 0 || !signedIn()) && here();

  /** A sign-in is activity; a session that was only loaded is not. */
  const changed = () => {
    const { status } = client.current;
    if (status === 'granted' && before === 'not_authenticated') here();
    before = status;
    look();
  };

  const clock = setInterval(look, TICK);
  SIGNS.forEach((type) => addEventListener(type, seen, { capture: true, passive: true }));
  client.addEventListener('change', changed);
  signal?.addEventListener('abort', () => {
    clearInterval(clock);
    SIGNS.forEach((type) => removeEventListener(type, seen, true));
    client.removeEventListener('change', changed);
  });
  if (last()) look();
  else here();
  return here;
};
