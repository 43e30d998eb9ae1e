/**
 * The client with everything that the core can do, for pages that need client credentials, token
 * exchange, introspection, registration, signed requests and responses, client keys. It is
 * `oauth2-wasm` with another module, `oauth2-full.wasm`.
 *
 * @packageDocumentation
 */
import { type Client, type Config, once, openClient as open, type Options, type RegistrationConfig } from './index.js';

const found = once(() => fetch(new URL('./oauth2-full.wasm', import.meta.url)));

/** Opens a client, as `openClient` of `oauth2-wasm` does. */
export const openClient = (config: Config | RegistrationConfig, options: Options = {}): Promise<Client> =>
  open(config, { ...options, module: options.module ?? found() });

export * from './index.js';
