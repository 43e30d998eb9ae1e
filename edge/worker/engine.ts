import module from '../../wasm/oauth2-edge.wasm';
import { type Executors, key, Requests, seal, sign, unseal } from 'oauth2-wasm/host';
import { type Env, type Settings, settings } from './settings.js';
import { storage } from './storage.js';

/** The module's session, for all requests of an isolate, also those of its objects. */
export const requests = new Requests(module);

/** The settings from the environment, which are the same for all requests of an isolate. */
let known: Settings | undefined;

/**
 * The text that opens the module's session, and the executors of a request that depend on the
 * environment.
 *
 * @throws {Error} if the configuration is refused
 */
export const engine = async (env: Env, keep: (said: Promise<unknown>) => void): Promise<{ open: string; executors: Executors }> => {
  known ??= await settings(env);
  const { open, ring, clientKey, lifetime } = known;
  const { executors, keys } = storage(env.SESSIONS, ring, lifetime, keep);
  const held = { keys, clientKey };
  return {
    open,
    executors: {
      ...executors,
      key: (effect: Parameters<typeof key>[0]) => key(effect, held),
      sign: (effect: Parameters<typeof sign>[0]) => sign(effect, held),
      seal: async ({ text, context }: { text: string; context: string }) => ({ sealed: await seal(ring, text, context) }),
      unseal: async ({ sealed, context }: { sealed: string; context: string }) => ({ text: await unseal(ring, sealed, context) }),
    },
  };
};
