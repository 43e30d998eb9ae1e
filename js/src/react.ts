'use client';
/**
 * For React 18 and 19.
 *
 * @packageDocumentation
 */
import { createContext, createElement, type FunctionComponentElement, type ProviderProps, type ReactNode, useContext, useEffect, useMemo, useSyncExternalStore } from 'react';
import type { Auth, AuthState } from './auth.js';
import type { Claims, SignInParameters } from './index.js';

export { type Auth, type AuthOptions, type AuthState, createAuth } from './auth.js';

/** What {@link useAuth} gives: what there is to show, and what to do. */
export type UseAuth = AuthState & Pick<Auth, 'signIn' | 'signOut' | 'fetch'>;

const Context = createContext<Auth | undefined>(undefined);

/** Gives an {@link Auth} to all that is inside. */
export const AuthProvider = ({ auth, children }: { auth: Auth; children?: ReactNode }): FunctionComponentElement<ProviderProps<Auth | undefined>> =>
  createElement(Context.Provider, { value: auth }, children);

/** On a server, and so when a page is hydrated. */
const initial: AuthState = Object.freeze({ status: 'restoring' });

/**
 * What there is to show, and `signIn`, `signOut` and `fetch`: the same object until something
 * changes. The first component that uses it opens the client, when it is mounted: once under
 * `StrictMode`, and never on a server, where the status is `restoring`.
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
 * Who is signed in, as the ID token says, verified. `undefined` where nobody is, or there is no ID
 * token.
 */
export const useUser = (): Readonly<Claims> | undefined => useAuth().claims;

export interface RequireAuthProps {
  /** What only who is signed in gets to see. */
  children?: ReactNode;
  /**
   * Shown until it is known whether somebody is signed in, and while the page goes to the server.
   * Default: nothing.
   */
  pending?: ReactNode;
  /**
   * Shown to who is not signed in, in place of sending them to sign in; {@link useAuth} says there
   * what failed. Without it an error is thrown, for the nearest error boundary; and who has just
   * signed out sees `pending`.
   */
  otherwise?: ReactNode;
  /** Of the sign-in that begins by itself. */
  parameters?: SignInParameters;
}

/**
 * Shows what is inside to who is signed in, and sends everybody else to sign in, from where they
 * come back to this place.
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
