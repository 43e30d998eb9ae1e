/**
 * A backend for a frontend as a Cloudflare Worker: the protocol is oauth2-edge.wasm, sessions are
 * in Durable Objects. See ../README.md.
 */
import module from '../../wasm/oauth2-edge.wasm';
import { Exchange, type Passage, serve } from 'oauth2-wasm/bff';
import { key, Requests, seal, sign, unseal } from 'oauth2-wasm/host';
import { breakable } from './download.js';
import { type Env, type Settings, settings } from './settings.js';
import { rehearse } from './rehearsal.js';
import { storage } from './storage.js';
import { watched } from './upload.js';

export { Sessions } from './object.js';

const requests = new Requests(module);
const first = await requests.ready();
try {
  rehearse(first.instance);
} catch (error) {
  // Nobody asked for it.
  console.error('the rehearsal failed:', String(error));
  requests.leave(first);
}

/** What a server behind packed passes as it is. */
const passage: Passage = { upload: watched, download: breakable, request: { encodeResponseBody: 'manual' }, response: { encodeBody: 'manual' }, unpacks: false };

/** What follows from the environment, which is the same for all requests of an isolate. */
let known: Settings | undefined;

const answer = async (exchange: Exchange, env: Env, context: ExecutionContext): Promise<void> => {
  try {
    known ??= await settings(env);
  } catch (error) {
    console.error('the configuration is refused:', String(error));
    return exchange.fail(500, 'misconfigured', 'The log of this server says what is wrong.');
  }
  const { open, ring, clientKey, lifetime } = known;
  const { executors, keys } = storage(env.SESSIONS, ring, lifetime, (said) => context.waitUntil(said));
  const held = { keys, clientKey };
  const all = {
    ...executors,
    key: (effect: Parameters<typeof key>[0]) => key(effect, held),
    sign: (effect: Parameters<typeof sign>[0]) => sign(effect, held),
    seal: async ({ text, context }: { text: string; context: string }) => ({ sealed: await seal(ring, text, context) }),
    unseal: async ({ sealed, context }: { sealed: string; context: string }) => ({ text: await unseal(ring, sealed, context) }),
  };
  await serve(requests, open, exchange, all, (error) => console.error('the request was lost:', String(error)));
};

export default {
  fetch(request: Request, env: Env, context: ExecutionContext): Promise<Response> {
    const exchange = new Exchange(request, env.PROXY_TIMEOUT_MS ?? 30_000, passage);
    // A browser that goes away must not end what others wait for: a refresh, or a session that is
    // being stored.
    context.waitUntil((exchange.over = answer(exchange, env, context)));
    return exchange.response;
  },
};
