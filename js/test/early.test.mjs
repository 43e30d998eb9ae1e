// early.js removes the reply from the URL, and requests the module, before the application runs. In
// Chromium.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { decide, launch } from './lib/browser.mjs';
import { installed } from './lib/installed.mjs';
import { authserver } from './lib/process.mjs';
import { until } from './lib/provider.mjs';
import { APP, AS, at, bundle, world } from './lib/world.mjs';

const dist = join(installed(), 'node_modules/oauth2-wasm/dist');
let browser, server;
before(async () => {
  server = await authserver('-issuer', AS, `${APP}/callback`, `${APP}/`);
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const application = `
import { openClient } from 'oauth2-wasm';
console.log('app at ' + location.pathname + location.search + location.hash);
const client = await openClient({ client_id: 'app', issuer: '${AS}', discovery: true, redirect_uri: '${APP}/callback?from=as', scope: 'openid' });
const status = (await client.handleRedirect().catch((error) => console.log('failed ' + error.code))) ?? (await client.status());
console.log('status ' + status.status);
if (location.pathname === '/') await client.signIn();
`;

/**
 * The pages of an application with that script in their head; `held`: the application's script is
 * served when it settles.
 */
const pages = async (t, attributes, held = Promise.resolve()) => {
  const redirect = `${APP}/callback?from=as`;
  const registered = await authserver('-issuer', AS, redirect);
  t.after(() => registered.stop());
  const script = await bundle(application);
  const { context, page, ...seen } = await world(t, { browser, server: registered }, {});
  const order = [];
  await context.route(`${APP}/**`, async (route) => {
    const { pathname } = new URL(route.request().url());
    order.push(pathname);
    if (pathname === '/early.js') return route.fulfill({ contentType: 'text/javascript', body: readFileSync(join(dist, 'early.js')) });
    if (pathname === '/oauth2.wasm') return route.fulfill({ contentType: 'application/wasm', body: readFileSync(join(dist, 'oauth2.wasm')) });
    if (pathname === '/app.js') {
      await held;
      return route.fulfill({ contentType: 'text/javascript', body: script });
    }
    return route.fulfill({
      contentType: 'text/html',
      headers: { 'content-security-policy': `default-src 'none'; img-src data:; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self' ${AS}` },
      body: `<!doctype html><link rel="icon" href="data:,"><title>app</title><script src="/early.js" ${attributes}></script><script type="module" src="/app.js"></script>`,
    });
  });
  return { page, order, ...seen };
};

test('P61 the reply has left the URL and the module is on its way while the application is not there yet; it then signs in, with one of each', async (t) => {
  let go;
  const held = new Promise((resolve) => (go = resolve));
  const { page, order, logs, complaints, count } = await pages(t, 'data-redirect-uri="/callback?from=as" data-module="/oauth2.wasm"', held);
  void page.goto(`${APP}/`, { waitUntil: 'commit' });
  await until(() => order.includes('/oauth2.wasm'), 'the module');
  go();
  await at(page, `${AS}/authorize`);
  order.length = logs.length = 0;
  await decide(page, 'approve');
  await until(() => logs.some((line) => line.startsWith('status')), 'the end of the sign-in');
  assert.deepEqual(logs, ['app at /callback?from=as', 'status granted']);
  assert.equal(order.filter((path) => path === '/oauth2.wasm').length, 1);
  assert.ok(order.indexOf('/early.js') < order.indexOf('/oauth2.wasm'), order.join());
  assert.equal(count('/token'), 1);
  // A reload does not deliver the reply again.
  logs.length = 0;
  await page.reload();
  await until(() => logs.some((line) => line.startsWith('status')), 'the page again');
  assert.deepEqual(logs, ['app at /callback?from=as', 'status not_authenticated']);
  assert.deepEqual(complaints, []);
});

test('P61 the module is asked for before the application is, and its script may be late; without data-module by the application', async (t) => {
  for (const [attributes, early] of [
    ['data-module="/oauth2.wasm"', true],
    ['data-redirect-uri="/callback"', false],
  ]) {
    let go;
    const held = new Promise((resolve) => (go = resolve));
    const { page, order, logs } = await pages(t, attributes, held);
    void page.goto(`${APP}/inside`, { waitUntil: 'commit' });
    await until(() => order.includes('/app.js') && (!early || order.includes('/oauth2.wasm')), 'what is asked for first');
    assert.equal(order.includes('/oauth2.wasm'), early);
    go();
    await until(() => logs.includes('status not_authenticated'), 'the application');
    assert.equal(order.filter((path) => path === '/oauth2.wasm').length, 1);
  }
});

test('P61 it touches no other URL: another path, no reply, a reply to somebody else, none registered', async (t) => {
  for (const [attributes, url, left] of [
    ['data-redirect-uri="/callback"', '/inside?code=1&state=2', '/inside?code=1&state=2'],
    ['data-redirect-uri="/callback"', '/callback?state=2#x', '/callback?state=2#x'],
    ['data-redirect-uri="/callback"', '/callback?code=1&state=2&tab=3#x', '/callback?tab=3#x'],
    ['data-redirect-uri="https://other.example/callback"', '/callback?code=1&state=2', '/callback?code=1&state=2'],
    ['', '/callback?code=1&state=2', '/callback?code=1&state=2'],
  ]) {
    const { page, logs } = await pages(t, attributes);
    await page.goto(APP + url);
    await until(() => logs.some((line) => line.startsWith('status')), 'the application');
    assert.equal(logs[0], `app at ${left}`);
  }
});
