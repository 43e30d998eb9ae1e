// The entry for Cloudflare Workers, where a module comes compiled, as an import.
import module from './oauth2.wasm';
import { Client, openClient as open } from './index.js';
import type { Config, Options } from './types.js';

export const openClient = (config: Config, options: Options = {}): Promise<Client> =>
  open(config, { ...options, module: options.module ?? module });

export { Client, ConflictError, Host, insecureSessionStore, memoryStore, OAuthError } from './index.js';
