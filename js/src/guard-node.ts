// The entry for Node, Deno and Bun: the module is read from the disk.
import { readFile } from 'node:fs/promises';
import { Guard as Base, type GuardOptions, type ResourceConfig } from './guard.js';
import { useRSA } from './index.js';
import { verifyRSA } from './rsa.js';

useRSA(verifyRSA);

let shared: Promise<WebAssembly.Module> | undefined;

const found = () => (shared ??= readFile(new URL('./oauth2-edge.wasm', import.meta.url)).then((bytes) => WebAssembly.compile(bytes)));

export class Guard extends Base {
  constructor(config: ResourceConfig, options: GuardOptions = {}) {
    super(config, options, found);
  }
}

export type * from './guard.js';
export { memoryReplays } from './guard.js';
