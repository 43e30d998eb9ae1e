// oauth2-wasm/testing: clients for the tests of applications, which need no server, no module and
// no network; and the bindings with them.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { installed, library } from './lib/installed.mjs';

const dist = (name) => import(pathToFileURL(join(installed(), `node_modules/oauth2-wasm/dist/${name}.js`)).href);
const { Client, OAuthError } = await library();
const { failing, signedIn, signedOut } = await dist('testing');
const { createAuth } = await dist('auth');

/** No test here may use the network. */
globalThis.fetch = () => assert.fail('fetch');

const heard = (client) => {
  const events = [];
  for (const type of ['change', 'status', 'granted', 'expired', 'request_failed'])
    client.addEventListener(type, ({ detail }) => events.push(`${type} ${detail.status ?? detail.code ?? ''}`.trim()));
  return events;
};

test('P60 somebody who is signed in: who, a token, an API, a refresh, a sign-out', async () => {
  const seen = [];
  const fetch = async (request) => (seen.push(`${request.method} ${request.url} ${request.headers.get('authorization')}`), Response.json({ me: 'bob' }));
  const client = await signedIn({ claims: { sub: 'bob', email: 'bob@example.com', email_verified: true }, scope: 'openid read', fetch });
  assert.ok(client instanceof Client);
  const events = heard(client);
  assert.equal(client.current.status, 'restoring');
  assert.equal((await client.ready).claims.sub, 'bob');
  assert.equal((await client.status()).claims.sub, 'bob');
  assert.equal((await client.token()).access_token, 'test-token');
  assert.deepEqual(await client.profile(), { issuer: 'https://as.test', id: 'bob', email: 'bob@example.com', email_verified: true });
  assert.equal((await client.userinfo()).sub, 'bob');
  assert.deepEqual(await (await client.fetch('https://api.example/me', { method: 'POST', body: '{}' })).json(), { me: 'bob' });
  assert.deepEqual(seen, ['POST https://api.example/me Bearer test-token']);
  assert.equal((await client.refresh()).status, 'granted');
  assert.equal(await client.handleRedirect('https://app.example/?code=c&state=s'), null);
  await client.signOut();
  assert.equal(client.current.status, 'not_authenticated');
  assert.deepEqual(events, ['change granted', 'granted', 'granted', 'change not_authenticated', 'status not_authenticated']);
  await assert.rejects(client.token(), (error) => error instanceof OAuthError && error.code === 'not_signed_in' && error.begin_again);
  await assert.rejects(client.fetch('https://api.example/me'), { code: 'not_signed_in' });
});

test('P60 nobody, who signs in without going anywhere; and where a test navigates', async () => {
  const client = await signedOut();
  await client.signIn();
  assert.equal(client.current.claims.sub, 'alice');
  const urls = [];
  const other = await signedOut();
  await other.signIn({ navigate: (url) => urls.push(url) });
  assert.match(urls[0], /^https:\/\/as\.test\/authorize\?state=/);
  assert.notEqual(other.current.status, 'granted');
});

test('P60 a token that ends, by the clock of a test runner', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_700_000_000_000 });
  const client = await signedIn({ expires_in_ms: 60_000 });
  t.mock.timers.tick(0);
  const events = heard(client);
  await 0;
  assert.equal(client.current.expires_at, 1_700_000_060_000);
  t.mock.timers.tick(59_999);
  assert.equal(client.current.status, 'granted');
  t.mock.timers.tick(1);
  assert.equal(client.current.status, 'not_authenticated');
  assert.deepEqual(events, ['change not_authenticated', 'status not_authenticated', 'expired']);
});

test('P60 what fails, for nobody and for who is signed in', async () => {
  for (const [client, error] of [
    [await failing(), { kind: 'network', code: 'network', retryable: true }],
    [await failing({ kind: 'server', code: 'oauth_error', error: 'invalid_client', retryable: false }), { kind: 'server', error: 'invalid_client' }],
    [await signedIn({ error: { code: 'timeout' } }), { code: 'timeout', op: 'refresh' }],
  ]) {
    const events = heard(client);
    await assert.rejects(client.refresh(), error);
    assert.equal(events.at(-1), `request_failed ${error.code ?? 'oauth_error'}`);
  }
});

test('P60 createAuth shows such clients as it does others', async () => {
  const auth = createAuth(() => signedIn({ claims: { sub: 'bob' } }));
  assert.equal(auth.state.status, 'restoring');
  await auth.open();
  assert.equal(auth.state.claims.sub, 'bob');
  assert.equal(await auth.require('/x'), true);
  assert.equal((await auth.fetch('https://api.example/')).status, 404);
  await auth.signOut();
  assert.deepEqual([auth.state.status, auth.state.signed_out], ['not_authenticated', true]);
  const broken = createAuth(() => failing());
  await broken.signIn({ app_state: '/' });
  assert.equal(broken.state.error.code, 'network');
  await assert.rejects(broken.require('/x'), { code: 'network' });
  // If a client cannot be opened, the next call opens it again.
  let opened = 0;
  const late = createAuth(() => (opened++ ? signedIn() : Promise.reject(new Error('offline'))));
  await late.signIn({ app_state: '/' });
  assert.deepEqual([late.state.status, late.state.error.message], ['restoring', 'offline']);
  await late.open();
  assert.equal(late.state.status, 'granted');
  assert.equal(late.state.error, undefined);
});

test('P70 the state of a binding has what is left until who does nothing is signed out, and forgets it', async () => {
  const client = await signedIn();
  const auth = createAuth(() => client);
  await auth.open();
  const states = [];
  auth.subscribe((state) => states.push(state.idle_left_ms));
  const warn = (left_ms) => client.dispatchEvent(new CustomEvent('idle_warning', { detail: { left_ms } }));
  for (const left of [2_000, 2_000, 1_000, null]) warn(left);
  assert.deepEqual(states, [undefined, 2_000, 1_000, undefined]);
  assert.equal(auth.state.status, 'granted');
});
