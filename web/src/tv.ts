import type { DeviceAuthorization } from '../../js/src/index.js';
import { phoneOrigin } from './config.js';
import { byId, byTestId, setText } from './dom.js';
import type { Explanation } from './explain.js';
import { minutes, secondsTo } from './time.js';

/** What the screen shows: a message (`idle`, `starting`, `ended`, `approved`), or a code. */
type Screen = 'idle' | 'starting' | 'ended' | 'approved' | 'waiting' | 'paused' | 'stopped';

export const start = byTestId<HTMLButtonElement>('device-start');
export const pause = byTestId<HTMLButtonElement>('device-pause');
export const resume = byTestId<HTMLButtonElement>('device-resume');
export const cancel = byTestId<HTMLButtonElement>('device-cancel');

const screen = byTestId('device-screen');
const flow = byId('tv-flow');
const title = byTestId('device-result');
const code = byTestId('user-code');
const copy = byTestId<HTMLButtonElement>('copy-code');
const complete = byTestId<HTMLAnchorElement>('verification-uri-complete');

const invitation: Explanation = { title: 'Sign in with your phone', text: 'You will get a code to enter there.' };
const signedIn: Explanation = { title: 'Signed in', text: 'Sign out to try it on the TV.' };

/** RFC 8628 section 3.5: how much slow_down adds to the interval, in milliseconds. */
const SLOW_DOWN = 5000;
/** Seconds before the code expires at which screen readers announce it. */
const WARNINGS = [60, 15];

let state: Screen = 'idle';
let shown: DeviceAuthorization | undefined;
/** Whether polling has begun: before that, a flow that does not poll is not paused. */
let begun = false;
let slowed = '';
let trouble: Explanation | undefined;
let next = 0;
let left = 0;
let clock: ReturnType<typeof setInterval> | undefined;

const inFlow = () => state === 'waiting' || state === 'paused' || state === 'stopped';

const say = (text: string) => setText(byTestId('device-live'), text);

const setState = (to: Screen) => {
  state = screen.dataset.state = to;
};

const polling = (interval: number): string => {
  if (trouble) return trouble.text;
  if (state === 'paused') return 'Nothing is asked meanwhile.';
  const wait = secondsTo(next);
  return `${slowed || 'Asking'} every ${interval / 1000} s, ${wait ? `next in ${wait} s` : 'now'}`;
};

const tick = () => {
  if (!shown) return;
  const before = left;
  left = secondsTo(shown.expires_at);
  setText(byTestId('device-expires'), minutes(left));
  setText(byTestId('device-polling'), polling(shown.interval_ms));
  const warning = WARNINGS.find((seconds) => before > seconds && left <= seconds);
  if (warning) say(`The code ends in ${warning} seconds.`);
};

const spelled = (text: string) => [...text.replaceAll('-', ',')].join(' ');

/**
 * The address of a page of the server for a phone: in this network, if the demo was started with
 * that option.
 */
const onPhone = (url: string): string => (phoneOrigin ? url.replace(/^https?:\/\/[^/]+/, phoneOrigin) : url);

const drawQr = (url: string | undefined) => {
  complete.hidden = !url;
  setText(
    byId('tv-where'),
    phoneOrigin
      ? 'A phone in the same network can open it. It goes there unencrypted: use the demo account alone.'
      : 'For this machine only: another tab is the phone. A real one can scan it after make demo ARGS="-phone lan".',
  );
  if (!url) return;
  complete.href = url;
  (byId('tv-qr') as HTMLImageElement).src = '/qr.svg?text=' + encodeURIComponent(url);
};

/** Shows a new code. */
const present = ({ user_code, verification_uri, verification_uri_complete, expires_at }: DeviceAuthorization) => {
  begun = false;
  slowed = '';
  trouble = undefined;
  left = secondsTo(expires_at);
  code.textContent = user_code;
  const link = byTestId<HTMLAnchorElement>('verification-uri');
  link.href = link.textContent = onPhone(verification_uri);
  drawQr(verification_uri_complete && onPhone(verification_uri_complete));
  byId('tv-message').hidden = true;
  flow.hidden = false;
  clock ??= setInterval(tick, 250);
  say(`Your code is ${spelled(user_code)}. Enter it on your phone. It ends in ${minutes(left)} minutes.`);
};

const showButtons = () => {
  const chosen = document.activeElement;
  pause.hidden = state !== 'waiting';
  resume.hidden = state === 'waiting';
  if (chosen === pause && pause.hidden) resume.focus();
  if (chosen === resume && resume.hidden) pause.focus();
};

/** Shows a user code, or updates it (RFC 8628 section 3.3). */
export const showCode = (device: DeviceAuthorization): void => {
  const before = inFlow() ? shown : undefined;
  const was = state;
  const chosen = document.activeElement === start;
  if (before?.user_code !== device.user_code) present(device);
  else if (device.interval_ms > before.interval_ms) {
    slowed = device.interval_ms - before.interval_ms === SLOW_DOWN ? 'The server asked us to slow down:' : 'The server was slow to answer:';
    say(`${slowed} asking every ${device.interval_ms / 1000} seconds.`);
  }
  shown = device;
  begun ||= device.polling;
  if (device.polling) next = Date.now() + device.interval_ms;
  setState(device.polling || !begun ? 'waiting' : 'paused');
  if (chosen) code.focus({ preventScroll: true });
  if (state === 'paused') trouble = undefined;
  showStatus();
  if (was === 'waiting' && state === 'paused') say('Paused. The code stays good.');
  if ((was === 'paused' || was === 'stopped') && state === 'waiting') say('Asking again.');
  showButtons();
  tick();
};

/** Shows why polling stopped while the code is still valid. */
export const showStopped = (why: Explanation): void => {
  trouble = why;
  setState('stopped');
  setText(byTestId('device-status'), why.title);
  say(`${why.title}. ${why.text}`);
  showButtons();
  tick();
};

const showStatus = () => setText(byTestId('device-status'), trouble?.title ?? (state === 'waiting' ? 'Waiting for your phone' : 'Paused'));

/** A poll was answered: the next comes an interval later. */
export const polled = (): void => {
  if (!shown) return;
  next = Date.now() + shown.interval_ms;
  if (state !== 'waiting' || !trouble) return;
  trouble = undefined;
  showStatus();
  say('The server answers again.');
  tick();
};

/** Shows why a poll got no answer; the module goes on polling. */
export const showTrouble = (why: Explanation): void => {
  if (state !== 'waiting') return;
  if (!trouble) say(`${why.title}. ${why.text}`);
  trouble = why;
  showStatus();
  tick();
};

const showMessage = (to: Screen, { title: words, text, code: error }: Explanation) => {
  const within = flow.contains(document.activeElement);
  setState(to);
  clearInterval(clock);
  clock = shown = undefined;
  setText(title, words);
  setText(byId('tv-text'), text);
  setText(byId('tv-error'), error ?? '');
  byId('tv-error').hidden = !error;
  setText(start, to === 'ended' ? 'Show a new code' : 'Show a code');
  byId('tv-message').hidden = false;
  // The place of the code stays, so that the page does not jump under the reader.
  if (to === 'idle') flow.hidden = true;
  if (within) (start.hidden ? title : start).focus({ preventScroll: true });
};

/** Shows that a code is being fetched. */
export const showStarting = (): void => {
  setState('starting');
  setText(title, 'One moment');
  setText(byId('tv-text'), 'Asking the server for a code.');
};

/** Shows how a flow ended without a sign-in, and offers to begin again. */
export const showEnd = (why: Explanation): void => {
  showMessage('ended', why);
  say(`${why.title}. ${why.text}`);
};

/** Shows that the flow ended with a sign-in. */
export const showApproved = (): void => {
  start.hidden = true;
  showMessage('approved', signedIn);
};

/** Adds the name of the user who signed in on the TV. */
export const showName = (name: string | undefined): void => {
  if (state !== 'approved') return;
  const words = name ? `Signed in as ${name}` : 'Signed in';
  setText(title, words);
  say(words + '.');
};

/** Offers the TV if nobody is signed in. */
export const follow = (held: boolean, running: boolean): void => {
  start.disabled = !running;
  if (inFlow() || state === 'starting') return;
  start.hidden = held;
  if (held ? state === 'idle' || state === 'ended' : state === 'approved' || state === 'idle') showMessage('idle', held ? signedIn : invitation);
};

copy.addEventListener('click', async () => {
  try {
    await navigator.clipboard.writeText(code.textContent!);
    say('Code copied.');
    copy.textContent = 'Copied';
    setTimeout(() => (copy.textContent = 'Copy'), 2000);
  } catch {
    getSelection()?.selectAllChildren(code); // the browser lets the user copy, but not the page
  }
});
document.addEventListener('visibilitychange', tick);
