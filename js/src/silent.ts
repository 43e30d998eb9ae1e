/**
 * A sign-in that the user does not see, where they are still signed in at the server.
 *
 * @packageDocumentation
 */
import { type Client, OAuthError, type Status } from './index.js';
import { base64url } from './bytes.js';

/** How to restore a session. */
export interface SilentOptions {
  /** Ends it: nobody is signed in then, as far as this page knows. */
  signal?: AbortSignal | null | undefined;
  /** How long the frame may take, in milliseconds. Default: 10,000. */
  timeout_ms?: number;
  /**
   * Where the frame comes to nothing (a browser that keeps cookies from it): whether the page
   * itself may go to the server and back, once. Default: `true`.
   */
  redirect?: boolean;
  /**
   * The redirect URI of the frame, of this origin. Default: the configured one. No script of that
   * page runs in the frame.
   */
  redirect_uri?: string;
}

/** What is remembered of a client in this browser; it holds no secret. */
interface Mark {
  /** The digest of who was signed in last, where an ID token said so. */
  who?: string;
}

/** How often the frame is looked at, in milliseconds. */
const LOOK = 50;

/** Where what is remembered stands; no storage, nothing is remembered, and nobody is restored. */
const area = (kind: 'localStorage' | 'sessionStorage'): Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> => {
  try {
    return globalThis[kind];
  } catch {
    return { getItem: () => null, setItem() {}, removeItem() {} };
  }
};

const digest = async ({ iss, sub }: { iss: string; sub: string }) =>
  base64url(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(`${iss}\n${sub}`)))).slice(0, 22);

/**
 * Waits until the frame is back at this origin: only then does the browser let the page see where
 * it is. No message says so, so none can be forged.
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
      try {
        const { href } = frame.contentWindow!.location;
        if (/^https?:/.test(href) && (await client.matches(href))) end(href);
      } catch {
        // still at the server's origin
      }
    };
    const clock = setInterval(look, LOOK);
    frame.addEventListener('load', look);
    signal.addEventListener('abort', stop);
  });

const inFrame = async (client: Client, { timeout_ms = 10_000, redirect_uri, signal }: SilentOptions): Promise<Status | undefined> => {
  const { url } = await client.authorize({ prompt: 'none', signal, ...(redirect_uri && { redirect_uri }) });
  const frame = document.createElement('iframe');
  frame.hidden = true;
  // No script runs there: not the application's, a second time, at the redirect URI, and none that
  // would take the page elsewhere.
  frame.setAttribute('sandbox', 'allow-same-origin');
  frame.src = url;
  document.documentElement.append(frame);
  try {
    const limits = [AbortSignal.timeout(timeout_ms), ...(signal ? [signal] : [])];
    const reply = await back(frame, client, AbortSignal.any(limits));
    signal?.throwIfAborted();
    return reply === undefined ? undefined : await client.callback({ url: reply, signal });
  } finally {
    frame.remove();
  }
};

/**
 * Keeps in mind whether somebody is signed in, and restores their session where a page starts
 * without it (OpenID Connect Core section 3.1.2.1, `prompt=none`): in a hidden frame; or, where
 * that comes to nothing, by one redirect of the page; or not. Never where nobody was signed in
 * before, and never after `signOut` or `logOut`. Call it once, before `handleRedirect`.
 *
 * Where somebody else is signed in at the server by now, the event `changed` says `other_account`.
 *
 * @param client of a page, in a vault or not
 * @param name tells several clients of one origin apart
 * @returns what the session is. Where the page goes to the server the promise stays open.
 */
export const restoreSilently = async (client: Client, options: SilentOptions = {}, name = 'oauth2'): Promise<Status> => {
  const [kept, tab] = [area('localStorage'), area('sessionStorage')];
  const key = `oauth2-wasm.signed_in.${name}`;
  const tried = `oauth2-wasm.tried.${name}`;
  const before = kept.getItem(key);
  const mark: Mark | undefined = before === null ? undefined : JSON.parse(before);

  /**
   * Who is signed in is remembered; that nobody is, only where somebody said so: a session that is
   * lost is one to restore.
   */
  const remember = async () => {
    const { status, claims } = client.current;
    if (status !== 'granted') return;
    tab.removeItem(tried);
    const who = claims && (await digest(claims));
    const other = mark?.who && who && who !== mark.who;
    kept.setItem(key, JSON.stringify({ ...(who && { who }) }));
    if (other) {
      mark.who = who;
      client.dispatchEvent(new CustomEvent('changed', { detail: { status, change: 'other_account' } }));
    }
  };
  client.addEventListener('change', () => void remember());
  const { logOut } = client;
  client.logOut = (parameters) => {
    kept.removeItem(key);
    return logOut.call(client, parameters);
  };

  const now = await client.status(options);
  await remember();
  // A page that the server just sent the user back to finishes by `handleRedirect`.
  if (now.status === 'granted' || !mark || (await client.matches(location.href))) return now;
  const failed = (error: unknown) => {
    // The server has answered: nobody is signed in there, or they have to do something first.
    if (error instanceof OAuthError && error.kind === 'server') return undefined;
    throw error;
  };
  const restored = await inFrame(client, options).catch(failed);
  if (restored) return restored;
  if (options.redirect !== false && !tab.getItem(tried)) {
    // Once a tab: the way back leads to a page that has tried.
    tab.setItem(tried, '1');
    await client.signIn({ prompt: 'none', app_state: location.pathname + location.search + location.hash, signal: options.signal });
  }
  return client.status(options);
};
