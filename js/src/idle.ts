/**
 * Signs out who does nothing for a while, in all tabs together.
 *
 * @packageDocumentation
 */
import type { Client } from './index.js';

/** When to warn and when to sign out. */
export interface IdleOptions {
  /** So long after the last sign of the user, in any tab, they are signed out: milliseconds. */
  after_ms: number;
  /**
   * So long before that the client's event `idle_warning` begins, and `onWarning` is called:
   * milliseconds. Default: a minute.
   */
  warning_ms?: number;
  /**
   * Called with each event `idle_warning`, once a second until the user is signed out or shows
   * themselves: how many milliseconds are left; `null` once they did.
   */
  onWarning?: (left_ms: number | null) => void;
  /** Called in the tab that signs out. Default: `logOut`. */
  onIdle?: () => unknown;
  /** Ends it. */
  signal?: AbortSignal;
  /** Tells several clients of one origin apart. Default: `oauth2`. */
  name?: string;
}

/** What the user does. */
const SIGNS = ['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart', 'scroll', 'visibilitychange'];
/** A sign is written down so often at most, and the clock looked at so often, in milliseconds. */
const TICK = 1_000;

/**
 * Watches the user, in this tab and, by what other tabs write down, in all of them. What is written
 * down is a time, which survives a reload and the browser's end: who comes back too late is signed
 * out at once.
 *
 * Whatever runs in the page can pretend that the user is there. What ends a session for certain is
 * the server's.
 *
 * @returns a function that says that the user is there, for a button *Stay signed in*
 */
export const watchIdle = (client: Client, { after_ms: after, warning_ms: warning = 60_000, onWarning, onIdle = () => client.logOut(), signal, name = 'oauth2' }: IdleOptions): (() => void) => {
  const key = `oauth2-wasm.idle.${name}`;
  let mine = 0;
  let warned = false;
  let ending = false;
  let before = client.current.status;

  const last = (): number => {
    try {
      return Math.max(mine, Number(localStorage.getItem(key)));
    } catch {
      return mine; // no storage: this tab alone counts
    }
  };
  const left = () => last() + after - Date.now();
  const signedIn = () => client.current.status === 'granted';

  const here = () => {
    mine = Date.now();
    try {
      localStorage.setItem(key, String(mine));
    } catch {
      // as above
    }
    look();
  };

  const warn = (ms: number | null) => {
    const again = ms !== null || warned;
    warned = ms !== null;
    if (!again) return;
    client.dispatchEvent(new CustomEvent('idle_warning', { detail: { left_ms: ms } }));
    onWarning?.(ms);
  };

  /** One tab of all asks the server; the others hear of it. */
  const end = async () => {
    ending = true;
    const once = async () => void (signedIn() && left() <= 0 && (await onIdle()));
    await (navigator.locks ? navigator.locks.request(key, once) : once()).catch(() => {});
    ending = false;
  };

  const look = () => {
    if (!signedIn() || left() > warning) return warn(null);
    if (left() > 0) return warn(left());
    warn(null);
    if (!ending) void end();
  };

  // Who comes back when the time is over is no longer there: first they are signed out.
  const seen = () => document.visibilityState !== 'hidden' && Date.now() - mine >= TICK && (left() > 0 || !signedIn()) && here();

  /** Who signs in is there; whose session was loaded need not be. */
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
