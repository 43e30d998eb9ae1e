// oauth2-wasm/bff as a function: configurations that it refuses, several frontends by host name,
// and work after the answer.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expiringMemoryStore, newSealKey, openBackend } from 'oauth2-wasm/bff';

const client = {
  issuer: 'https://as.example',
  client_id: 'app',
  client_secret: 'secret',
  authorization_endpoint: 'https://as.example/authorize',
  token_endpoint: 'https://as.example/token',
  scope: 'read',
};
const config = (host, more) => ({ base: `https://${host}/auth`, client, proxy: [{ path: '/api', target: 'https://api.example' }], ...more });

/** An authorization server and an API, which record their requests. */
const servers = () => {
  const sent = [];
  let issued = 0;
  const fetch = async (url, init) => {
    sent.push({ url: String(url), authorization: new Headers(init.headers).get('authorization') });
    if (String(url).startsWith('https://api.example')) return new Response('notes');
    const token = { access_token: `ACCESS-${++issued}`, token_type: 'Bearer', expires_in: 3600, refresh_token: `REFRESH-${issued}` };
    return Response.json(token);
  };
  return { sent, fetch };
};

/** A browser for one host, controlled by the test. */
const visitor = (backend, host) => {
  const jar = new Map();
  const ask = async (path, headers = {}) => {
    const cookie = [...jar].map((pair) => pair.join('=')).join('; ');
    const answer = await backend.fetch(new Request(`https://${host}${path}`, { headers: { 'x-csrf': '1', ...(cookie && { cookie }), ...headers } }));
    for (const line of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      if (line.includes('Max-Age=0')) jar.delete(name);
      else jar.set(name, value);
    }
    return answer;
  };
  const begin = async () => {
    const { searchParams } = new URL((await ask('/auth/login')).headers.get('location'));
    return `/auth/callback?code=c&state=${searchParams.get('state')}`;
  };
  return { jar, ask, begin, signIn: async () => ask(await begin()) };
};

test('B15 several frontends by host name: each has its sessions, also with one client and one store', async () => {
  const { fetch, sent } = servers();
  const store = expiringMemoryStore();
  const backend = await openBackend([config('a.example'), config('b.example')], { sealKeys: newSealKey(), store, fetch });
  const [a, b] = [visitor(backend, 'a.example'), visitor(backend, 'b.example')];
  assert.equal((await a.signIn()).status, 303);
  assert.equal((await a.ask('/api/notes')).status, 200);
  assert.equal(sent.at(-1).authorization, 'Bearer ACCESS-1');
  // One frontend does not accept the cookie of the other.
  b.jar.set('__Host-oauth2', a.jar.get('__Host-oauth2'));
  assert.equal((await b.ask('/auth/session')).status, 401);
  assert.equal((await b.ask('/api/notes')).status, 401);
  assert.equal((await a.ask('/auth/session')).status, 200, 'and the session lives');
  // Nor an attempt.
  const [c, d] = [visitor(backend, 'a.example'), visitor(backend, 'b.example')];
  const callback = await c.begin();
  c.jar.forEach((value, name) => d.jar.set(name, value));
  assert.equal((await d.ask(callback)).status, 400);
  assert.equal((await c.ask(callback)).status, 303);
  // Users sign in and out at each separately.
  assert.equal((await b.signIn()).status, 303);
  assert.equal((await b.ask('/auth/session')).status, 200);
  assert.equal((await backend.fetch(new Request('https://c.example/auth/session', { headers: { 'x-csrf': '1' } }))).status, 421);
});

test('B15 one frontend keeps what it stored when it is opened alone again', async () => {
  const { fetch } = servers();
  const [store, sealKeys] = [expiringMemoryStore(), newSealKey()];
  const first = visitor(await openBackend(config('a.example'), { sealKeys, store, fetch }), 'a.example');
  await first.signIn();
  const second = visitor(await openBackend(config('a.example'), { sealKeys, store, fetch }), 'a.example');
  first.jar.forEach((value, name) => second.jar.set(name, value));
  assert.equal((await second.ask('/auth/session')).status, 200);
});

test('B16 what cannot be served is refused when it is opened, and says which member', async () => {
  const sealKeys = newSealKey();
  for (const [field, given] of Object.entries({
    base: { base: 'nothing', client },
    'client.issuer': config('a.example', { client: { ...client, issuer: 'http://as.example' } }),
    client_key: config('a.example', { client: { ...client, client_key: '{}' } }),
    sessoin_ms: config('a.example', { sessoin_ms: 1 }),
  })) {
    await assert.rejects(
      openBackend(given, { sealKeys }),
      (error) => error.name === 'OAuthError' && error.op === 'open' && (error.field === field || field.endsWith(error.field)),
      field,
    );
  }
  await assert.rejects(openBackend([config('a.example'), config('a.example')], { sealKeys }), { field: 'base' });
  await assert.rejects(openBackend([], { sealKeys }), { field: 'base' });
  await assert.rejects(openBackend(config('a.example'), { sealKeys: 'short' }), /SEAL_KEYS/);
});

test('B17 TLS may end before the server, and work goes on when the answer is out', async () => {
  const { fetch } = servers();
  const backend = await openBackend(config('a.example'), { sealKeys: newSealKey(), fetch });
  const kept = [];
  const answer = await backend.fetch(new Request('http://a.example/auth/session', { headers: { 'x-csrf': '1' } }), { waitUntil: (work) => kept.push(work) });
  assert.equal(answer.status, 401);
  assert.equal(kept.length, 1);
  await backend.idle();
  await Promise.all(kept);
});

test('B18 what is over goes from memory', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_700_000_000_000 });
  const store = expiringMemoryStore();
  const version = await store.storeUntil('a', '', 'x', Date.now() + 1000);
  await assert.rejects(store.storeUntil('a', '', 'y', Date.now() + 1000), { name: 'ConflictError' });
  assert.equal((await store.load('a')).value, 'x');
  t.mock.timers.setTime(1_700_000_001_000);
  assert.deepEqual(await store.load('a'), { version: '' });
  await assert.rejects(async () => store.store('a', version, 'z'), { name: 'ConflictError' });
  await store.store('a', '', 'z');
  assert.equal((await store.load('a')).value, 'z');
});
