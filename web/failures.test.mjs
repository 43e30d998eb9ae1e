// What the demo says and does if something fails, in Chromium. The tests' names contain the ids of
// behaviours.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { launch, open, serve } from './testlib/tab.mjs';

/** The usual demo, and one whose tokens soon expire. */
let demo;
let brief;
before(async () => {
  demo = await serve();
  brief = await serve('-token-lifetime', '10s', '-session-lifetime', '20s');
});

test('Q2 Q22 denied consent is said in words, and signing in again works', async (t) => {
  const tab = await open(t, demo);
  await tab.toConsent();
  await tab.at('deny').click();
  const said = await tab.told();
  assert.match(said, /You declined/);
  assert.match(said, /access_denied/);
  await tab.until('effects', /callback[\s\S]*server error[\s\S]*request failed/);
  await tab.status('not_authenticated');
  assert.equal(tab.page.url(), tab.url);
  assert.equal(tab.count('POST /token'), 0);
  await tab.signInAgain();
  assert.equal(await tab.at('error').innerText(), '');
});

/** Signs in and records the URL to which the server sent the user back. */
const callbackOf = async (tab) => {
  let reply;
  tab.page.on('request', (request) => {
    if (request.isNavigationRequest() && request.url().startsWith(tab.url + '?')) reply = request.url();
  });
  await tab.signIn();
  return reply;
};

test('Q22 a callback that comes a second time sends nothing and says so', async (t) => {
  const tab = await open(t, demo);
  const reply = await callbackOf(tab);
  await tab.page.goto(reply);
  assert.match(await tab.told(), /This reply was used before/);
  await tab.status('not_authenticated');
  assert.equal(tab.count('POST /token'), 1);
  assert.equal(tab.page.url(), tab.url);
  await tab.page.reload();
  await tab.status('not_authenticated');
  assert.equal(await tab.at('error').innerText(), '');
});

test('Q22 going back after signing in sends no second token request', async (t) => {
  const tab = await open(t, demo);
  await tab.signIn();
  await tab.page.goBack();
  await tab.page.goForward();
  await tab.page.waitForSelector('[data-status="granted"], [data-status="not_authenticated"]');
  assert.equal(tab.count('POST /token'), 1);
  assert.equal(tab.page.url(), tab.url);
});

test('Q22 a callback of somebody else changes nothing', async (t) => {
  const tab = await open(t, demo);
  for (const [query, code] of [
    ['code=stolen&state=unknown', 'wrong_state'],
    ['code=stolen', 'missing_state'],
    ['error=access_denied&state=unknown', 'wrong_state'],
  ]) {
    await tab.page.goto(`${tab.url}?${query}`);
    const said = await tab.told();
    assert.match(said, /This reply does not belong here/);
    assert.ok(said.includes(code), said);
    assert.equal(tab.page.url(), tab.url);
  }
  assert.equal(tab.count('POST /token'), 0);
  await tab.signIn();
});

test('Q8 network gone: the session stays, is told, and goes on when the network is back', async (t) => {
  const tab = await open(t, demo);
  await tab.signIn();
  await tab.context.setOffline(true);
  await tab.at('refresh').click();
  assert.match(await tab.told(), /The server cannot be reached[\s\S]*Try again once the connection is back/);
  await tab.status('granted');
  await tab.at('call-api').click();
  await tab.until('api-result', /^$/);
  assert.match(await tab.told('api-error'), /The server cannot be reached[\s\S]*Call again/);
  await tab.context.setOffline(false);
  await tab.at('refresh').click();
  await tab.until('effects', /refresh POST[\s\S]*refresh POST[\s\S]*granted/);
  await tab.at('call-api').click();
  await tab.until('api-result', /notes/);
  for (const place of ['error', 'api-error']) assert.equal(await tab.at(place).innerText(), '');
});

test('network gone before signing in: the person stays on the page', async (t) => {
  const tab = await open(t, demo);
  await tab.context.setOffline(true);
  await tab.at('sign-in').click();
  assert.match(await tab.told(), /The server cannot be reached[\s\S]*You have not left this page/);
  assert.equal(tab.page.url(), tab.url);
  await tab.context.setOffline(false);
  await tab.signIn();
});

test('network gone while the code is exchanged: told, and signing in once more works', async (t) => {
  const tab = await open(t, demo);
  await tab.page.route('**/token', (route) => route.abort());
  await tab.toConsent();
  await tab.at('approve').click();
  assert.match(await tab.told(), /The server cannot be reached[\s\S]*Sign in once more/);
  await tab.status('not_authenticated');
  assert.equal(tab.page.url(), tab.url);
  await tab.page.unroute('**/token');
  await tab.signInAgain();
});

test('network gone at sign out: signed out here, and the person is told that the server was not', async (t) => {
  const tab = await open(t, demo);
  await tab.signIn();
  await tab.context.setOffline(true);
  await tab.at('sign-out').click();
  assert.match(await tab.told(), /Signed out here only/);
  await tab.status('not_authenticated');
});

test('Q2 Q43 a server with an error is told apart from a network', async (t) => {
  const tab = await open(t, demo);
  await tab.signIn();
  await tab.page.route('**/token', (route) =>
    route.fulfill({ status: 503, headers: { 'access-control-allow-origin': '*' }, contentType: 'text/html', body: '<h1>secret</h1>' }),
  );
  await tab.at('refresh').click();
  const said = await tab.told();
  assert.match(said, /The server has a problem[\s\S]*503/);
  assert.equal(said.includes('secret'), false);
  await tab.status('granted');
});

test('Q8 a session that has ended is said in words, and signing in again works', async (t) => {
  const tab = await open(t, brief);
  await tab.signIn();
  await tab.page.waitForTimeout(21_000);
  await tab.at('refresh').click();
  assert.match(await tab.told(), /Your session has ended[\s\S]*Sign in again/);
  assert.equal(await tab.at('refresh').isDisabled(), true);
  await tab.signInAgain();
});

test('a module that cannot be loaded is said in words', async (t) => {
  const context = await (await launch()).newContext();
  t.after(() => context.close());
  const page = await context.newPage();
  await page.route('**/oauth2.wasm', (route) => route.abort());
  await page.goto(demo);
  await page.waitForSelector('[data-status="failed"]');
  assert.match(await page.getByTestId('error').innerText(), /The WebAssembly module could not be loaded/);
  assert.equal(await page.getByTestId('sign-in').isDisabled(), true);
});
