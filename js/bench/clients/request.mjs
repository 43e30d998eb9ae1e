// Row 11: the contenders of a request to a resource with a token that is still good. Each returns a
// function that makes a call, and is right if it returns `good`.
import * as oauth from 'oauth4webapi';
import { openClient } from 'oauth2-wasm';
import { answer, callbackOf, config, issuer, network, replies } from './common.mjs';

export const setUp = network;

const resource = 'https://api.example/notes';
const good = '{"notes":[]}';
replies['/notes'] = good;
replies['/token/bound'] = JSON.stringify({ ...answer, token_type: 'DPoP' });

/** A signed-in client. Clients of one name share a store, so each has its own. */
const signedIn = async (name, more) => {
  const client = await openClient({ ...config, scope: 'profile', name, token_destinations: [resource], ...more });
  await client.callback({ url: callbackOf((await client.authorize()).url) });
  return client;
};
const bound = { dpop: true, token_endpoint: `${issuer}/token/bound` };
const es256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const pair = () => crypto.subtle.generateKey(es256, false, ['sign', 'verify']);
const read = async (response) => (await response).text();

const groups = {
  'The token': {
    'oauth2-wasm': {
      does: 'client.token: the access token, its type and end, from what the engine said last.',
      make: async () => {
        const client = await signedIn('token');
        return async () => (await client.token()).access_token === answer.access_token && good;
      },
    },
    'a function': { floor: true, does: 'No client: an async function that returns an object.', make: async () => async () => ({ good }).good },
  },
  'Bearer token': {
    'oauth2-wasm': {
      does: 'client.fetch: the destination is checked, the token added, a redirect refused, and after a 401 the token would be refreshed.',
      make: async () => {
        const client = await signedIn('bearer');
        return () => read(client.fetch(resource));
      },
    },
    oauth4webapi: {
      does: 'protectedResourceRequest with the token: it is added, and WWW-Authenticate looked for. The caller keeps and refreshes the token.',
      make: async () => () => read(oauth.protectedResourceRequest(answer.access_token, 'GET', new URL(resource))),
    },
    'bare fetch': {
      floor: true,
      does: 'No client: the stand-in for fetch with the header, and its answer read.',
      make: async () => () => read(fetch(resource, { headers: { authorization: `Bearer ${answer.access_token}` } })),
    },
  },
  'Token bound by DPoP': {
    'oauth2-wasm': {
      does: 'The same client.fetch, with a proof for each request.',
      make: async () => {
        const client = await signedIn('bound', bound);
        return () => read(client.fetch(resource));
      },
    },
    oauth4webapi: {
      does: 'The same protectedResourceRequest with its DPoP handle and one key.',
      make: async () => {
        const DPoP = oauth.DPoP({ client_id: config.client_id }, await pair());
        return () => read(oauth.protectedResourceRequest(answer.access_token, 'GET', new URL(resource), undefined, undefined, { DPoP }));
      },
    },
    'fetch and a signature': {
      floor: true,
      does: 'No client: crypto.subtle.sign (ES256) of 300 bytes, then the stand-in for fetch with headers, and its answer read.',
      make: async () => {
        const { privateKey } = await pair();
        const input = new Uint8Array(300);
        return async () => {
          await crypto.subtle.sign(es256, privateKey, input);
          return read(fetch(resource, { headers: { authorization: `DPoP ${answer.access_token}`, dpop: 'x' } }));
        };
      },
    },
  },
};

export const contenders = Object.entries(groups).flatMap(([group, own]) =>
  Object.entries(own).map(([contender, it]) => ({ name: `${group}: ${contender}`, group, contender, ...it })),
);

/** Microseconds a call. */
export const measure = async (call, ms) => {
  const began = performance.now();
  let n = 0;
  let spent;
  do {
    if ((await call()) !== good) throw new Error('not the answer of the resource');
    n++;
  } while ((spent = performance.now() - began) < ms);
  return { call: (spent / n) * 1000 };
};
