// The package in a page without any build step, in Chromium.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { launch, openPage, pages, strictPolicy } from './lib/browser.mjs';
import { provider, until } from './lib/provider.mjs';
import { serve } from './lib/serve.mjs';
import { storeKey } from './lib/store.mjs';

const APP = '/pages/app.html';

let browser, site, server, config;
before(async () => {
  // An opaque origin, such as that of a sandboxed frame, loads modules across origins.
  site = await serve(pages(), { headers: { ...strictPolicy(), 'access-control-allow-origin': '*' } });
  server = await provider();
  config = { ...server.config, redirect_uri: site.url + APP + '?app=1' };
  browser = await launch();
});
after(async () => {
  await browser.close();
  site.stop();
  server.stop();
});
beforeEach(() => {
  server.requests.length = 0;
  for (const path in server.answers) delete server.answers[path];
  // The user agrees at once.
  server.answers['/authorize'] = ({ path }) => {
    const asked = new URL(path, server.url).searchParams;
    const back = new URL(asked.get('redirect_uri'));
    back.searchParams.set('code', 'THE-CODE');
    back.searchParams.set('state', asked.get('state'));
    back.hash = 'section';
    return { status: 302, headers: { location: back.href } };
  };
});

const open = (context, path = APP, url = site.url) => openPage(context, url + path);

/** Signs in by redirect, and returns the result of handleRedirect. */
const signIn = async (page, given) => {
  await page.evaluate((config) => void oauth.openClient(config).then((client) => client.signIn({ app_state: 'page 7' })), given);
  await page.waitForURL(/code=/);
  await page.waitForFunction(() => window.oauth);
  return page.evaluate(async (config) => {
    window.client = await oauth.openClient(config);
    return client.handleRedirect();
  }, given);
};

test('Q41 H9 sign-in by redirect: the attempt survives it, the reply leaves the URL', async () => {
  const context = await browser.newContext();
  const page = await open(context);
  const status = await signIn(page, config);
  assert.deepEqual([status.status, status.app_state], ['granted', 'page 7']);
  assert.equal(page.url(), `${site.url + APP}?app=1#section`);
  assert.equal(await page.evaluate(() => (history.pushState(null, '', '?app=1&page=2'), client.handleRedirect())), null);
  assert.equal(server.count('/token'), 1);
  const items = await page.evaluate(() => JSON.stringify([sessionStorage, localStorage]));
  assert.ok(!items.includes('ACCESS-') && !items.includes('REFRESH-'), 'tokens stay in memory');
  await context.close();
});

test('Q22 E39 a page that mounts twice sends one token request, and both get what came of it', async () => {
  const context = await browser.newContext();
  const page = await open(context);
  await page.evaluate((config) => void oauth.openClient(config).then((client) => client.signIn()), config);
  await page.waitForURL(/code=/);
  await page.waitForFunction(() => window.oauth);
  const outcomes = await page.evaluate(async (config) => {
    const client = await oauth.openClient(config);
    const settled = await Promise.allSettled([client.handleRedirect(), client.handleRedirect()]);
    return settled.map(({ value, reason }) => value?.status ?? reason.code);
  }, config);
  assert.deepEqual(outcomes, ['granted', 'granted']);
  assert.equal(server.count('/token'), 1);
  await context.close();
});

test('insecureSessionStore keeps a session over a reload', async () => {
  const context = await browser.newContext();
  const page = await open(context);
  await page.evaluate(async (config) => {
    const client = await oauth.openClient(config, { store: oauth.insecureSessionStore() });
    await client.setToken({ access_token: 'KEPT', token_type: 'Bearer' });
  }, config);
  await page.reload();
  await page.waitForFunction(() => window.oauth);
  const token = await page.evaluate(async (config) => (await oauth.openClient(config, { store: oauth.insecureSessionStore() })).token(), config);
  assert.equal(token.access_token, 'KEPT');
  await context.close();
});

test('X8 X9 tabs that share a store make one refresh', async () => {
  const context = await browser.newContext();
  const tabs = await Promise.all(Array.from({ length: 5 }, () => open(context)));
  const prepare = async (config) => {
    const store = oauth.insecureIndexedDBStore('shared');
    window.client = await oauth.openClient(config, { store });
    if ((await client.status()).status !== 'granted')
      await client.setToken({ access_token: 'OLD', token_type: 'Bearer', refresh_token: 'R', expires_in: 3600 });
    return (await client.token()).access_token;
  };
  for (const tab of tabs) assert.equal(await tab.evaluate(prepare, config), 'OLD');
  const usual = server.answers['/token'];
  server.answers['/token'] = () => ({ body: { access_token: 'NEW', token_type: 'Bearer', expires_in: 3600, refresh_token: 'R2' } });
  // All tabs ask before the first can refresh: until then another page holds the lock.
  const holder = await open(context);
  await holder.evaluate(
    (name) => new Promise((held) => void navigator.locks.request(name, () => (held(), new Promise((release) => (window.release = release))))),
    storeKey(config),
  );
  const asked = tabs.map((tab) => tab.evaluate(() => client.token({ force: true })));
  const waiting = () => holder.evaluate(async (name) => (await navigator.locks.query()).pending.filter((lock) => lock.name === name).length, storeKey(config));
  await until(async () => (await waiting()) === tabs.length, 'all tabs want a new token');
  await holder.evaluate(() => window.release());
  const tokens = await Promise.all(asked);
  server.answers['/token'] = usual;
  assert.deepEqual(new Set(tokens.map((token) => token.access_token)), new Set(['NEW']));
  assert.equal(server.count('/token'), 1);
  await context.close();
});

test('X8 a tab that is closed while it holds the lock does not stop the others', async () => {
  const context = await browser.newContext();
  const [first, second] = [await open(context), await open(context)];
  await first.evaluate((name) => void navigator.locks.request(name, () => ((window.held = true), new Promise(() => {}))), storeKey(config));
  await first.waitForFunction(() => window.held);
  const token = second.evaluate(async (config) => {
    const map = new Map();
    const store = {
      load: (key) => map.get(key) ?? { version: '' },
      store: (key, _, value) => (map.set(key, { value, version: String(map.size + 1) }), map.get(key).version),
    };
    const client = await oauth.openClient(config, { store });
    await client.setToken({ access_token: 'OLD', token_type: 'Bearer', refresh_token: 'R' });
    window.waiting = true;
    return client.token({ force: true });
  }, config);
  await second.waitForFunction(() => window.waiting);
  assert.equal(server.count('/token'), 0);
  await first.close();
  assert.match((await token).access_token, /^ACCESS-/);
  await context.close();
});

for (const status of [302, 307]) {
  test(`X6 X10 a browser hides the redirect, and the token follows none: ${status}`, async () => {
    const context = await browser.newContext();
    const page = await open(context);
    server.answers['/api'] = () => ({ status, headers: { location: `${server.url}/api/elsewhere` } });
    const outcome = await page.evaluate(async (config) => {
      const client = await oauth.openClient(config);
      await client.setToken({ access_token: 'T', token_type: 'Bearer' });
      return client.fetch(config.token_destinations[0]).catch(({ name, code }) => [name, code]);
    }, config);
    assert.deepEqual(outcome, ['OAuthError', 'redirect']);
    assert.equal(server.count('/api/elsewhere'), 0);
    await context.close();
  });
}

test('X10 a relative URL is that of the page, and gets no token unless it is configured', async () => {
  const context = await browser.newContext();
  const page = await open(context);
  const code = await page.evaluate(async (config) => {
    const client = await oauth.openClient(config);
    await client.setToken({ access_token: 'T', token_type: 'Bearer' });
    return client.fetch('/api').catch((error) => error.code);
  }, config);
  assert.equal(code, 'resource_not_allowed');
  await context.close();
});

test('Q13 the token is sent across origins', async () => {
  const context = await browser.newContext();
  const page = await open(context);
  server.answers['/api'] = ({ headers }) => ({ body: { authorization: headers.authorization } });
  const said = await page.evaluate(async (config) => {
    const client = await oauth.openClient(config);
    await client.setToken({ access_token: 'T', token_type: 'Bearer' });
    return (await client.fetch(config.token_destinations[0])).json();
  }, config);
  assert.deepEqual(said, { authorization: 'Bearer T' });
  await context.close();
});

test('a server that names another media type for the module does not matter', async () => {
  const other = await serve(pages(), { types: { '.wasm': 'text/plain' } });
  const context = await browser.newContext();
  const page = await open(context, APP, other.url);
  const { url } = await page.evaluate(async (config) => (await oauth.openClient(config)).authorize(), config);
  assert.ok(url.startsWith(config.authorization_endpoint));
  await context.close();
  other.stop();
});

test('a module that is not there is an error, and is looked for again', async () => {
  const context = await browser.newContext();
  const page = await open(context);
  await page.route('**/oauth2.wasm', (route) => route.fulfill({ status: 404 }), { times: 1 });
  const outcomes = await page.evaluate(async (config) => {
    const attempt = () =>
      oauth.openClient(config).then(
        () => 'open',
        (error) => error.message,
      );
    return [await attempt(), await attempt()];
  }, config);
  assert.deepEqual(outcomes, ['oauth2.wasm: HTTP status 404', 'open']);
  await context.close();
});

test('a web worker opens a client', async () => {
  const context = await browser.newContext();
  const page = await open(context);
  const url = await page.evaluate(
    (config) =>
      new Promise((resolve, reject) => {
        const worker = new Worker('/pages/worker.js', { type: 'module' });
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = reject;
        worker.postMessage(config);
      }),
    config,
  );
  assert.ok(url.startsWith(config.authorization_endpoint));
  await context.close();
});

test('a sandboxed frame, where storage and locks are refused, opens a client', async () => {
  const context = await browser.newContext();
  const framed = await serve(pages(), { headers: { 'access-control-allow-origin': '*', 'content-security-policy': 'sandbox allow-scripts' } });
  const page = await open(context, APP, framed.url);
  const said = await page.evaluate(async (config) => {
    const map = new Map();
    // A separate store, so that Web Locks are requested, and refused.
    const store = {
      load: (key) => map.get(key) ?? { version: '' },
      store: (key, _, value) => (map.set(key, { value, version: String(map.size + 1) }), map.get(key).version),
    };
    const client = await oauth.openClient(config, { store });
    await client.authorize();
    await client.setToken({ access_token: 'OLD', token_type: 'Bearer', refresh_token: 'R' });
    return (await client.refresh()).status;
  }, config);
  assert.equal(said, 'granted');
  await context.close();
  framed.stop();
});

test('a page that comes back by the Back button goes on with its client', async (t) => {
  const keeping = await launch({ ignoreDefaultArgs: ['--disable-back-forward-cache'] });
  t.after(() => keeping.close());
  const page = await open(await keeping.newContext());
  await page.evaluate(async (config) => {
    window.shown = [];
    addEventListener('pageshow', ({ persisted }) => shown.push(persisted));
    // With a database open and a timer running.
    window.client = await oauth.openClient({ ...config, auto_refresh: true }, { store: oauth.insecureIndexedDBStore() });
    await client.setToken({ access_token: 'OLD', token_type: 'Bearer', refresh_token: 'R', expires_in: 3600 });
  }, config);
  await page.goto(site.url + '/pages/finish.html');
  await page.evaluate(() => void history.back());
  await page.waitForFunction(() => window.shown?.length);
  assert.deepEqual(await page.evaluate(() => shown), [true]);
  assert.equal((await page.evaluate(() => client.token())).access_token, 'OLD');
  assert.match((await page.evaluate(() => client.token({ force: true }))).access_token, /^ACCESS-/);
});

test('E14 signIn and signOut stay open while the page goes, and say so where it stays', async (t) => {
  const keeping = await launch({ ignoreDefaultArgs: ['--disable-back-forward-cache'] });
  t.after(() => keeping.close());
  const page = await open(await keeping.newContext());
  const begin = (method) =>
    page.evaluate(
      async ([config, method]) => {
        window.ends = [];
        window.client = await oauth.openClient(config);
        void client[method]().then(
          () => ends.push('resolved'),
          ({ kind, code, op }) => ends.push([kind, code, op]),
        );
      },
      [{ ...config, end_session_endpoint: `${server.url}/end` }, method],
    );
  const ends = () => page.waitForFunction(() => window.ends?.length && window.ends).then((found) => found.jsonValue());
  // The server answers with a page, and the user comes back.
  for (const [method, op] of [
    ['signIn', 'sign_in'],
    ['signOut', 'sign_out'],
  ]) {
    server.answers['/authorize'] = server.answers['/end'] = () => ({ status: 200, headers: { 'content-type': 'text/html' }, body: '<title>there' });
    await begin(method);
    await page.waitForURL(/authorize|end/);
    await page.waitForFunction(() => document.title === 'there');
    await page.evaluate(() => void history.back());
    await page.waitForFunction(() => window.oauth);
    assert.deepEqual(await ends(), [['cancelled', 'page_restored', op]], method);
  }
  // The caller aborts, and the caller's own `navigate` is awaited.
  assert.equal(
    await page.evaluate(async () => {
      const controller = new AbortController();
      const left = client.signIn({ signal: controller.signal }).catch((reason) => reason);
      controller.abort('given up');
      return left;
    }),
    'given up',
  );
  assert.equal(await page.evaluate(async () => (await client.signIn({ navigate: () => Promise.resolve() })) ?? 'gone on'), 'gone on');
});
