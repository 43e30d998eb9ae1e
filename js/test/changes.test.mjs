// Clients of the same store notice each other's writes: in one process, and in the tabs of a
// browser.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, beforeEach, test } from 'node:test';
import { promisify } from 'node:util';
import { launch, openPage, pages, strictPolicy } from './lib/browser.mjs';
import { library } from './lib/installed.mjs';
import { provider, signIn, until } from './lib/provider.mjs';
import { serve } from './lib/serve.mjs';
import { storeKey } from './lib/store.mjs';

const { memoryStore, openClient } = await library();
const APP = '/pages/app.html';

let browser, site, server;
before(async () => {
  site = await serve(pages(), { headers: strictPolicy() });
  server = await provider();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  server?.stop();
  site?.stop();
});
beforeEach(() => {
  server.requests.length = 0;
  for (const path in server.answers) delete server.answers[path];
});

/** A client, its change events, and how often its session was read. */
const watched = async (t, options) => {
  const told = [];
  let loads = 0;
  const client = await openClient(server.config, {
    ...options,
    onEffect: ({ kind, ms }) => {
      if (kind === 'load' && ms === undefined) loads++;
    },
  });
  t.after(() => client.close());
  for (const type of ['status', 'changed']) client.addEventListener(type, ({ detail }) => told.push(detail.change ?? detail.status));
  return { client, told, loads: () => loads };
};

/** The memory store without `subscribe`. */
const silent = () => {
  const { load, store, local } = memoryStore();
  return { load, store, local };
};

test('E29 clients of one memory store hear of each other at once', async (t) => {
  const store = memoryStore();
  const [a, b] = [await watched(t, { store }), await watched(t, { store })];
  await signIn(a.client);
  await until(() => b.told.includes('signed_in'), 'the sign-in');
  await a.client.logOut();
  await until(() => b.told.includes('signed_out'), 'the sign-out');
  assert.deepEqual(b.told, ['granted', 'signed_in', 'not_authenticated', 'signed_out']);
  assert.deepEqual(a.told, ['granted', 'not_authenticated'], 'nobody hears of what it wrote itself');
  await assert.rejects(b.client.token(), { code: 'not_signed_in' });
  assert.equal(server.count('/api'), 0);
});

test('E29 status is the truth of a store that tells nothing, and what gives out a token reads it once a second', async (t) => {
  const store = silent();
  const [a, b] = [await watched(t, { store }), await watched(t, { store })];
  assert.equal((await b.client.status()).status, 'not_authenticated');
  await signIn(a.client);
  assert.equal((await b.client.status()).status, 'granted');
  const before = b.loads();
  await Promise.all(Array.from({ length: 200 }, () => b.client.token()));
  assert.ok(b.loads() - before <= 1, `${b.loads() - before} loads`);
  await a.client.logOut();
  assert.equal((await b.client.status()).status, 'not_authenticated');
  await signIn(a.client);
  assert.equal((await b.client.status()).status, 'granted');
  await a.client.logOut();
  // Without asking for the status: a second later no token is given out.
  await until(
    () =>
      b.client.token().then(
        () => false,
        ({ code }) => code === 'not_signed_in',
      ),
    'token to look',
  );
});

test('E26 a store that hangs or fails keeps no status back', async (t) => {
  const store = memoryStore();
  const a = await watched(t, { store });
  await signIn(a.client);
  for (const load of [() => new Promise(() => {}), () => Promise.reject(new Error('down'))]) {
    let bad = false;
    const b = await watched(t, { store: { ...store, load: (key) => (bad ? load() : store.load(key)) } });
    assert.equal((await b.client.status()).status, 'granted');
    bad = true;
    const all = await Promise.all(Array.from({ length: 100 }, () => b.client.status()));
    assert.deepEqual(new Set(all.map(({ status }) => status)), new Set(['granted']));
    assert.ok((await b.client.token()).access_token);
  }
});

test('E30 a client that was closed listens no more, and nothing that listens keeps Node alive', async (t) => {
  const heard = new Set();
  const base = memoryStore();
  const store = {
    ...base,
    subscribe: (key, onChange) => {
      heard.add(key);
      const end = base.subscribe(key, onChange);
      return () => (heard.delete(key), end());
    },
  };
  const { client } = await watched(t, { store });
  await client.status();
  assert.deepEqual([...heard], [storeKey(server.config)]);
  client.close();
  assert.deepEqual([...heard], []);
  const script = `
    const { memoryStore, openClient } = await import('oauth2-wasm');
    const store = memoryStore();
    for (const n of [1, 2]) await (await openClient(${JSON.stringify(server.config)}, { store })).status();
    console.log('ended');`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { cwd: pages(), timeout: 60_000 });
  assert.equal(stdout.trim(), 'ended');
});

/** In a page: opens a client on the store of all tabs, and records its events and reads. */
const begin = async (config) => {
  window.told = [];
  window.loads = 0;
  window.client = await oauth.openClient(config, {
    store: oauth.insecureIndexedDBStore(),
    onEffect: ({ kind, ms }) => kind === 'load' && ms === undefined && window.loads++,
  });
  for (const type of ['status', 'changed']) client.addEventListener(type, ({ detail }) => told.push(detail.change ?? detail.status));
  return (await client.status()).status;
};

/** In a page: signs in without a user. */
const enter = async (redirect) => {
  const { state } = await client.authorize();
  return (await client.handleRedirect(`${redirect}?code=c&state=${state}`)).status;
};

const tabs = async (t, script) => {
  const context = await browser.newContext();
  t.after(() => context.close());
  if (script) await context.addInitScript(script);
  const both = [await openPage(context, site.url + APP), await openPage(context, site.url + APP)];
  for (const tab of both) await tab.evaluate(begin, server.config);
  return { a: both[0], b: both[1], enter: (tab) => tab.evaluate(enter, server.config.redirect_uri) };
};

test('E31 Chromium: sign-in, refresh, another account and sign-out in one tab are heard in the other, which sends no revoked token', async (t) => {
  const { a, b, enter } = await tabs(t);
  const hears = (change) => b.waitForFunction((change) => told.includes(change), change);
  const clear = () => b.evaluate(() => void (told.length = 0));
  assert.equal(await enter(a), 'granted');
  await hears('signed_in');
  for (const [change, act] of [
    ['refreshed', () => a.evaluate(() => client.refresh())],
    ['other_account', () => enter(a)],
    ['signed_out', () => a.evaluate(() => client.logOut())],
  ]) {
    await clear();
    await act();
    await hears(change);
    assert.equal(await b.evaluate(async () => (await client.status()).status), await a.evaluate(async () => (await client.status()).status), change);
  }
  const said = await b.evaluate(
    (url) =>
      client.fetch(url).then(
        () => 'sent',
        ({ code }) => code,
      ),
    server.config.token_destinations[0],
  );
  assert.equal(said, 'not_signed_in');
  assert.deepEqual([server.count('/api'), server.requests.filter(({ body }) => /refresh_token=/.test(body)).length], [0, 1]);
});

test('E31 Chromium: what a tab never heard it sees when it is looked at again', async (t) => {
  for (const script of ['delete globalThis.BroadcastChannel', 'globalThis.BroadcastChannel.prototype.postMessage = () => {}']) {
    const { a, b, enter } = await tabs(t, script);
    assert.equal(await enter(a), 'granted');
    assert.deepEqual(await b.evaluate(() => told), []);
    await b.evaluate(() => void dispatchEvent(new Event('focus')));
    await b.waitForFunction(() => told.includes('signed_in'));
    await a.evaluate(() => client.logOut());
    await b.evaluate(() => void document.dispatchEvent(new Event('visibilitychange', { bubbles: true })));
    await b.waitForFunction(() => told.includes('signed_out'));
    assert.deepEqual(await b.evaluate(() => (client.close(), (told.length = 0), dispatchEvent(new Event('focus')), loads)), await b.evaluate(() => loads));
  }
});

test('E32 Chromium: a flood of broadcasts, true or not, makes a tab read now and then, and say nothing', async (t) => {
  const { a, b, enter } = await tabs(t);
  assert.equal(await enter(a), 'granted');
  await b.waitForFunction(() => told.includes('signed_in'));
  const before = await b.evaluate(() => ((told.length = 0), loads));
  await a.evaluate((key) => {
    const link = new BroadcastChannel('oauth2-wasm.store oauth2-wasm');
    for (let i = 0; i < 1_000; i++) link.postMessage(i % 2 ? key : { key, access_token: 'forged', status: 'not_authenticated' });
    link.postMessage('the last');
  }, storeKey(server.config));
  await a.evaluate(() => client.logOut());
  await b.waitForFunction(() => told.includes('signed_out'));
  assert.deepEqual(await b.evaluate(() => told), ['not_authenticated', 'signed_out']);
  const made = (await b.evaluate(() => loads)) - before;
  assert.ok(made < 100, `${made} loads`); // one a second: at most as many as fit into the test's time
});
