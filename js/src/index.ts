/**
 * An OAuth 2 client whose protocol is one WebAssembly module.
 *
 * @packageDocumentation
 */
import { instantiate } from '../../wasm_exec.js';
import { Client } from './client.js';
import type { Config, Options, RegistrationConfig } from './types.js';

let shared: Promise<WebAssembly.Module> | undefined;

/** The module beside this file, got once for all clients. */
const found = () =>
  (shared ??= instantiate(fetch(new URL('./oauth2.wasm', import.meta.url))).then(
    ({ module }) => module,
    (error) => {
      shared = undefined; // the next client tries again
      throw error;
    },
  ));

/**
 * Opens a client.
 *
 * @param config the configuration, under the names of RFC 8414 and RFC 7591
 * @param options how the client works; the defaults suit a page
 * @throws {OAuthError} the configuration is refused; `field` names the member
 * @throws {WebAssembly.CompileError} the page's policy forbids WebAssembly: its script-src needs `'wasm-unsafe-eval'`
 */
export const openClient = (config: Config | RegistrationConfig, options: Options = {}): Promise<Client> => Client.open(config, options, found);

export { type ErrorDetails, OAuthError } from './error.js';
export { type HookRequest, type HookResponse, type Hooks, type ResponseStage, type Stage } from './effects.js';
export { type EffectEntry, Host, type HostEvent, type HostOptions } from './host.js';
export { type KeyStore, memoryKeys } from './keys.js';
export { type Locks } from './locks.js';
export { challengeOf } from './resource.js';
export { ConflictError, insecureSessionStore, memoryStore, type Store, type Stored } from './store.js';
/** @internal */
export { useRSA } from './verify.js';
export { Client };
export type * from './types.js';
export type { Source } from '../../wasm_exec.js';
