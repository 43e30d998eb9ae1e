// Where keys are stored: in memory, in the application's own store, and in IndexedDB, which tabs
// share.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { launch, openPage, pages, strictPolicy } from './lib/browser.mjs';
import { library } from './lib/installed.mjs';
import { provider, signIn } from './lib/provider.mjs';
import { serve } from './lib/serve.mjs';
import { storeKey } from './lib/store.mjs';

const { memoryKeys, memoryStore, openClient } = await library();

let server, config;
before(async () => {
  server = await provider();
  config = { ...server.config, dpop: true };
});
after(() => server.stop());
beforeEach(() => {
  let issued = 0;
  server.answers['/token'] = () => ({ body: { access_token: `BOUND-${++issued}`, token_type: 'DPoP', expires_in: 3600, refresh_token: `REFRESH-${issued}` } });
  server.answers['/api'] = ({ headers: { authorization, dpop } }) => ({
    body: { authorization, jwk: JSON.parse(Buffer.from(dpop.split('.')[0], 'base64url')).jwk },
  });
});

/** The public key of the proof in a request to the resource. */
const provedWith = async (client) => {
  const { authorization, jwk } = await (await client.fetch(`${server.url}/api`)).json();
  assert.match(authorization, /^DPoP BOUND-/);
  assert.deepEqual(Object.keys(jwk).sort(), ['crv', 'kty', 'x', 'y'], 'nothing but the public key');
  return jwk;
};

test('memoryKeys keeps the pair that came first', () => {
  const keys = memoryKeys();
  const [one, two] = [{}, {}];
  assert.equal(keys.load('k'), undefined);
  assert.equal(keys.add('k', one), one);
  assert.equal(keys.add('k', two), one);
  assert.equal(keys.load('k'), one);
  keys.delete('k');
  keys.delete('k');
  assert.equal(keys.load('k'), undefined);
});

test('Q13 a key store is asked for a key once, not for each request', async (t) => {
  const kept = memoryKeys();
  const asked = [];
  const keys = { ...kept, load: (name) => (asked.push(name), kept.load(name)) };
  const client = await openClient(config, { keys });
  t.after(() => client.close());
  await signIn(client);
  const jwk = await provedWith(client);
  asked.length = 0;
  for (let n = 0; n < 5; n++) assert.deepEqual(await provedWith(client), jwk);
  assert.deepEqual(asked, []);
  await signIn(client); // with a new key, and the old one is deleted
  assert.notDeepEqual(await provedWith(client), jwk);
  assert.ok(new Set(asked).size === 1 && !asked.includes(undefined), String(asked));
});

test('Q13 X9 clients of one store share its keys; those of another store have none of them', async (t) => {
  const store = memoryStore();
  const first = await openClient(config, { store });
  await signIn(first);
  const second = await openClient(config, { store });
  t.after(() => [first, second].forEach((client) => client.close()));
  const jwk = await provedWith(first);
  assert.deepEqual(await provedWith(second), jwk);

  const copy = memoryStore();
  await copy.store(storeKey(config), '', (await store.load(storeKey(config))).value);
  const other = await openClient(config, { store: copy });
  t.after(() => other.close());
  await assert.rejects(other.fetch(`${server.url}/api`), { kind: 'client', code: 'no_key' });
});

/** The application's own store, which stores keys as text. */
class WrittenKeys {
  insecureExtractable = true;
  texts;

  constructor(texts = {}) {
    this.texts = texts;
  }

  async load(name) {
    const [privateKey, publicKey] = this.texts[name] ? JSON.parse(this.texts[name]) : [];
    const read = (jwk, usage) => crypto.subtle.importKey('jwk', jwk, { name: 'ECDSA', namedCurve: jwk.crv }, true, [usage]);
    return privateKey && { privateKey: await read(privateKey, 'sign'), publicKey: await read(publicKey, 'verify') };
  }

  async add(name, { privateKey, publicKey }) {
    const written = await Promise.all([privateKey, publicKey].map((key) => crypto.subtle.exportKey('jwk', key)));
    this.texts[name] ??= JSON.stringify(written);
    return this.load(name);
  }

  delete(name) {
    delete this.texts[name];
  }
}

test('Q13 X9 a store that writes keys down: a session goes on in another process, and its end is the key’s', async (t) => {
  const [store, keys] = [memoryStore(), new WrittenKeys()];
  const first = await openClient(config, { store, keys });
  await signIn(first);
  const jwk = await provedWith(first);
  first.close();
  const texts = structuredClone(keys.texts);
  assert.equal(Object.keys(texts).length, 1);
  const second = await openClient(config, { store, keys: new WrittenKeys(texts) });
  t.after(() => second.close());
  assert.deepEqual(await provedWith(second), jwk);
  await second.logOut();
  assert.deepEqual(texts, {});
});

test('X9 unless a store asks for it, no key that it gets can be read', async (t) => {
  const keys = memoryKeys();
  const added = [];
  const client = await openClient(config, { keys: { ...keys, add: (name, pair) => (added.push(pair), keys.add(name, pair)) } });
  t.after(() => client.close());
  await signIn(client);
  assert.equal(added.length, 1);
  assert.equal(added[0].privateKey.extractable, false);
  await assert.rejects(crypto.subtle.exportKey('jwk', added[0].privateKey), /not extractable/i);
});

test('a store of keys that fails: nothing is sent, and the next try works', async (t) => {
  const keys = memoryKeys();
  let fails = true;
  const client = await openClient(config, { keys: { ...keys, add: (...args) => (fails ? Promise.reject(new Error('full')) : keys.add(...args)) } });
  t.after(() => client.close());
  await assert.rejects(client.authorize(), { kind: 'storage', code: 'storage', retryable: true });
  fails = false;
  assert.equal((await signIn(client)).status.token_type, 'DPoP');
});

test('X9 tabs that make keys of the same names at the same time get the same keys', async (t) => {
  const site = await serve(pages(), { headers: strictPolicy() });
  t.after(() => site.stop());
  const browser = await launch();
  t.after(() => browser.close());
  const context = await browser.newContext();
  const tabs = await Promise.all(Array.from({ length: 3 }, () => openPage(context, `${site.url}/pages/app.html`)));
  const make = async () => {
    const { instantiate } = await import('/node_modules/oauth2-wasm/dist/wasm_exec.js');
    const { module } = await instantiate(fetch('/node_modules/oauth2-wasm/dist/oauth2-full.wasm'));
    const host = await oauth.Host.open({ module, open: { kind: 'contract' } });
    const names = Array.from({ length: 20 }, (_, i) => `key ${i}`);
    const answers = await Promise.all(names.map((name) => host.run('perform', { effect: { kind: 'key', name, alg: 'ES256', create: true } })));
    return answers.map(({ answer }) => answer.ok.jwk.x);
  };
  const [first, ...others] = await Promise.all(tabs.map((tab) => tab.evaluate(make)));
  assert.equal(new Set(first).size, 20);
  for (const other of others) assert.deepEqual(other, first);
});
