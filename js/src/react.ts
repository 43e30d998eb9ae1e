'use client';
/**
 * For React 18 and 19.
 *
 * @packageDocumentation
 */
import {
  createContext,
  createElement,
  type FunctionComponentElement,
  type ProviderProps,
  type ReactNode,
  useContext,
  useEffect,
  useMemo,
  useSyncExternalStore,
} from 'react';
import type { Auth, AuthState } from './auth.js';
import type { Claims, SignInParameters } from './index.js';

export { type Auth, type AuthOptions, type AuthState, createAuth } from './auth.js';

/** The result of {@link useAuth}: the state to show, and methods. */
export type UseAuth = AuthState & Pick<Auth, 'signIn' | 'signOut' | 'fetch'>;

const Context = createContext<Auth | undefined>(undefined);

/** Provides an {@link Auth} to the components inside. */
export const AuthProvider = ({ auth, children }: { auth: Auth; children?: ReactNode }): FunctionComponentElement<ProviderProps<Auth | undefined>> =>
  createElement(Context.Provider, { value: auth }, children);

/** The state on a server, and so also when a page is hydrated. */
const initial: AuthState = Object.freeze({ status: 'restoring' });

/**
 * The state to show, and `signIn`, `signOut` and `fetch`: the same object until something changes.
 * The first component that uses it opens the client when it is mounted: once under `StrictMode`,
 * and never on a server, where the status is `restoring`.
 *
 * @throws {Error} outside of an {@link AuthProvider}
 */
export const useAuth = (): UseAuth => {
  const auth = useContext(Context);
  if (!auth) throw new Error('oauth2-wasm: useAuth outside of an AuthProvider');
  const state = useSyncExternalStore(
    auth.subscribe,
    () => auth.state,
    () => initial,
  );
  return useMemo(() => ({ ...state, signIn: auth.signIn, signOut: auth.signOut, fetch: auth.fetch }), [state, auth]);
};

/**
 * The verified claims of the user who is signed in. `undefined` if nobody is, or if there is no ID
 * token.
 */
export const useUser = (): Readonly<Claims> | undefined => useAuth().claims;

export interface RequireAuthProps {
  /** Shown only to somebody who is signed in. */
  children?: ReactNode;
  /**
   * Shown until the session is loaded, and while the page leaves for the server. Default: nothing.
   */
  pending?: ReactNode;
  /**
   * Shown to somebody who is not signed in, instead of sending them to sign in; {@link useAuth}
   * gives the `error`. Without it an error is thrown to the nearest error boundary, and somebody
   * who has just signed out sees `pending`.
   */
  otherwise?: ReactNode;
  /** Parameters of the sign-in that begins by itself. */
  parameters?: SignInParameters;
}

/**
 * Shows its children to somebody who is signed in, and sends everybody else to sign in. They come
 * back to this place.
 */
export const RequireAuth = ({ children, pending, otherwise, parameters }: RequireAuthProps): ReactNode => {
  const { status, error, signed_out, signIn } = useAuth();
  const out = status === 'not_authenticated';
  const leave = out && otherwise === undefined && !error && !signed_out;
  useEffect(() => {
    if (leave) void signIn(parameters);
  }, [leave]);
  if (status === 'granted') return children;
  if (otherwise === undefined && error) throw error;
  return (out || error ? otherwise : pending) ?? pending;
};
