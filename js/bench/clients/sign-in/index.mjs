// Row 3: the contenders of a sign-in. Each has `name`, `does`, and `make`, which returns {begin,
// finish} and is not timed.
import * as arctic from './arctic.mjs';
import { answer, callbackOf, network } from '../common.mjs';
import * as oauth4webapi from './oauth4webapi.mjs';
import * as oidcClientTs from './oidc-client-ts.mjs';
import * as openidClient from './openid-client.mjs';
import * as own from './own.mjs';

/**
 * The part of a finish that every contender pays: making and reading the answer of the stand-in
 * network.
 */
const floor = {
  name: 'floor',
  floor: true,
  does: 'No client: a request to the stand-in for the network and its answer read as JSON, which is in every figure of a finish; a begin has nothing in it.',
  make: async () => ({
    begin: async () => ({ url: '?state=x' }),
    finish: async () => (await (await fetch('https://as.example/token', { method: 'POST', body: new URLSearchParams({ code: 'x' }) })).json()).access_token,
  }),
};

export const contenders = [own.kept, own.fresh, oauth4webapi, openidClient, arctic, oidcClientTs, floor];
export const setUp = network;

/**
 * Begins and finishes for `ms` milliseconds. The two are timed separately; the work of server and
 * browser is not timed. An authorization has `url`, and whatever else the client's finish needs. If
 * a client has `prepare`, that is called before every `each` of them and not timed.
 */
export const measure = async (client, ms) => {
  let begin = 0;
  let finish = 0;
  let n = 0;
  do {
    if (client.prepare && n % client.each === 0) await client.prepare();
    const t0 = performance.now();
    const begun = await client.begin();
    const t1 = performance.now();
    const callback = callbackOf(begun.url);
    const t2 = performance.now();
    const token = await client.finish(begun, callback);
    const t3 = performance.now();
    if (token !== answer.access_token) throw new Error('no token');
    begin += t1 - t0;
    finish += t3 - t2;
    n++;
  } while (begin + finish < ms);
  return { begin: (n / begin) * 1000, finish: (n / finish) * 1000 };
};
