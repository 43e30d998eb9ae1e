/**
 * Signs in without a question if the user is still signed in at the server.
 *
 * @packageDocumentation
 */
import { type Client, OAuthError, type Status } from './index.js';
import { base64url } from './bytes.js';
import { remembered } from './remembered.js';

/** How to restore a session. */
export interface SilentOptions {
  /** Ends the attempt: then nobody is signed in. */
  signal?: AbortSignal | null | undefined;
  /** How long the frame may take, in milliseconds. Default: 10,000. */
  timeout_ms?: number;
  /**
   * Whether the page itself may go to the server and back, once, if the frame fails because the
   * browser blocks its cookies. Default: `true`.
   */
  redirect?: boolean;
  /**
   * The redirect URI of the frame, on this origin. Default: the configured one. Scripts of that
   * page do not run in the frame.
   */
  redirect_uri?: string;
}

/**
 * How often the frame is checked, in milliseconds. Its URL can be read some milliseconds before its
 * event `load`, and much earlier if the page has pictures.
 */
const LOOK = 5;

const digest = async ({ iss, sub }: { iss: string; sub: string }) =>
  base64url(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(`${iss}\n${sub}`)))).slice(0, 22);

/** The user that a mark names: a digest, because the mark contains no secret. */
const named = (mark: string | null): string | undefined => {
  try {
    return JSON.parse(mark!).who;
  } catch {
    return undefined;
  }
};

/**
 * Waits until the frame is back on this origin: only then does the browser let the page read its
 * URL. No message is involved, so none can be forged.
 */
const back = (frame: HTMLIFrameElement, client: Client, signal: AbortSignal): Promise<string | undefined> =>
  new Promise((resolve) => {
    const end = (url?: string) => {
      clearInterval(clock);
      signal.removeEventListener('abort', stop);
      frame.removeEventListener('load', look);
      resolve(url);
    };
    const stop = () => end();
    const look = async () => {
      const url = frame.contentDocument?.URL; // undefined at the server's origin
      // A client that was closed meanwhile cannot say; then the time limit ends it.
      if (url && /^https?:/.test(url) && (await client.matches(url).catch(() => false))) end(url);
    };
    const clock = setInterval(look, LOOK);
    frame.addEventListener('load', look);
    signal.addEventListener('abort', stop);
  });

const inFrame = async (client: Client, { timeout_ms = 10_000, redirect_uri, signal }: SilentOptions): Promise<Status | undefined> => {
  const { url } = await client.authorize({ prompt: 'none', signal, ...(redirect_uri && { redirect_uri }) });
  const frame = document.createElement('iframe');
  frame.hidden = true;
  // Without scripts in the frame, the application does not start a second time at the redirect URI,
  // and nothing there can navigate the page.
  frame.setAttribute('sandbox', 'allow-same-origin');
  frame.src = url;
  document.documentElement.append(frame);
  try {
    const limits = [AbortSignal.timeout(timeout_ms), ...(signal ? [signal] : [])];
    const reply = await back(frame, client, AbortSignal.any(limits));
    signal?.throwIfAborted();
    // Not awaited, because the frame can be removed while the server answers.
    return reply === undefined ? undefined : client.callback({ url: reply, signal });
  } finally {
    frame.remove();
  }
};

/**
 * Remembers whether somebody is signed in, and restores their session when a page starts without it
 * (OpenID Connect Core section 3.1.2.1, `prompt=none`): first in a hidden frame, and if that fails
 * by one redirect of the page. It does nothing if nobody was signed in before, or after `signOut`
 * or `logOut`; one of these also ends an attempt. Call it once, before `handleRedirect`.
 *
 * If somebody else is now signed in at the server, the event `changed` says `other_account`.
 *
 * @param client a page's client, in a vault or not
 * @param name keeps several clients of one origin apart
 * @returns the session's state. If the page leaves for the server, the promise does not resolve.
 */
export const restoreSilently = async (client: Client, options: SilentOptions = {}, name = 'oauth2'): Promise<Status> => {
  const [kept, tab] = [remembered('localStorage'), remembered('sessionStorage')];
  const key = `oauth2-wasm.signed_in.${name}`;
  const tried = `oauth2-wasm.tried.${name}`;
  /** Aborts at an explicit sign-out, in any tab: what began before it must not sign the user in. */
  const over = new AbortController();

  let before = named(kept.get(key));
  let user: string | undefined;
  let leaving = false;
  /**
   * Each sign-in is remembered once. That nobody is signed in is remembered only after an explicit
   * sign-out, because a lost session is one to restore.
   */
  const remember = async () => {
    const { status, claims } = client.current;
    const now = status === 'granted' ? JSON.stringify([claims?.iss, claims?.sub]) : undefined;
    if (leaving || now === user) return;
    user = now;
    if (now === undefined) return;
    tab.set(tried, null);
    kept.set(key, kept.get(key) ?? '{}');
    const who = claims && (await digest(claims));
    // The user may have signed out by now, in any tab: then there is no mark.
    if (now !== user || kept.get(key) === null) return;
    kept.set(key, JSON.stringify({ ...(who && { who }) }));
    const other = before && who && who !== before;
    before = who;
    if (other) client.dispatchEvent(new CustomEvent('changed', { detail: { status, change: 'other_account' } }));
  };
  client.addEventListener('change', () => void remember());
  const { logOut } = client;
  client.logOut = async (parameters) => {
    before = user = undefined;
    leaving = true;
    kept.set(key, null);
    over.abort();
    try {
      return await logOut.call(client, parameters);
    } finally {
      leaving = false;
      // Another tab may have started with the session before it was gone.
      if (client.current.status !== 'granted') kept.set(key, null);
      void remember();
    }
  };

  const now = await client.status(options);
  await remember();
  // If the server has just sent the user back to this page, `handleRedirect` finishes the sign-in.
  if (now.status === 'granted' || (await client.matches(location.href)) || kept.get(key) === null) return now;
  const failed = (error: unknown) => {
    // The server has answered that nobody is signed in there, or that the user has to do something
    // first.
    if (error instanceof OAuthError && error.kind === 'server') return undefined;
    throw error;
  };
  const signal = AbortSignal.any([over.signal, ...(options.signal ? [options.signal] : [])]);
  const elsewhere = (event: StorageEvent) => event.key === key && event.newValue === null && over.abort();
  addEventListener('storage', elsewhere);
  try {
    const restored = await inFrame(client, { ...options, signal }).catch(failed);
    if (restored) return restored;
    // Once in each tab: after the redirect the page knows that it has tried.
    if (options.redirect !== false && kept.get(key) !== null && tab.get(tried) === null && tab.set(tried, '1'))
      await client.signIn({ prompt: 'none', app_state: location.pathname + location.search + location.hash, signal });
  } catch (error) {
    if (!over.signal.aborted) throw error;
  } finally {
    removeEventListener('storage', elsewhere);
  }
  return client.status(options);
};
