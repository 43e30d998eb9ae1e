/**
 * The base of all framework bindings: it opens one client when it is first needed, takes the reply
 * out of the page's URL, and keeps a state to show.
 *
 * @packageDocumentation
 */
import type { Client, Current, LoggedOut, SignInParameters, SignOutParameters, Status } from './index.js';

/** What a user interface shows. It is frozen, and the same object until something changes. */
export interface AuthState extends Current {
  /**
   * The last failure: of opening the client, of the server's reply, of a sign-in or sign-out. The
   * next attempt clears it, and so does a successful sign-in. A cancelled call is no failure.
   */
  readonly error?: unknown;
  /** The client, once {@link Current.status} is known. */
  readonly client?: Client;
  /**
   * True after the user signed out here: then nobody is sent to sign in without having asked for
   * it.
   */
  readonly signed_out?: true;
  /**
   * Set if the user has done nothing in any tab for a while: the milliseconds until they are signed
   * out. The application has to call `watchIdle` of `oauth2-wasm/idle`.
   */
  readonly idle_left_ms?: number;
}

export interface AuthOptions {
  /**
   * Called after a successful sign-in by redirect, with the place where the user was before, as
   * {@link Auth.signIn} and {@link Auth.require} stored it, or with their `app_state`. Default: the
   * page goes there without a reload, by the history and an event `popstate`, which routers hear.
   */
  onRedirect?: (to: string | undefined, status: Status) => void;
}

/** A client and its state for a user interface. Made by {@link createAuth}. */
export interface Auth {
  /** The state to show. On a server, and until the session is loaded, `restoring`. */
  readonly state: AuthState;
  /**
   * Calls the listener with the state, now and whenever it changes, and opens the client if that
   * was not done. On a server it only calls the listener once.
   *
   * @returns a function that ends the subscription
   */
  subscribe(listener: (state: AuthState) => void): () => void;
  /**
   * The client, once it is open and the reply in the page's URL is handled. It is opened once; if
   * that failed, the next call tries again.
   */
  open(): Promise<Client>;
  /**
   * {@link Client.signIn}, and back to this place. It resolves only if the page does not leave;
   * `error` of the state says why. Concurrent calls share one sign-in.
   */
  signIn(parameters?: SignInParameters): Promise<void>;
  /** {@link Client.signOut}. Like {@link signIn}, it never rejects. */
  signOut(parameters?: SignOutParameters): Promise<void>;
  /**
   * For the guard of a router: `true` if somebody is signed in. Otherwise the user is sent to sign
   * in, and comes back to that place.
   *
   * @param to the place, as path, query and fragment. Default: the page's own.
   * @throws the last failure, once; the next call begins a sign-in
   */
  require(to?: string): Promise<boolean>;
  /** {@link Client.fetch}, once the client is open. */
  fetch: typeof globalThis.fetch;
}

const RESTORING: AuthState = Object.freeze({ status: 'restoring' });

const here = () => location.pathname + location.search + location.hash;

const goBack = (to: string | undefined) => {
  if (to?.[0] !== '/') return;
  history.replaceState(history.state, '', to);
  dispatchEvent(new PopStateEvent('popstate', { state: history.state }));
};

/**
 * Makes an {@link Auth}. Call it once, outside of components. It does nothing until it is needed,
 * and nothing on a server.
 *
 * @param open opens the client: `() => openClient({ … })`
 */
export const createAuth = (open: () => Client | PromiseLike<Client>, { onRedirect = goBack }: AuthOptions = {}): Auth => {
  const listeners = new Set<(state: AuthState) => void>();
  let state = RESTORING;
  let opening: Promise<Client> | undefined;
  let leaving: Promise<void> | undefined;

  const show = (more: { [member in keyof AuthState]?: AuthState[member] | undefined }) => {
    if (Object.entries(more).every(([member, value]) => state[member as keyof AuthState] === value)) return;
    state = Object.freeze({ ...state, ...more } as AuthState);
    listeners.forEach((listener) => listener(state));
  };

  const begin = async (): Promise<Client> => {
    const client = await open();
    let error: unknown;
    const arrived = await client.handleRedirect().catch((reason) => void (error = reason));
    // In one step, so that a page never shows a user as signed out while it handles their reply.
    const follow = () => {
      const { status, expires_at, claims } = client.current;
      const granted = status === 'granted';
      // A refresh that ends during a sign-out is no sign-in.
      const entered = granted && state.status !== 'granted';
      show({ status, expires_at, claims, client, ...(granted && { error: undefined }), ...(entered && { signed_out: undefined }) });
    };
    await client.ready;
    if (error) show({ error });
    follow();
    client.addEventListener('change', follow);
    client.addEventListener('idle_warning', ({ detail }) => show({ idle_left_ms: detail.left_ms ?? undefined }));
    if (arrived) onRedirect(arrived.app_state, arrived);
    return client;
  };

  const opened = () =>
    (opening ??= begin().catch((error) => {
      opening = undefined;
      show({ error });
      throw error;
    }));

  const attempt = async (what: (client: Client) => Promise<void | LoggedOut>, signed_out?: true) => {
    try {
      const client = await opened();
      show({ error: undefined, signed_out });
      await what(client);
    } catch (error) {
      if ((error as { kind?: string }).kind !== 'cancelled') show({ error });
      if (state.status === 'granted') show({ signed_out: undefined }); // the sign-out failed
    }
  };

  return {
    get state() {
      return state;
    },
    subscribe(listener) {
      const mine = (state: AuthState) => listener(state);
      listeners.add(mine);
      mine(state);
      if (globalThis.document) opened().catch(() => {}); // the error is in the state
      return () => void listeners.delete(mine);
    },
    open: opened,
    signIn: (parameters) =>
      (leaving ??= attempt((client) => client.signIn({ ...parameters, app_state: parameters?.app_state ?? here() })).finally(() => (leaving = undefined))),
    signOut: (parameters) => attempt((client) => client.signOut(parameters), true),
    async require(to = here()) {
      const client = await opened();
      if (state.status === 'granted') return true;
      const { error } = state;
      if (error) {
        show({ error: undefined });
        throw error;
      }
      await client.signIn({ app_state: to });
      return client.current.status === 'granted';
    },
    fetch: async (input, init) => (await opened()).fetch(input, init),
  };
};
