/**
 * Sign-in in a window of its own, so that the page stays open. The page at the redirect URI has to
 * be on the same origin.
 *
 * @packageDocumentation
 */
import { unbase64url } from './bytes.js';
import { type AuthorizeParameters, type Client, OAuthError, type Status } from './index.js';

export interface PopupParameters extends AuthorizeParameters {
  /** What `window.open` gets as features. Default: `popup,width=500,height=650`. */
  features?: string;
  /** A text for the window until the server's page is there. Default: it is empty. */
  waiting?: string;
}

/** How often the window is checked, in milliseconds. */
const LOOK = 100;
/**
 * Before an opener policy cuts off a window, the page sees it at another origin for about 50 ms. A
 * window that a user has seen was there for longer than this many looks.
 */
const STEADY = 4;
/**
 * A window that seems closed counts as closed after this many looks with this page in front of the
 * user: if the page saw the user come back, and if it did not.
 */
const BACK = 10;
const HERE = 100;
/** How long the popup waits for its opener, in milliseconds. */
const PATIENCE = 1_000;

/**
 * A channel reaches the pages of its own origin only. Named after the attempt, it joins one popup
 * and its opener; and unlike `postMessage` it reaches through a Cross-Origin-Opener-Policy, which
 * takes the two windows apart.
 */
const channel = (state: string) => new BroadcastChannel('oauth2-wasm.popup ' + state);

/** The `op` of errors. */
const OP = 'sign_in_popup';

const failure = (kind: OAuthError['kind'], code: string) => new OAuthError({ kind, code, op: OP, retryable: false });

/** Whether the window shows something else than the empty page that it was opened with. */
const away = (popup: Window): boolean => {
  try {
    return popup.location.href !== 'about:blank';
  } catch {
    return true; // another origin
  }
};

/**
 * Waits for the reply until the attempt expires or the signal aborts, and finishes the sign-in with
 * it.
 */
const answer = async (client: Client, state: string, signal?: AbortSignal | null): Promise<Status> => {
  const link = channel(state);
  const over = new AbortController();
  let clock: ReturnType<typeof setTimeout> | undefined;
  try {
    const url = await new Promise<string>((resolve, reject) => {
      link.onmessage = ({ data }) => resolve(data);
      clock = setTimeout(() => reject(failure('expired', 'attempt_expired')), client.attemptLife);
      signal?.addEventListener('abort', () => reject(signal.reason), { signal: over.signal });
      if (signal?.aborted) reject(signal.reason);
    });
    await client.matches(url); // a client that was closed meanwhile takes no reply
    link.postMessage('taken');
    return await client.callback({ url, signal });
  } finally {
    over.abort();
    clearTimeout(clock);
    link.close();
  }
};

/** Rejects when the user has closed the window, as far as the page can tell. */
const closed = (popup: Window, signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    let seen = 0;
    let here = 0;
    let enough = HERE;
    addEventListener('focus', () => (enough = BACK), { signal });
    const watch = setInterval(() => {
      if (popup.closed) {
        if (seen > STEADY) here = document.hasFocus() ? here + 1 : 0;
        if (here > enough) reject(failure('cancelled', 'popup_closed'));
      } else if (away(popup)) seen++;
      // Until the server has answered, this event comes if the user closes the window, but not if a
      // policy cuts it off.
      else popup.onbeforeunload = () => void (seen = Infinity);
    }, LOOK);
    signal.addEventListener('abort', () => clearInterval(watch));
  });

const open = async (client: Client, { features = 'popup,width=500,height=650', waiting = '', ...parameters }: PopupParameters): Promise<Status> => {
  const { signal } = parameters;
  signal?.throwIfAborted();
  const popup = window.open('about:blank', '_blank', features);
  if (!popup) throw failure('client', 'popup_blocked');
  popup.document.body.append(waiting);
  const over = new AbortController();
  try {
    const { url, state } = await client.authorize(parameters);
    if (popup.closed) throw failure('cancelled', 'popup_closed');
    const status = answer(client, state, signal);
    popup.location.replace(url);
    return await Promise.race([status, closed(popup, over.signal)]);
  } finally {
    over.abort();
    popup.close();
  }
};

/**
 * Signs in by a popup. Call it in the handler of a click, before any `await`: otherwise browsers
 * block the window. The page at the redirect URI calls {@link finishPopup}.
 *
 * A window that looks closed may be open: a server's page with a `Cross-Origin-Opener-Policy` looks
 * the same from here. So the window counts as closed once the user has been back at this page for a
 * second, or for ten if the browser does not report that they came back. A reply that comes later
 * still signs in, until the attempt expires (`attempt_life_ms`) or the signal aborts; the events
 * say so. If the server's first page, or the calling page, has such a policy, only the reply, the
 * signal or the attempt's expiry settle the promise, and only the reply closes the window. In a
 * frame of another site, which the reply does not reach, sign in by redirect.
 *
 * @returns the status, with the given `app_state`. The window is closed, however the sign-in ends.
 * @throws {OAuthError} code `popup_blocked`; kind `cancelled`, code `popup_closed`; kind `expired`,
 * code `attempt_expired`; those of {@link Client.callback}
 */
export const signInPopup = (client: Client, parameters: PopupParameters = {}): Promise<Status> =>
  open(client, parameters).catch((error) => {
    throw error instanceof OAuthError ? new OAuthError({ ...error, op: OP }, error) : error;
  });

/**
 * A signed reply has its state in the JWT (JARM section 2.1); the client verifies the reply later.
 */
const stateOf = (reply: URLSearchParams): string | null => {
  try {
    const [, payload] = reply.get('response')!.split('.');
    return JSON.parse(new TextDecoder().decode(unbase64url(payload!))).state;
  } catch {
    return reply.get('state');
  }
};

/**
 * Passes the reply to the page that opened this popup, and closes the window. For the page at the
 * redirect URI, which needs nothing else of this package. If users also sign in by redirect there,
 * call {@link Client.handleRedirect} after `false`.
 *
 * @param url the URL to which the server sent the user. Default: the page's own.
 * @returns whether a page took the reply; `false` comes after a second
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
