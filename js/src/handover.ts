import type { Reply } from './reply.js';

/** What the script `early.js` has done before this one ran. */
export interface Early {
  reply?: Reply;
  module?: Promise<Response> | undefined;
}

/** Where it left it: bundlers give every script its own modules, so it stands on the page. */
export const KEY = Symbol.for('oauth2-wasm');

export const early: Early = (globalThis as { [KEY]?: Early })[KEY] ?? {};
