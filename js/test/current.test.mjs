// The state of a session to show, without waiting: `client.current`, its event `change`, and
// `client.ready`.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { launch, openPage, pages, strictPolicy } from './lib/browser.mjs';
import { installed, library } from './lib/installed.mjs';
import { provider, signIn } from './lib/provider.mjs';
import { serve } from './lib/serve.mjs';

const { memoryStore, openClient } = await library();
const { createAuth } = await import(pathToFileURL(join(installed(), 'node_modules/oauth2-wasm/dist/auth.js')).href);

let server;
before(async () => (server = await provider()));
after(() => server.stop());

/** A client, and each `current` from the event `change`. */
const watched = async (options) => {
  const client = await openClient(server.config, options);
  const shown = [];
  client.addEventListener('change', ({ detail }) => {
    assert.equal(detail, client.current);
    shown.push(detail.status);
  });
  return { client, shown };
};

test('P52 what is shown is known when ready says so, and is told with each change', async () => {
  const { client, shown } = await watched();
  assert.deepEqual(client.current, { status: 'restoring' });
  assert.equal(client.ready, client.ready);
  assert.equal(await client.ready, client.current);
  assert.deepEqual(client.current, { status: 'not_authenticated' });
  const at = [];
  client.addEventListener('status', () => at.push(client.current.status));
  await signIn(client);
  assert.deepEqual(Object.keys(client.current), ['status', 'expires_at']);
  assert.ok(client.current.expires_at > Date.now());
  assert.equal(client.current.status, 'granted');
  await client.logOut();
  assert.equal(client.current.status, 'not_authenticated', 'once the promise of what changed it is settled');
  assert.deepEqual(shown, ['not_authenticated', 'granted', 'not_authenticated']);
  assert.deepEqual(at, ['granted', 'not_authenticated'], 'before the other events of the change');
});

test('P52 it is the same object, frozen, until something changes', async () => {
  const { client, shown } = await watched();
  const token = { access_token: 'T', token_type: 'Bearer', expires_at: Date.now() + 3_600_000, refresh_token: 'R' };
  await client.setToken(token);
  const { current } = client;
  server.answers['/token'] = () => ({ status: 503 });
  for (const [name, what] of Object.entries({
    'a look': () => client.status(),
    'the same token again': () => client.setToken(token),
    'a refresh that fails in passing': () => client.refresh().catch(() => {}),
    'a reply that is none': () => client.callback({ url: `${server.config.redirect_uri}?code=c&state=x` }).catch(() => {}),
    ready: () => client.ready,
  })) {
    await what();
    assert.equal(client.current, current, name);
  }
  delete server.answers['/token'];
  assert.deepEqual(shown, ['not_authenticated', 'granted']);
  assert.throws(() => (client.current.status = 'x'), TypeError);
});

test('P52 a stored session is shown, and nothing secret of it', async () => {
  const store = memoryStore();
  const first = (await watched({ store })).client;
  await signIn(first);
  const { client, shown } = await watched({ store });
  await client.ready;
  assert.deepEqual(shown, ['granted']);
  assert.doesNotMatch(JSON.stringify(client.current), /ACCESS|REFRESH/);
  // Another client's change is shown after a look.
  await first.logOut();
  await client.status();
  assert.equal(client.current.status, 'not_authenticated');
});

test('P52 ready rejects where the client is closed before it is known', async () => {
  const hanging = { load: () => new Promise(() => {}), store: () => new Promise(() => {}) };
  const { client, shown } = await watched({ store: hanging });
  const { ready } = client;
  client.close();
  await assert.rejects(ready, { kind: 'cancelled', code: 'closed' });
  assert.equal(client.current.status, 'restoring');
  assert.deepEqual(shown, []);
});

/** What a binding shows of a client whose user is signed in. */
const bound = async () => {
  const { client } = await watched();
  await signIn(client);
  // There is no page, and so no reply in its URL.
  client.handleRedirect = async () => (delete client.handleRedirect, null);
  const auth = createAuth(() => client);
  await auth.open();
  return { client, auth };
};

test('P52 who signs out while a refresh is under way is shown as signed out, until they sign in again', async () => {
  const { client, auth } = await bound();
  const states = [];
  auth.subscribe(({ status, signed_out }) => states.push([status, signed_out]));
  let asked, answer;
  const under = new Promise((resolve) => (asked = resolve));
  server.answers['/token'] = () => {
    asked();
    return new Promise((resolve) => (answer = resolve));
  };
  const refreshed = client.refresh();
  await under;
  const signedOut = auth.signOut();
  delete server.answers['/token'];
  answer({ body: { access_token: 'NEXT', token_type: 'Bearer', expires_in: 7200, refresh_token: 'R2' } });
  await Promise.all([refreshed, signedOut]);
  assert.deepEqual(states, [
    ['granted', undefined],
    ['granted', true], // the sign-out begins
    ['granted', true], // the refresh ends
    ['not_authenticated', true],
  ]);
  await signIn(client);
  assert.deepEqual(states.at(-1), ['granted', undefined]);
  await client.logOut();
  assert.deepEqual(states.at(-1), ['not_authenticated', undefined], 'not signed out by the user here');
});

test('P52 who could not be signed out is not shown as signed out', async () => {
  const { auth } = await bound();
  await auth.signOut({ post_logout_redirect_uri: 'no URL' });
  const { status, signed_out, error } = auth.state;
  assert.deepEqual([status, signed_out, error.field], ['granted', undefined, 'post_logout_redirect_uri']);
});

test('P53 in a page a client that joins a session shows at once what is known of it', async (t) => {
  const site = await serve(pages(), { headers: strictPolicy() });
  const browser = await launch();
  t.after(async () => (await browser.close(), site.stop()));
  const page = await openPage(await browser.newContext(), `${site.url}/pages/app.html`);
  const said = await page.evaluate(async (config) => {
    const first = await oauth.openClient(config);
    await first.setToken({ access_token: 'T', token_type: 'Bearer' });
    const second = await oauth.openClient(config);
    const joined = second.current.status;
    await first.logOut();
    const both = [first.current.status, second.current.status];
    first.close();
    second.close();
    const third = await oauth.openClient(config);
    return [joined, ...both, third.current.status, (await third.ready).status];
  }, server.config);
  assert.deepEqual(said, ['granted', 'not_authenticated', 'not_authenticated', 'restoring', 'not_authenticated']);
});
