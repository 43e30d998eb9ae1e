import type { Reply } from './reply.js';

/** The results of the script `early.js`, which ran before this one. */
export interface Early {
  reply?: Reply;
  module?: Promise<Response> | undefined;
}

/**
 * The global property with these results. A module variable would not do, because bundlers give
 * every script its own modules.
 */
export const KEY = Symbol.for('oauth2-wasm');

export const early: Early = (globalThis as { [KEY]?: Early })[KEY] ?? {};
