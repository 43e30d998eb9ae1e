/**
 * A backend for a frontend as a Cloudflare Worker: the protocol is oauth2-edge.wasm, sessions are
 * in Durable Objects. See ../README.md.
 */
import { Exchange, type Passage, serve } from 'oauth2-wasm/bff';
import { breakable } from './download.js';
import { engine, requests } from './engine.js';
import { rehearse } from './rehearsal.js';
import type { Env } from './settings.js';
import { carrier } from './socket.js';
import { watched } from './upload.js';

export { Sessions } from './socket.js';

const first = await requests.ready();
try {
  rehearse(first.instance);
} catch (error) {
  // Nobody asked for it.
  console.error('the rehearsal failed:', String(error));
  requests.leave(first);
}

/** Compressed answers of the API pass unchanged. */
const passage: Passage = {
  upload: watched,
  download: breakable,
  request: { encodeResponseBody: 'manual' },
  response: { encodeBody: 'manual' },
  unpacks: false,
  counts: false,
};

const answer = async (exchange: Exchange, env: Env, context: ExecutionContext): Promise<void> => {
  let made;
  try {
    made = await engine(env, (said) => context.waitUntil(said));
  } catch (error) {
    console.error('the configuration is refused:', String(error));
    return exchange.fail(500, 'misconfigured', 'The log of this server says what is wrong.');
  }
  await serve(requests, made.open, exchange, made.executors, (error) => console.error('the request was lost:', String(error)));
};

export default {
  fetch(request: Request, env: Env, context: ExecutionContext): Promise<Response> {
    const exchange = new Exchange(request, env.PROXY_TIMEOUT_MS ?? 30_000, passage, request.url, fetch, carrier(env));
    // If the browser goes away, work that others wait for must go on: a refresh, or storing a
    // session.
    context.waitUntil((exchange.over = answer(exchange, env, context)));
    return exchange.response;
  },
};
