// The entry for Cloudflare Workers, where a module comes compiled, as an import.
import module from './oauth2-edge.wasm';
import { Guard as Base, type GuardOptions, type ResourceConfig } from './guard.js';
import { useRSA } from './index.js';
import { verifyRSA } from './rsa.js';

useRSA(verifyRSA);

export class Guard extends Base {
  constructor(config: ResourceConfig, options: GuardOptions = {}) {
    super(config, options, () => module);
  }
}

export type * from './guard.js';
export { memoryReplays } from './guard.js';
