/**
 * An OAuth 2 client whose protocol is one WebAssembly module.
 *
 * @packageDocumentation
 */
import { instantiate, type Source } from '../../wasm_exec.js';
import { Client } from './client.js';
import { early } from './handover.js';
import type { Config, Options, RegistrationConfig } from './types.js';

/**
 * A module, loaded once for all clients.
 *
 * @internal
 */
export const once = (get: () => Source | PromiseLike<Source>) => {
  let shared: Promise<WebAssembly.Module> | undefined;
  return () =>
    (shared ??= instantiate(get()).then(
      ({ module }) => module,
      (error) => {
        shared = undefined; // the next client tries again
        throw error;
      },
    ));
};

/**
 * The module of pages, beside this file.
 *
 * @internal
 */
export const found = once(() => {
  const module = early.module ?? fetch(new URL('./oauth2.wasm', import.meta.url));
  early.module = undefined;
  return module;
});

/**
 * True in windows and workers of a browser, which have one user. Server runtimes have workers, too,
 * but no IndexedDB.
 */
const inBrowser = () => !!globalThis.indexedDB && ('document' in globalThis || 'WorkerGlobalScope' in globalThis);

/**
 * Opens a client.
 *
 * In a page or a worker of a browser, clients of one identity share one session (`client_id`,
 * `issuer` or else `token_endpoint`, `variables`, `redirect_uri`, `name`, `store` and `keys`): this
 * is for components that each open a client, and for effects that React runs twice. Each client has
 * its own listeners, `signal`, `onEffect` and `close`; all other members must be equal, and
 * functions identical. The session stops when the last client is closed; a client that is opened
 * later continues from the store, also from the default one in memory. On a server, every client
 * has a session of its own.
 *
 * In a page this runs `oauth2.wasm`, which has what pages and devices use. `openClient` of
 * `oauth2-wasm/full` runs `oauth2-full.wasm`, which has everything. In Node, Deno, Bun and workerd
 * both run the full module.
 *
 * @param config the configuration, under the names of RFC 8414 and RFC 7591
 * @param options how the client works; the defaults suit a page
 * @throws {OAuthError} if the configuration is refused; `field` names the member. Code
 * `configuration_differs`: a client of the same identity is open with different members, which
 * `field` names; give one of them a `name` of its own
 * @throws {OAuthError} code `not_in_this_module`: `field` names what `oauth2.wasm` does not have,
 * `expected` the module that has it
 * @throws {WebAssembly.CompileError} if the page's policy forbids WebAssembly: its script-src needs
 * `'wasm-unsafe-eval'`
 */
export const openClient = (config: Config | RegistrationConfig, options: Options = {}): Promise<Client> => Client.open(config, options, found, inBrowser());

/**
 * For the entries of server runtimes, even if they look like a browser: a process may have many
 * users.
 *
 * @internal
 */
export const openAlone = (config: Config | RegistrationConfig, options: Options): Promise<Client> => Client.open(config, options, found);

export { type ErrorDetails, OAuthError } from './error.js';
export { type HookRequest, type HookResponse, type Hooks, type ResponseStage, type Stage } from './effects.js';
/** @internal */
export { Failed } from './failed.js';
export type { EffectEntry } from './entry.js';
export { Host, type HostEvent, type HostOptions } from './host.js';
export { type KeyStore, memoryKeys } from './keys.js';
export { type Locks } from './locks.js';
export { challengeOf } from './resource.js';
/** @internal */
export { challenges } from './resource.js';
export { ConflictError, insecureSessionStore, memoryStore, type Store, type Stored } from './store.js';
/** @internal */
export { useVerifiers } from './verify.js';
export { Client };
export type * from './types.js';
export type { Source } from '../../wasm_exec.js';
