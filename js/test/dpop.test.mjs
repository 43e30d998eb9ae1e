// Tokens that are bound to a key, in pages of Chromium, against npm oidc-provider with FAPI 2.0 and
// a resource that checks every proof. The keys are in IndexedDB, where no script can read them.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, openPage, pages, strictPolicy } from './lib/browser.mjs';
import { checkPushed, claims, fapiProvider } from './lib/fapi.mjs';
import { decide } from './lib/oidc-pages.mjs';
import { chromiumArgs } from './lib/runtimes.mjs';
import { until } from './lib/provider.mjs';
import { serve } from './lib/serve.mjs';

const APP = '/pages/app.html';
/** For what the page's own module lacks: client keys, signed requests and replies. */
const FULL = '/pages/full.html';
const USER = '248289761001';

let browser, site, server, issuer, resource;
before(async () => {
  site = await serve(pages(), { headers: strictPolicy() });
  server = await fapiProvider(site.url + APP);
  ({ issuer, resource } = server);
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.stop();
  site?.stop();
});

/**
 * In a page: the key pairs that the origin stores, and the result of an attempt to read a private
 * key.
 */
const keptKeys = () =>
  new Promise((resolve, reject) => {
    const opening = indexedDB.open('oauth2-wasm.keys');
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const db = opening.result;
      if (!db.objectStoreNames.contains('keys')) return resolve((db.close(), []));
      const all = db.transaction('keys').objectStore('keys').getAll();
      all.onsuccess = async () => {
        db.close();
        const formats = ['jwk', 'pkcs8', 'raw'];
        const read = (key) =>
          Promise.all(
            formats.map((format) =>
              crypto.subtle.exportKey(format, key).then(
                () => 'read',
                ({ name }) => name,
              ),
            ),
          );
        const look = async ({ privateKey: key }) => ({ extractable: key.extractable, usages: key.usages, read: await read(key) });
        resolve(await Promise.all(all.result.map(look)));
      };
    };
  });

/** A tab with a client. */
const openTab = async (context, { config, store = 'insecureSessionStore', url = site.url, app = APP } = {}) => {
  const page = await openPage(context, url + app);
  const given = { ...server.config, client_id: 'public', ...config };
  const open = () => page.evaluate(async ([config, store]) => void (window.client = await oauth.openClient(config, { store: oauth[store]() })), [given, store]);
  await open();
  /** Calls a method of the client; an error is returned as its members. */
  const call = (method, ...args) =>
    page.evaluate(
      ([method, args]) =>
        client[method](...args).then(
          (value) => value,
          ({ kind, code, retryable }) => ({ kind, code, retryable }),
        ),
      [method, args],
    );
  return {
    page,
    call,
    open,
    keys: () => page.evaluate(keptKeys),
    reload: async () => {
      await page.reload();
      await page.waitForFunction(() => window.oauth);
      await open();
    },
    /** Calls the resource, and returns what it says about the token. */
    ask: (path = '/') =>
      page.evaluate(async (url) => {
        const response = await client.fetch(url);
        return { status: response.status, ...(await response.json()), challenge: oauth.challengeOf(response) };
      }, resource + path),
  };
};

const newContext = async (t, from = browser) => {
  const context = await from.newContext();
  t.after(() => context.close());
  return context;
};

/** Signs in by redirect, on the server's own pages. */
const signIn = async (tab) => {
  const { page } = tab;
  await page.evaluate(() => void client.signIn());
  await page.waitForURL(/interaction/);
  await page.fill('input[name=login]', USER);
  await page.fill('input[name=password]', 'any');
  await page.click('button[type=submit]');
  await page.click('button[type=submit]');
  await page.waitForURL(/code=/);
  await page.waitForFunction(() => window.oauth);
  await tab.open();
  const status = await tab.call('handleRedirect');
  assert.deepEqual([status.token_type, status.claims?.sub], ['DPoP', USER], JSON.stringify(status));
  return status;
};

const unreadable = { extractable: false, usages: ['sign'], read: ['InvalidAccessError', 'InvalidAccessError', 'InvalidAccessError'] };

test('Q13 Q23 X10 a page: the key survives the redirect and reloads, no script can read it, both servers’ nonces, and signing out deletes it', async (t) => {
  const context = await newContext(t);
  const proofs = [];
  context.on('request', (request) => {
    if (request.method() !== 'OPTIONS' && request.headers().dpop) proofs.push({ at: new URL(request.url()).origin, ...claims(request.headers().dpop) });
  });
  const tab = await openTab(context);
  checkPushed((await tab.call('authorize')).url, 'public');
  await signIn(tab);
  const { jkt, sub, scheme, status } = await tab.ask();
  assert.deepEqual([status, sub, scheme], [200, USER, 'DPoP']);
  await tab.reload();
  assert.equal((await tab.call('status')).status, 'granted');
  assert.equal((await tab.call('userinfo')).sub, USER);
  assert.equal((await tab.call('refresh')).status, 'granted');
  for (let i = 0; i < 6; i++) assert.deepEqual(await tab.ask(`/accounts?page=${i}`).then(({ status, jkt }) => [status, jkt]), [200, jkt]);

  assert.equal(new Set(proofs.map(({ jti }) => jti)).size, proofs.length);
  const nonces = (origin) => new Set(proofs.filter(({ at, nonce }) => at === origin && nonce).map(({ nonce }) => nonce));
  assert.ok(nonces(issuer).size > 0);
  assert.ok(nonces(resource).size >= 3, 'the resource gives another nonce every three requests');

  const kept = await tab.keys();
  assert.ok(kept.length > 0);
  for (const key of kept) assert.deepEqual(key, unreadable);
  const before = kept.length;
  assert.equal((await tab.call('logOut')).revoked, true);
  await until(async () => (await tab.keys()).length === before - 1, 'the key is gone');
});

test('Q22 X10 a page: tokens in memory, the key alone survives the redirect; the tokens of a sign-in are worth nothing without it', async (t) => {
  const tab = await openTab(await newContext(t), { store: 'memoryStore' });
  await signIn(tab);
  assert.equal((await tab.ask()).status, 200);
  assert.deepEqual(await tab.keys(), [unreadable]);
  const { access_token } = await tab.call('token');
  for (const scheme of ['Bearer', 'DPoP']) assert.equal((await fetch(resource, { headers: { authorization: `${scheme} ${access_token}` } })).status, 401);
  await tab.call('logOut');
  await until(async () => (await tab.keys()).length === 0, 'the key is gone');
});

test('H1 a page whose client key nobody can read: known to the server by it, over the redirect', async (t) => {
  const context = await newContext(t);
  const config = { token_endpoint_auth_method: 'private_key_jwt', request_object_signing_alg: 'ES256' };
  const page = await openPage(context, site.url + FULL);
  /** The page stores its own key in a separate database. */
  const make = () =>
    new Promise((resolve, reject) => {
      const opening = indexedDB.open('own', 1);
      opening.onupgradeneeded = () => opening.result.createObjectStore('keys');
      opening.onerror = () => reject(opening.error);
      opening.onsuccess = async () => {
        const { privateKey, publicKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify']);
        const writing = opening.result.transaction('keys', 'readwrite');
        writing.objectStore('keys').put(privateKey, 'client');
        writing.oncomplete = async () => resolve((opening.result.close(), await crypto.subtle.exportKey('jwk', publicKey)));
      };
    });
  const known = await server.register(await page.evaluate(make), {
    request_object_signing_alg: 'ES256',
    require_signed_request_object: true,
    redirect_uris: [site.url + FULL],
  });
  const open = (config) =>
    new Promise((resolve, reject) => {
      const opening = indexedDB.open('own', 1);
      opening.onerror = () => reject(opening.error);
      opening.onsuccess = () => {
        const reading = opening.result.transaction('keys').objectStore('keys').get('client');
        reading.onsuccess = () => {
          opening.result.close();
          const options = { store: oauth.insecureSessionStore() };
          oauth.openClient({ ...config, client_key: reading.result }, options).then((client) => resolve(void (window.client = client)), reject);
        };
      };
    });
  const given = { ...server.config, ...config, ...known, redirect_uri: site.url + FULL };
  const call = (method, ...args) => page.evaluate(([method, args]) => client[method](...args), [method, args]);
  await page.evaluate(open, given);
  const tab = { page, call, open: () => page.evaluate(open, given) };
  checkPushed((await call('authorize')).url, known.client_id);
  await signIn(tab);
  assert.equal((await call('refresh')).status, 'granted');
  assert.equal((await call('userinfo')).sub, USER);
});

for (const way of ['redirect', 'popup']) {
  test(`Q22 Q41 a page gets a signed reply (JARM), by ${way}`, async (t) => {
    const redirect_uri = site.url + (way === 'popup' ? '/pages/finish.html' : FULL);
    const metadata = { redirect_uris: [redirect_uri], token_endpoint_auth_method: 'none', jwks: undefined, authorization_signed_response_alg: 'ES256' };
    const { client_id } = await server.register({}, metadata);
    const context = await newContext(t);
    const tab = await openTab(context, { config: { client_id, redirect_uri }, app: FULL });
    const asked = { response_mode: 'query.jwt', app_state: 'page 7' };
    if (way === 'popup') {
      await tab.page.evaluate((asked) => {
        const button = document.body.appendChild(document.createElement('button'));
        button.onclick = () =>
          (window.outcome = oauth.signInPopup(client, asked).then(
            ({ app_state, token_type }) => [app_state, token_type],
            ({ code }) => code,
          ));
      }, asked);
      const [popup] = await Promise.all([context.waitForEvent('page'), tab.page.click('button')]);
      await popup.waitForURL(/interaction/);
      await popup.fill('input[name=login]', USER);
      await popup.fill('input[name=password]', 'any');
      await popup.click('button[type=submit]');
      await popup.click('button[type=submit]');
      assert.deepEqual(await tab.page.evaluate(() => outcome), ['page 7', 'DPoP']);
    } else {
      const { url } = await tab.call('authorize', asked);
      const back = (await decide(url, 'approve')).url;
      assert.deepEqual([...new URL(back).searchParams.keys()], ['response']);
      await tab.page.goto(back);
      await tab.page.waitForFunction(() => window.oauth);
      await tab.open();
      const { app_state, token_type } = await tab.call('handleRedirect');
      assert.deepEqual([app_state, token_type], ['page 7', 'DPoP']);
      assert.equal(tab.page.url(), redirect_uri, 'the reply leaves the URL');
    }
  });
}

/** Two tabs of one session, which is in IndexedDB. */
const twoTabs = async (t) => {
  const context = await newContext(t);
  const first = await openTab(context, { store: 'insecureIndexedDBStore' });
  await signIn(first);
  const second = await openTab(context, { store: 'insecureIndexedDBStore' });
  assert.equal((await second.call('status')).status, 'granted');
  return { context, first, second };
};

test('X9 two tabs of one session prove with one key: refresh at once, ask in turn, and sign out together', async (t) => {
  const { context, first, second } = await twoTabs(t);
  let refreshes = 0;
  context.on('response', (response) => {
    if (response.url() === `${issuer}/token` && response.request().method() === 'POST' && response.ok()) refreshes++;
  });
  const [one, two] = await Promise.all([first, second].map(({ call }) => call('token', { force: true })));
  assert.equal(one.access_token, two.access_token);
  assert.equal(refreshes, 1);
  const seen = new Set();
  for (const tab of [first, second, first, second]) {
    const { status, jkt } = await tab.ask();
    assert.equal(status, 200);
    seen.add(jkt);
  }
  assert.equal(seen.size, 1);
  assert.equal((await first.keys()).length, 1);
  await first.call('logOut');
  await until(async () => (await second.keys()).length === 0, 'the key is gone');
  const { kind } = await second.call('token', { force: true });
  assert.equal(kind, 'client');
});

test('X9 two tabs, each signed in by itself, have a key each: one signs out, the other goes on', async (t) => {
  const context = await newContext(t);
  const tabs = [await openTab(context, { store: 'memoryStore' }), await openTab(context, { store: 'memoryStore' })];
  const asked = [];
  for (const tab of tabs) {
    const { url } = await tab.call('authorize');
    await tab.call('handleRedirect', (await decide(url, 'approve')).url);
    asked.push(await tab.ask());
  }
  assert.deepEqual(
    asked.map(({ status }) => status),
    [200, 200],
  );
  assert.notEqual(asked[0].jkt, asked[1].jkt);
  await tabs[0].call('logOut');
  await until(async () => (await tabs[0].keys()).length === 1, 'one key is gone');
  assert.deepEqual([(await tabs[1].ask()).status, (await tabs[1].call('refresh')).status], [200, 'granted']);
});

test('X10 a resource wants a stronger sign-in: the page learns what, and asks for it', async (t) => {
  const tab = await openTab(await newContext(t));
  await signIn(tab);
  const { status, challenge } = await tab.ask('/strong');
  assert.equal(status, 401);
  assert.deepEqual(
    [challenge.scheme, challenge.error, challenge.acr_values, challenge.max_age],
    ['dpop', 'insufficient_user_authentication', 'urn:test:strong', 5],
  );
  const { resource: name, authorization_servers } = await tab.call('resourceMetadata', {
    url: `${resource}/strong`,
    resource_metadata: challenge.resource_metadata,
  });
  assert.deepEqual([name, authorization_servers], [resource, [issuer]]);
  const pushed = tab.page.waitForRequest((request) => request.method() === 'POST');
  await tab.call('authorize', { acr_values: challenge.acr_values, max_age: challenge.max_age, prompt: 'login', login_hint: USER });
  const sent = new URLSearchParams((await pushed).postData());
  assert.deepEqual([sent.get('acr_values'), sent.get('max_age'), sent.get('prompt'), sent.get('login_hint')], ['urn:test:strong', '5', 'login', USER]);
});

test('a server that answers with a token bound to nothing is not believed', async (t) => {
  const tab = await openTab(await newContext(t));
  const { url } = await tab.call('authorize');
  const back = (await decide(url, 'approve')).url;
  await tab.page.route(`${issuer}/token`, async (route) => {
    const response = await route.fetch();
    const body = await response.json();
    await route.fulfill({ response, json: { ...body, ...(body.token_type && { token_type: 'Bearer' }) } });
  });
  const { kind, code } = await tab.call('handleRedirect', back);
  assert.deepEqual([kind, code], ['server', 'dpop_downgrade']);
  assert.equal((await tab.call('status')).status, 'not_authenticated');
});

test('a key that the browser lost: an error that says so', async (t) => {
  const tab = await openTab(await newContext(t));
  await signIn(tab);
  await tab.page.evaluate(
    () =>
      new Promise((resolve, reject) => {
        const request = indexedDB.deleteDatabase('oauth2-wasm.keys');
        request.onsuccess = resolve;
        request.onerror = request.onblocked = reject;
      }),
  );
  await tab.reload();
  const outcome = await tab.page.evaluate(
    (url) =>
      client.fetch(url).then(
        ({ status }) => status,
        ({ kind, code }) => [kind, code],
      ),
    resource,
  );
  assert.deepEqual(outcome, ['client', 'no_key']);
});

test('where the browser refuses storage, the key is in memory', async (t) => {
  const context = await newContext(t);
  await context.addInitScript(
    () =>
      (IDBFactory.prototype.open = () => {
        throw new DOMException('no', 'SecurityError');
      }),
  );
  const tab = await openTab(context, { store: 'memoryStore' });
  const { url } = await tab.call('authorize');
  assert.equal((await tab.call('handleRedirect', (await decide(url, 'approve')).url)).token_type, 'DPoP');
  assert.equal((await tab.ask()).status, 200);
});

test('a page that came over http has no WebCrypto: no key, and no token without', async (t) => {
  const other = await launch({ args: [...chromiumArgs, '--host-resolver-rules=MAP app.test 127.0.0.1'] });
  t.after(() => other.close());
  const tab = await openTab(await newContext(t, other), { url: site.url.replace('127.0.0.1', 'app.test') });
  assert.equal(await tab.page.evaluate(() => isSecureContext), false);
  const { kind, code } = await tab.call('authorize');
  assert.deepEqual([kind, code], ['client', 'unsupported']);
});
