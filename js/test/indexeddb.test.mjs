// The store in IndexedDB: by itself, and shared by several tabs, which sign in at the project's
// authorization server.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { decide, launch, openPage, pages, strictPolicy } from './lib/browser.mjs';
import { installed } from './lib/installed.mjs';
import { authserver } from './lib/process.mjs';
import { until } from './lib/provider.mjs';
import { serve } from './lib/serve.mjs';

const APP = '/pages/app.html';

let browser, site, server;
before(async () => {
  site = await serve(pages(), { headers: strictPolicy() });
  server = await authserver(site.url + APP);
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.stop();
  site?.stop();
});

/** A new context for a test, with empty databases. */
const fresh = async (t, script) => {
  const context = await browser.newContext();
  t.after(() => context.close());
  if (script) await context.addInitScript(script);
  return context;
};
const open = (context) => openPage(context, site.url + APP);

test('X9 insecureIndexedDBStore compares and sets, and keeps an empty text', async (t) => {
  const page = await open(await fresh(t));
  const said = await page.evaluate(async () => {
    const store = oauth.insecureIndexedDBStore('test');
    const attempt = (...args) => store.store(...args).catch(({ name }) => name);
    const [empty, one] = [await store.load('k'), await attempt('k', '', 'a text with spaces')];
    const kept = await store.load('k');
    const refused = [await attempt('k', '', 'x'), await attempt('k', 'other', null), await attempt('new', one, 'x')];
    const two = await attempt('k', one, '');
    return {
      empty,
      same: kept.version === one,
      value: kept.value,
      refused,
      changed: two !== one,
      second: (await store.load('k')).value,
      other: await store.load('other'),
    };
  });
  assert.deepEqual(said, {
    empty: { version: '' },
    same: true,
    value: 'a text with spaces',
    refused: ['ConflictError', 'ConflictError', 'ConflictError'],
    changed: true,
    second: '',
    other: { version: '' },
  });
});

test('X9 insecureIndexedDBStore gives no version twice, not after a deletion either', async (t) => {
  const page = await open(await fresh(t));
  const versions = await page.evaluate(async () => {
    const store = oauth.insecureIndexedDBStore('test');
    const seen = [];
    for (let i = 0; i < 30; i++) {
      seen.push(await store.store('k', '', 'same'));
      if ((await store.store('k', seen.at(-1), null)) !== '' || (await store.load('k')).version !== '') throw new Error('not deleted');
    }
    return seen;
  });
  assert.equal(new Set(versions).size, 30);
});

test('X9 what tabs write at the same time does not get lost', async (t) => {
  const context = await fresh(t);
  const tabs = await Promise.all(Array.from({ length: 4 }, () => open(context)));
  const count = async () => {
    const store = oauth.insecureIndexedDBStore('test');
    let conflicts = 0;
    for (let done = 0; done < 25; ) {
      const { version, value = '0' } = await store.load('n');
      try {
        await store.store('n', version, String(Number(value) + 1));
        done++;
      } catch (error) {
        if (!(error instanceof oauth.ConflictError)) throw error;
        conflicts++;
      }
    }
    return conflicts;
  };
  const conflicts = await Promise.all(tabs.map((tab) => tab.evaluate(count)));
  assert.equal(await tabs[0].evaluate(async () => (await oauth.insecureIndexedDBStore('test').load('n')).value), '100');
  assert.ok(
    conflicts.some((n) => n > 0),
    'they met',
  );
});

test('a database that somebody deletes is made anew; clients of other names see nothing of it', async (t) => {
  const context = await fresh(t);
  const [first, second] = [await open(context), await open(context)];
  await first.evaluate(async () => {
    window.store = oauth.insecureIndexedDBStore('mine');
    window.version = await store.store('k', '', 'kept');
  });
  assert.deepEqual(await second.evaluate(() => oauth.insecureIndexedDBStore('other').load('k')), { version: '' });
  await second.evaluate(
    () =>
      new Promise((resolve, reject) => {
        const request = indexedDB.deleteDatabase('mine');
        request.onsuccess = resolve;
        request.onerror = request.onblocked = () => reject(new Error('not deleted'));
      }),
  );
  assert.equal(await first.evaluate(() => store.store('k', version, 'x').catch(({ name }) => name)), 'ConflictError');
  assert.ok(await first.evaluate(() => store.store('k', '', 'again')));
});

/**
 * Signs in by redirect in one tab, and returns it with another tab that found the session in the
 * store.
 */
const signedIn = async (context) => {
  const refreshes = [];
  context.on('request', (request) => {
    if (request.url() === server.config.token_endpoint && /grant_type=refresh_token/.test(request.postData() ?? '')) refreshes.push(request);
  });
  const first = await open(context);
  const begin = async (config) => {
    window.client = await oauth.openClient(config, { store: oauth.insecureIndexedDBStore() });
    return client.status();
  };
  assert.equal((await first.evaluate(begin, server.config)).status, 'not_authenticated');
  await first.evaluate(() => void client.signIn());
  await first.waitForURL(/authorize/);
  await decide(first, 'approve');
  await first.waitForURL(/code=/);
  await first.waitForFunction(() => window.oauth);
  await first.evaluate(begin, server.config);
  assert.equal((await first.evaluate(() => client.handleRedirect())).status, 'granted');
  const second = await open(context);
  const { status } = await second.evaluate(begin, server.config);
  assert.equal(status, 'granted');
  return { first, second, refreshes, begin };
};

const attempt = () =>
  client.token({ force: true }).then(
    ({ access_token }) => access_token,
    ({ kind, code, retryable }) => ({ kind, code, retryable }),
  );

/**
 * Lets both tabs refresh, and delays the first request until the other tab cannot get any further.
 */
const refreshAtOnce = async (context, { first, second }, settled) => {
  let go;
  const gate = new Promise((resolve) => (go = resolve));
  await context.route(server.config.token_endpoint, async (route) => {
    if (route.request().method() === 'POST') await gate;
    await route.continue();
  });
  const arrived = context.waitForEvent('request', (request) => request.url() === server.config.token_endpoint);
  const one = first.evaluate(attempt);
  await arrived;
  const two = second.evaluate(attempt);
  await settled(second, two);
  go();
  return Promise.all([one, two]);
};

/**
 * Checks that the session works: both tabs refresh in turn, at a server that ends a session if a
 * refresh token is used twice.
 */
const bothGoOn = async ({ first, second }) => {
  for (const tab of [second, first, second]) assert.equal(typeof (await tab.evaluate(attempt)), 'string');
  assert.ok((await second.evaluate(() => client.userinfo())).sub);
};

for (const [what, script] of [
  ['', ''],
  [', without BroadcastChannel', 'delete globalThis.BroadcastChannel'],
]) {
  test(`X8 X9 two tabs refresh at once: one asks the server, the other adopts what it got${what}`, async (t) => {
    const context = await fresh(t, script);
    const tabs = await signedIn(context);
    // `waitForFunction` would treat a promise as true.
    const waits = (tab) =>
      until(
        () => tab.evaluate(async () => (await navigator.locks.query()).pending.some(({ name }) => name.endsWith('.session'))),
        'a tab that waits for the lock',
      );
    const [one, two] = await refreshAtOnce(context, tabs, waits);
    assert.equal(typeof one, 'string');
    assert.equal(two, one);
    assert.equal(tabs.refreshes.length, 1);
    await bothGoOn(tabs);
  });
}

test('X9 without Web Locks the compare-and-set keeps a second tab from sending; it says so, and may try again', async (t) => {
  const context = await fresh(t, () => Object.defineProperty(Navigator.prototype, 'locks', { value: undefined }));
  const tabs = await signedIn(context);
  const [one, two] = await refreshAtOnce(context, tabs, (_tab, outcome) => outcome);
  assert.equal(typeof one, 'string');
  assert.deepEqual(two, { kind: 'client', code: 'refresh_in_progress', retryable: true });
  assert.equal(tabs.refreshes.length, 1);
  await bothGoOn(tabs);
});

test('the session outlives the pages, and signing out in one tab ends it for all', async (t) => {
  const context = await fresh(t);
  const { first, second, begin } = await signedIn(context);
  await first.close();
  await second.close();
  const [third, fourth] = [await open(context), await open(context)];
  for (const tab of [third, fourth]) assert.equal((await tab.evaluate(begin, server.config)).status, 'granted');
  await third.evaluate(() => client.signOut());
  assert.match((await fourth.evaluate(attempt)).code, /^(signed_out|no_refresh_token)$/); // it may have been notified by now
  const fifth = await open(context);
  assert.equal((await fifth.evaluate(begin, server.config)).status, 'not_authenticated');
});

test('where the browser refuses storage, the tokens are in memory, and the client says so', async (t) => {
  const page = await open(
    await fresh(
      t,
      () =>
        (IDBFactory.prototype.open = () => {
          throw new DOMException('no', 'SecurityError');
        }),
    ),
  );
  const said = await page.evaluate(async (config) => {
    const client = await oauth.openClient(config, { store: oauth.insecureIndexedDBStore() });
    await client.setToken({ access_token: 'T', token_type: 'Bearer' });
    return client.status();
  }, server.config);
  assert.deepEqual([said.status, said.not_persisted], ['granted', true]);
});

test('a runtime without IndexedDB is told', async () => {
  const { insecureIndexedDBStore } = await import(pathToFileURL(join(installed(), 'node_modules/oauth2-wasm/dist/indexeddb.js')).href);
  assert.throws(() => insecureIndexedDBStore(), { message: 'oauth2-wasm: insecureIndexedDBStore: there is no IndexedDB here' });
});
