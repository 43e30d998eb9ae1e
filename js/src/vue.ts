/**
 * For Vue 3.
 *
 * @packageDocumentation
 */
import { type App, computed, type ComputedRef, defineComponent, inject, type InjectionKey, type ShallowRef, shallowRef, watchEffect } from 'vue';
import { type Auth, type AuthOptions, type AuthState, createAuth as create } from './auth.js';
import type { Claims, Client } from './index.js';

export type { AuthOptions, AuthState } from './auth.js';

/**
 * An `Auth` with a reactive state, which is also a plugin: after `app.use(auth)` the client is
 * opened when the application is mounted.
 */
export interface VueAuth extends Omit<Auth, 'state'> {
  /** The state to show. In a template `auth.state.value.status`, or that of {@link useAuth}. */
  readonly state: Readonly<ShallowRef<AuthState>>;
  install(app: App): void;
}

const KEY: InjectionKey<VueAuth> = Symbol('oauth2-wasm');

/**
 * Makes an `Auth`: call it once, and give it to `app.use`. See {@link create}.
 */
export const createAuth = (open: () => Client | PromiseLike<Client>, options?: AuthOptions): VueAuth => {
  const auth = create(open, options);
  const state = shallowRef(auth.state);
  const mine: VueAuth = {
    ...auth,
    state,
    install(app) {
      app.provide(KEY, mine);
      // Hydration first takes over what the server rendered, even if more is known by then.
      const { mount } = app;
      app.mount = (...given) => {
        const root = mount(...given);
        auth.subscribe((now) => (state.value = now));
        return root;
      };
    },
  };
  return mine;
};

/**
 * The plugin of this application: `state`, `signIn`, `signOut`, `fetch`.
 *
 * @throws {Error} if there is none
 */
export const useAuth = (): VueAuth => {
  const auth = inject(KEY);
  if (!auth) throw new Error('oauth2-wasm: useAuth before app.use(createAuth(…))');
  return auth;
};

/**
 * The verified claims of the user who is signed in. `undefined` if nobody is, or if there is no ID
 * token.
 */
export const useUser = (): ComputedRef<Readonly<Claims> | undefined> => {
  const { state } = useAuth();
  return computed(() => state.value.claims);
};

/**
 * Shows its default slot to somebody who is signed in, and sends everybody else to sign in. They
 * come back to this place. The slot `pending` is shown until the session is loaded. With a slot
 * `otherwise` nobody is sent away: it is shown, with `error`, to somebody who is not signed in, has
 * just signed out, or whose sign-in failed.
 */
export const RequireAuth = defineComponent((_, { slots }) => {
  const { state, signIn } = useAuth();
  watchEffect(() => {
    const { status, error, signed_out } = state.value;
    if (status === 'not_authenticated' && !slots.otherwise && !error && !signed_out) void signIn();
  });
  return () => {
    const { status, error } = state.value;
    if (status === 'granted') return slots.default?.();
    if (error && !slots.otherwise) throw error;
    return (error || status !== 'restoring' ? slots.otherwise?.({ error }) : undefined) ?? slots.pending?.();
  };
});
