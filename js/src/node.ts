// The entry for Node, Deno and Bun: the module is read from the disk.
import { readFile } from 'node:fs/promises';
import { Client, openClient as open } from './index.js';
import type { Config, Options } from './types.js';

let shared: Promise<WebAssembly.Module> | undefined;

const found = () => (shared ??= readFile(new URL('./oauth2.wasm', import.meta.url)).then((bytes) => WebAssembly.compile(bytes)));

export const openClient = (config: Config, options: Options = {}): Promise<Client> =>
  open(config, { ...options, module: options.module ?? found() });

export { Client, ConflictError, Host, insecureSessionStore, memoryStore, OAuthError } from './index.js';
