/**
 * For Svelte 5.
 *
 * @packageDocumentation
 */
import { createSubscriber } from 'svelte/reactivity';
import { type Auth, type AuthOptions, createAuth as create } from './auth.js';
import type { Client } from './index.js';

export type { Auth, AuthOptions, AuthState } from './auth.js';

/**
 * Makes an `Auth`: call it once, in a module of its own. `auth.state` is reactive in templates,
 * `$derived` and `$effect`; the first read opens the client, except on a server. It is also a
 * store: `$auth.status`. See {@link create}.
 */
export const createAuth = (open: () => Client | PromiseLike<Client>, options?: AuthOptions): Auth => {
  const auth = create(open, options);
  const track = createSubscriber((update) => auth.subscribe(update));
  return {
    ...auth,
    get state() {
      track();
      return auth.state;
    },
  };
};
