// What the host caches, and for how long. The tests control the clock.
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { library } from './lib/installed.mjs';
import { signIn, until } from './lib/provider.mjs';

const { memoryStore, openClient } = await library();

const config = {
  client_id: 'app',
  authorization_endpoint: 'https://as.example/authorize',
  token_endpoint: 'https://as.example/token',
  revocation_endpoint: 'https://as.example/revoke',
  redirect_uri: 'https://app.example/cb',
  token_destinations: ['https://api.example/v1'],
};
const API = 'https://api.example/v1/items';

let issued = 0;
let now;
beforeEach((t) => t.mock.timers.enable({ apis: ['Date'], now: (now = 1_700_000_000_000) }));
const at = (t, ms) => t.mock.timers.setTime((now += ms));

const server = async (input, init) => {
  const { pathname } = new URL(input.url ?? input);
  if (pathname === '/revoke') return new Response();
  if (pathname === '/token') {
    const text = JSON.stringify({ access_token: `ACCESS-${++issued}`, token_type: 'Bearer', expires_in: 3600, refresh_token: `REFRESH-${issued}` });
    return new Response(text, { headers: { 'content-type': 'application/json' } });
  }
  return new Response(new Request(input, init).headers.get('authorization'));
};

/** The memory store without `subscribe`. */
const silent = () => {
  const { load, store, local } = memoryStore();
  return { load, store, local };
};

/** A client, and the kinds of effects that it has asked for since. */
const opened = async (t, store, more) => {
  const effects = [];
  const client = await openClient({ ...config, ...more }, { store, fetch: server, onEffect: ({ kind, ms }) => ms === undefined || effects.push(kind) });
  t.after(() => client.close());
  return { client, effects };
};

/** Lets pending events arrive. */
const settled = () => new Promise((resolve) => setTimeout(resolve));

/** The ways to get the token. */
const ways = {
  token: async (client) => (await client.token()).access_token,
  fetch: async (client) => (await (await client.fetch(API)).text()).replace('Bearer ', ''),
};

for (const [way, get] of Object.entries(ways)) {
  test(`E101 a good token is given again without effect or engine: ${way}`, async (t) => {
    const { client, effects } = await opened(t, silent());
    await signIn(client);
    const token = await get(client);
    await settled();
    effects.length = 0;
    for (const ms of [0, 500, 499]) {
      at(t, ms);
      for (let i = 0; i < 20; i++) assert.equal(await get(client), token);
    }
    await settled();
    assert.deepEqual(effects, []);
    at(t, 1);
    assert.equal(await get(client), token);
    await settled();
    assert.deepEqual(
      effects.filter((kind) => kind === 'load'),
      ['load'],
      'the look is due',
    );
  });

  test(`E102 no refresh is missed: ${way}`, async (t) => {
    for (const store of [silent(), memoryStore()]) {
      const { client } = await opened(t, store);
      await signIn(client);
      const token = await get(client);
      at(t, 3_589_999);
      assert.equal(await get(client), token, 'good until its last ten seconds');
      at(t, 1);
      assert.notEqual(await get(client), token);
    }
  });

  test(`E103 what changed here is not given again: ${way}`, async (t) => {
    const changes = {
      refresh: (client) => client.refresh(),
      'token with force': (client) => client.token({ force: true }),
      setToken: (client) => client.setToken({ access_token: `ACCESS-${++issued}`, token_type: 'Bearer', expires_in: 3600 }),
      'a sign-in': signIn,
      logOut: (client) => client.logOut(),
      revoke: (client) => client.revoke(),
      'a refused sign-in, which changes nothing': (client) => client.callback({ url: 'https://app.example/cb?state=x&code=y' }).catch(() => 'same'),
    };
    for (const [name, change] of Object.entries(changes)) {
      const { client } = await opened(t, memoryStore());
      await signIn(client);
      const token = await get(client);
      const same = (await change(client)) === 'same';
      const after = await get(client).catch(({ code }) => code);
      assert.equal(after, same ? token : /og|revoke/.test(name) ? 'not_signed_in' : `ACCESS-${issued}`, name);
    }
  });

  test(`E103 what another instance changed is given no longer than its hint takes, or a second: ${way}`, async (t) => {
    const changes = { logOut: 'not_signed_in', refresh: undefined, revoke: 'not_signed_in' };
    for (const [change, code] of Object.entries(changes)) {
      for (const store of [memoryStore(), silent()]) {
        const [here, there] = [await opened(t, store), await opened(t, store)];
        await signIn(there.client);
        await here.client.status();
        const token = await get(here.client);
        at(t, 10);
        await there.client[change]();
        const ask = () => get(here.client).catch(({ code }) => code);
        if (store.subscribe)
          await until(async () => (at(t, 100), (await ask()) !== token), change); // a hint is followed by one look a second
        else at(t, 990);
        const after = await ask();
        assert.equal(after, code ?? `ACCESS-${issued}`, `${change}, told: ${!!store.subscribe}`);
        assert.notEqual(after, token);
      }
    }
  });

  test(`E103 a clock set back ends what is held: ${way}`, async (t) => {
    const { client, effects } = await opened(t, silent());
    await signIn(client);
    const token = await get(client);
    await settled();
    effects.length = 0;
    at(t, -1);
    assert.equal(await get(client), token);
    await settled();
    assert.ok(effects.includes('load'));
  });
}

test('E101 each caller has a copy, without what is for the host alone', async (t) => {
  const { client } = await opened(t, memoryStore());
  await signIn(client);
  const first = await client.token();
  assert.deepEqual(Object.keys(first), ['access_token', 'token_type', 'expires_at', 'scope']);
  first.access_token = 'spoilt';
  const second = await client.token();
  assert.notEqual(second.access_token, 'spoilt');
  second.scope = 'spoilt';
  assert.notEqual((await client.token()).scope, 'spoilt');
});

test('E101 only the same question has the same answer, and many URLs take no more memory than few', async (t) => {
  const { client } = await opened(t, memoryStore());
  await signIn(client);
  for (let i = 0; i < 300; i++) assert.match(await (await client.fetch(`https://api.example/v1/${i}`)).text(), /^Bearer ACCESS-/);
  await assert.rejects(client.fetch('https://api.example/v2'), { code: 'resource_not_allowed' });
  const forced = await client.token({ force: true });
  assert.notEqual((await client.token({ force: true })).access_token, forced.access_token);
  const controller = new AbortController();
  controller.abort(new Error('away'));
  await assert.rejects(client.token({ signal: controller.signal }), /away/);
  client.close();
  await assert.rejects(client.token(), { code: 'closed' });
});
