/**
 * A backend for a frontend as a Cloudflare Worker: the protocol is oauth2-edge.wasm, sessions are in Durable Objects. See ../README.md.
 */
import module from '../../wasm/oauth2-edge.wasm';
import { send } from '../../js/src/http.js';
import { key, sign } from '../../js/src/sign.js';
import { verifyRSA } from '../../js/src/rsa.js';
import { useRSA, verify } from '../../js/src/verify.js';
import { Engine, Refused, Unreadable } from './engine.js';
import { Exchange } from './exchange.js';
import { type Env, type Settings, settings } from './settings.js';
import { rehearse } from './rehearsal.js';
import { seal, unseal } from './seal.js';
import { storage } from './storage.js';

export { Sessions } from './object.js';

useRSA(verifyRSA);

const engine = new Engine(module);
const first = await engine.ready();
try {
  rehearse(first.instance);
} catch (error) {
  // Nobody asked for it.
  console.error('the rehearsal failed:', String(error));
  engine.leave(first);
}

/** What follows from the environment, which is the same for all requests of an isolate. */
let known: Settings | undefined;

const serve = async (exchange: Exchange, env: Env, context: ExecutionContext): Promise<void> => {
  try {
    const { open, ring, clientKey, lifetime } = (known ??= await settings(env));
    const { executors, keys } = storage(env.SESSIONS, ring, lifetime, (said) => context.waitUntil(said));
    const held = { keys, clientKey };
    await engine.run(open, exchange.command(), {
      __proto__: null,
      ...executors,
      http: (effect, controller) => send(effect, controller, fetch),
      verify,
      key: (effect) => key(effect, held),
      sign: (effect) => sign(effect, held),
      seal: async ({ text, context }) => ({ sealed: await seal(ring, text, context) }),
      unseal: async ({ sealed, context }) => ({ text: await unseal(ring, sealed, context) }),
      body: (effect) => exchange.body(effect),
      proxy: (effect, controller) => exchange.proxy(effect, controller),
      respond: (effect) => exchange.respond(effect),
    });
  } catch (error) {
    if (error instanceof Unreadable) return exchange.fail(431, 'too_large', "The request's headers are too large.");
    const configured = !(error instanceof Refused || !known);
    console.error(configured ? 'the request was lost:' : 'the configuration is refused:', String(error));
    exchange.fail(500, configured ? 'internal' : 'misconfigured', configured ? 'The request was lost. Try again.' : 'The log of this server says what is wrong.');
  }
};

export default {
  fetch(request: Request, env: Env, context: ExecutionContext): Promise<Response> {
    const exchange = new Exchange(request, env.PROXY_TIMEOUT_MS ?? 30_000);
    // A browser that goes away must not end what others wait for: a refresh, or a session that is being stored.
    context.waitUntil((exchange.over = serve(exchange, env, context)));
    return exchange.response;
  },
};
