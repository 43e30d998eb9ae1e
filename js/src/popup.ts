/**
 * Sign-in in a window of its own, so that the page stays. The page at the redirect URI has to be of the same origin.
 *
 * @packageDocumentation
 */
import { unbase64url } from './bytes.js';
import { type AuthorizeParameters, type Client, OAuthError, type Status } from './index.js';

export interface PopupParameters extends AuthorizeParameters {
  /** What `window.open` gets as features. Default: `popup,width=500,height=650`. */
  features?: string;
}

/** The window is looked after so often, in milliseconds. */
const LOOK = 100;
/** A window that an opener policy takes away is seen elsewhere for some 50 ms before; one that a person saw, longer than so many looks. */
const STEADY = 4;
/** The core takes no answer to an older attempt, in milliseconds. */
const LONGEST = 600_000;
/** How long the popup waits for its opener, in milliseconds. */
const PATIENCE = 1_000;

/**
 * A channel reaches the pages of its own origin only. Named after the attempt, it joins one popup and its opener; and unlike
 * `postMessage` it reaches through a Cross-Origin-Opener-Policy, which takes the two windows apart.
 */
const channel = (state: string) => new BroadcastChannel('oauth2-wasm.popup ' + state);

const failure = (kind: OAuthError['kind'], code: string) => new OAuthError({ kind, code, op: 'popup', retryable: false });

/** Whether the window shows something else than the empty page that it was opened with. */
const away = (popup: Window): boolean => {
  try {
    return popup.location.href !== 'about:blank';
  } catch {
    return true; // another origin
  }
};

/**
 * Signs in by a popup. Call it in the handler of a click, without waiting for anything before: browsers open no window otherwise.
 * The page at the redirect URI calls {@link finishPopup}.
 *
 * A closed window is noticed, unless the server's first page, or the page that calls this, is served with
 * `Cross-Origin-Opener-Policy: same-origin`: the browser then hides the window from its opener, only the reply, the signal or the
 * attempt's end after ten minutes settle the promise, and only the reply closes the window. Where a later page of the server brings such a policy, the window
 * counts as closed; so does it in a frame of another site, which the reply does not reach. Sign in by redirect there.
 *
 * @returns the status, with the `state` that was given. However it ends, the window is closed.
 * @throws {OAuthError} code `popup_blocked`; kind `cancelled`, code `popup_closed`; kind `expired`, code `attempt_expired`; those of
 *   {@link Client.callback}
 */
export const signInPopup = async (
  client: Client,
  { features = 'popup,width=500,height=650', ...parameters }: PopupParameters = {},
): Promise<Status> => {
  const { signal } = parameters;
  signal?.throwIfAborted();
  const popup = window.open('about:blank', '_blank', features);
  if (!popup) throw failure('client', 'popup_blocked');
  let link: BroadcastChannel | undefined;
  let watch: ReturnType<typeof setInterval> | undefined;
  try {
    const { url, state } = await client.authorize(parameters);
    const reply = await new Promise<string>((resolve, reject) => {
      link = channel(state);
      link.onmessage = ({ data }) => resolve(data);
      signal?.addEventListener('abort', () => reject(signal.reason));
      if (signal?.aborted) reject(signal.reason);
      if (popup.closed) reject(failure('cancelled', 'popup_closed'));
      popup.location.replace(url);
      const end = Date.now() + LONGEST;
      let seen = 0;
      let gone = false;
      watch = setInterval(() => {
        if (gone) reject(failure('cancelled', 'popup_closed')); // a reply had the time between two looks to arrive
        else if (Date.now() > end) reject(failure('expired', 'attempt_expired'));
        else if (popup.closed) gone = seen > STEADY;
        else if (away(popup)) seen++;
        // While the server has not answered, a user who closes the window does that with this event, a policy does without.
        else popup.onbeforeunload = () => void (seen = Infinity);
      }, LOOK);
    });
    link!.postMessage('taken');
    return await client.callback({ url: reply, signal });
  } finally {
    clearInterval(watch);
    link?.close();
    popup.close();
  }
};

/** A signed reply has its state inside (JARM section 2.1); who takes the reply verifies it. */
const stateOf = (reply: URLSearchParams): string | null => {
  try {
    const [, payload] = reply.get('response')!.split('.');
    return JSON.parse(new TextDecoder().decode(unbase64url(payload!))).state;
  } catch {
    return reply.get('state');
  }
};

/**
 * Hands the reply to the page that opened this popup, and closes the window. For the page at the redirect URI, which needs
 * nothing else of this package; a page that is also signed in to by redirect calls {@link Client.handleRedirect} after `false`.
 *
 * @param url the URL that the server sent the user to. Default: the page's own.
 * @returns whether a page took it; `false` comes after a second
 */
export const finishPopup = (url: string | URL = location.href): Promise<boolean> =>
  new Promise((resolve) => {
    const state = stateOf(new URL(url).searchParams);
    if (!state) return resolve(false);
    const link = channel(state);
    const end = (taken: boolean) => {
      clearTimeout(clock);
      link.close();
      if (taken) window.close();
      resolve(taken);
    };
    const clock = setTimeout(end, PATIENCE, false);
    link.onmessage = () => end(true);
    link.postMessage(String(url));
  });
