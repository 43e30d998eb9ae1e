import { lead, lifetime } from './config.js';
import { byId, byTestId, setText } from './dom.js';
import { minutes, secondsTo } from './time.js';

const words = byTestId('expiry');
const bar = byId('bar');

/** The last fifth of a token's lifetime is shown in another colour. */
const LOW = 0.2;

let end: number | undefined;
let renewable = false;
let automatic = false;

/** When the module refreshes the token by itself. */
const renewal = (): string => {
  const left = secondsTo(end! - lead);
  return automatic && left ? `, renewal in ${minutes(left)}` : '';
};

const fill = (share: number) => {
  bar.style.transform = `scaleX(${Math.min(1, Math.max(0, share))})`;
};

const tick = () => {
  if (end === undefined) return;
  const left = secondsTo(end);
  words.toggleAttribute('data-over', left === 0);
  bar.toggleAttribute('data-low', left * 1000 < lifetime * LOW);
  if (left) setText(words, `good for ${minutes(left)}${renewal()}`);
  else setText(words, renewable ? 'has run out; the next call renews it' : 'has run out');
  // The bar glides to where it will be at the next tick.
  fill(((left - 1) * 1000) / lifetime);
};

/**
 * Counts down to the expiry of the access token.
 *
 * @param expiresAt Unix time in milliseconds; `undefined`: the server did not say; `null`: there is
 * no token
 * @param refreshable whether an expired token can be refreshed
 * @param autoRefresh whether the module refreshes it by itself
 */
export const countDown = (expiresAt: number | undefined | null, refreshable: boolean, autoRefresh: boolean): void => {
  renewable = refreshable;
  automatic = refreshable && autoRefresh;
  words.toggleAttribute('data-empty', expiresAt === null);
  if (expiresAt === end && typeof expiresAt === 'number') return tick();
  end = expiresAt ?? undefined;
  bar.removeAttribute('data-moving');
  if (end === undefined) {
    words.removeAttribute('data-over');
    setText(words, expiresAt === null ? 'none' : 'good for as long as the server says');
    return fill(0);
  }
  fill((end - Date.now()) / lifetime);
  void bar.offsetWidth; // so that the jump is drawn before the transition begins
  bar.setAttribute('data-moving', '');
  tick();
};

setInterval(tick, 1000);
document.addEventListener('visibilitychange', tick);
