// The entry for Cloudflare Workers, where a module is imported, already compiled.
import module from './oauth2-full.wasm';
import { type Client, type Config, openAlone, type Options, type RegistrationConfig, useVerifiers } from './index.js';
import { verifyRSA } from './rsa.js';

useVerifiers(verifyRSA);

export const openClient = (config: Config | RegistrationConfig, options: Options = {}): Promise<Client> =>
  openAlone(config, { ...options, module: options.module ?? module });

export * from './index.js';
