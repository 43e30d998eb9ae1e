// The entry for Node, Deno and Bun: the module is read from the disk.
import { readFile } from 'node:fs/promises';
import { type Client, type Config, openAlone, type Options, type RegistrationConfig, useVerifiers } from './index.js';
import { guardedFetch } from './public.js';
import { verifyRSA } from './rsa.js';
import { verifyNatively } from './verify-natively.js';

useVerifiers(verifyRSA, verifyNatively);

let shared: Promise<WebAssembly.Module> | undefined;

const found = () => (shared ??= readFile(new URL('./oauth2-full.wasm', import.meta.url)).then((bytes) => WebAssembly.compile(bytes)));

export const openClient = (config: Config | RegistrationConfig, options: Options = {}): Promise<Client> =>
  openAlone(config, { ...options, fetch: options.fetch ?? guardedFetch, module: options.module ?? found() });

export * from './index.js';
