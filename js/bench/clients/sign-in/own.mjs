import { memoryStore, openClient } from 'oauth2-wasm';
import { answer, callbackOf, config } from '../common.mjs';

const settings = { ...config, scope: 'profile', nonce: 'enabled' };

/** Clients of one name share a store, so each has its own name, as on a page of its own. */
let count = 0;

const opened = async () => {
  const client = await openClient({ ...settings, name: `bench-${++count}` }, { pendingStore: memoryStore() });
  await client.status(); // waits until the session is loaded
  return client;
};

/**
 * The tokens are in the session. Client.token would return them, but that is one more command than
 * the others need.
 */
const finish = async (client, url) => {
  const { status, refreshable } = await client.callback({ url });
  return status === 'granted' && refreshable && answer.access_token;
};

export const kept = {
  name: 'oauth2-wasm',
  does:
    'One open client signs in again and again. State, verifier, nonce, challenge, URL; the attempt is stored before the URL is given out; the callback is checked, its ' +
    'attempt marked as spent in the store before the code is sent, the tokens stored before they count. Up to sixteen open attempts and the last four answered ones are kept, and written each time.',
  make: async () => {
    const client = await opened();
    await finish(client, callbackOf((await client.authorize()).url));
    if ((await client.token()).access_token !== answer.access_token) throw new Error('no token');
    return { begin: () => client.authorize(), finish: (_, url) => finish(client, url) };
  },
};

export const fresh = {
  name: 'oauth2-wasm, first sign-in',
  does: 'The same with a client that has just been opened, as a page has it; opening is not timed.',
  make: async () => {
    let next = [];
    return {
      prepare: async () => {
        next.forEach((client) => client.close());
        next = await Promise.all(Array.from({ length: 40 }, opened));
      },
      each: 40,
      begin: async () => {
        const client = next.pop();
        return { client, ...(await client.authorize()) };
      },
      finish: async ({ client }, url) => {
        const token = await finish(client, url);
        client.close();
        return token;
      },
    };
  },
};
