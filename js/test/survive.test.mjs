// What a session has to survive in Chromium: blocked third-party cookies, a lost keeper, ten tabs
// while tokens live two seconds.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import { decide, pages } from './lib/browser.mjs';
import { drivers } from './lib/drivers.mjs';
import { authserver } from './lib/process.mjs';
import { until } from './lib/provider.mjs';
import { chromiumArgs, runtimes } from './lib/runtimes.mjs';
import { serve } from './lib/serve.mjs';
import { certificate, named, secure } from './lib/tls.mjs';
import { decide as decideIn, enter, FINISH, openClient, PAGE, small, world } from './lib/vault.mjs';
import { PATIENCE } from './suite/patience.js';
import { tokenProxy } from './soak/proxy.mjs';

const [APP, AS] = ['https://app.example', 'https://as.example'];

/**
 * The application: it restores silently, finishes with `handleRedirect`, and records what it shows.
 */
const application = async ([config, vault]) => {
  if (vault) delete window.SharedWorker;
  const client = (window.client = vault ? await window.openVault({ worker: '/auth-worker.js', restore: 'silent' }) : await window.oauth.openClient(config));
  const shows = () => console.log('shows ' + client.current.status);
  client.addEventListener('change', shows);
  shows();
  await (vault ? client.ready : window.oauth.restoreSilently(client));
  const failed = await client.handleRedirect().then(
    () => '',
    (error) => ` ${error.error ?? error.code}`,
  );
  console.log(`end ${(await client.status()).status}${failed}`);
};

/**
 * An application and its server, each on its own site, over https. `load` loads it and returns the
 * result, which may be at a later page; `asked` has the server's silent requests, by their origin
 * (frame or page).
 */
const twoSites = async (t, { blocked, vault }) => {
  const redirect = `${APP}/app.html`;
  const server = await authserver('-issuer', AS, redirect);
  const config = {
    client_id: 'app',
    issuer: AS,
    authorization_endpoint: `${AS}/authorize`,
    token_endpoint: `${AS}/token`,
    jwks_uri: `${AS}/jwks`,
    redirect_uri: redirect,
    scope: 'openid profile',
    token_destinations: [`${AS}/userinfo`],
  };
  const extra = {
    '/app.html': '<!doctype html><link rel="icon" href="data:,"><title>app</title><script type="module" src="/app.js"></script>',
    '/app.js': `import '/pages/vault.js'; (${application})(${JSON.stringify([config, vault])});`,
    '/auth-worker.js': `import { serveVault } from '/node_modules/oauth2-wasm/dist/vault-worker.js'; serveVault(${JSON.stringify(config)});`,
  };
  const site = await serve(pages(), { extra });
  const pair = certificate('app.example', 'as.example');
  const asked = [];
  const as = await secure(pair, server.issuer, (request, headers) => {
    const { pathname, searchParams } = new URL(request.url, AS);
    if (pathname === '/authorize' && searchParams.get('prompt') === 'none') asked.push(request.headers['sec-fetch-dest']);
    // A cookie that may be sent everywhere, so that only the browser decides.
    if (headers['set-cookie']) headers['set-cookie'] = headers['set-cookie'].map((line) => line.replace('SameSite=Lax', 'SameSite=None'));
  });
  const app = await secure(pair, site.url);
  // With a profile on the disk: without one, Chromium blocks these cookies in any case.
  const profile = mkdtempSync(join(tmpdir(), 'profile-'));
  mkdirSync(join(profile, 'Default'));
  writeFileSync(
    join(profile, 'Default/Preferences'),
    JSON.stringify({ profile: { cookie_controls_mode: blocked ? 1 : 0, block_third_party_cookies: blocked } }),
  );
  const args = [...chromiumArgs, ...named({ 'app.example': app.port, 'as.example': as.port })];
  const context = await chromium.launchPersistentContext(profile, { executablePath: runtimes.chromium, args, timeout: PATIENCE });
  context.setDefaultTimeout(PATIENCE);
  t.after(async () => {
    await context.close();
    rmSync(profile, { recursive: true, force: true });
    await server.stop();
    for (const { stop } of [as, app, site]) stop();
  });
  const page = await context.newPage();
  const said = [];
  page.on('console', (message) => said.push(message.text()));
  const line = (begin) => said.filter((text) => text.startsWith(begin)).map((text) => text.slice(begin.length));
  const load = async () => {
    said.length = asked.length = 0;
    await page.goto(redirect);
    await until(() => line('end ').length, 'the end of the restoring');
    return { end: line('end ')[0], shown: line('shows '), asked: [...asked] };
  };
  return { context, page, load };
};

for (const blocked of [false, true]) {
  for (const vault of [false, true]) {
    const what = blocked
      ? 'where cookies are kept from the frame the page goes to the server, once, and then nobody is signed in'
      : 'where they are not, the frame does';
    test(`P66 two sites over https, ${vault ? 'in a vault' : 'in the page'}: ${what}`, async (t) => {
      const { context, page, load } = await twoSites(t, { blocked, vault });
      /** Loses the session: in a page with the page, in a vault with the worker and its keeper. */
      const lose = async () => {
        if (!vault) return;
        const devtools = await context.newCDPSession(page);
        await devtools.send('ServiceWorker.enable');
        await devtools.send('ServiceWorker.stopAllWorkers');
        await page.goto('about:blank');
      };
      /** A vault that is ending may wake its keeper once more, which then has the session. */
      const afterLoss = async () => {
        for (let tries = 1; ; tries++) {
          await lose();
          const found = await load();
          if (found.asked.length || tries === 10) return found;
        }
      };
      const first = await load();
      assert.deepEqual([first.end, first.asked], ['not_authenticated', []]);
      await page.evaluate(() => void window.client.signIn());
      await page.waitForURL(/authorize/);
      await decide(page, 'approve');
      await until(() => page.url().startsWith(APP), 'back');
      await page.waitForFunction(() => window.client?.current.status === 'granted');
      const restored = await afterLoss();
      assert.deepEqual([restored.end, restored.asked], ['granted', blocked ? ['iframe', 'document'] : ['iframe']]);
      if (vault) assert.deepEqual([...new Set(restored.shown)], ['restoring', 'granted']);
      // The session at the server has ended.
      await context.clearCookies();
      const ended = await afterLoss();
      assert.deepEqual([ended.end, ended.asked], ['not_authenticated login_required', ['iframe', 'document']]);
      const again = await load();
      assert.deepEqual([again.end, again.asked], ['not_authenticated', ['iframe']]);
    });
  }
}

/** A page whose vault is a dedicated worker: only the keeper survives the page. */
const keptPage = async (t, api, shared) => {
  const browser = await drivers.chromium();
  t.after(() => browser.stop());
  const tab = await browser.open(Symbol('visitor'));
  const load = async () => {
    await tab.goto(api.site.url + PAGE);
    await tab.until(() => !!window.openVault);
    if (!shared) await tab.evaluate(() => delete window.SharedWorker);
    return openClient(tab);
  };
  assert.equal(await load(), 'not_authenticated');
  assert.equal(await enter(tab), 'granted');
  const use = () =>
    tab.evaluate(
      async (url) => [
        (await window.client.refresh()).status,
        (await window.client.fetch(url)).status,
        window.told.filter(([, what]) => what === 'not_authenticated').length,
      ],
      `${api.server.url}/api`,
    );
  return { tab, load, use };
};

test('P67 a keeper that the browser ends is told again what the vault knows: no page is signed out, also not after a reload', async (t) => {
  const api = await small();
  t.after(() => api.stop());
  const { tab, load, use } = await keptPage(t, api);
  for (let i = 0; i < 2; i++) {
    await tab.endServiceWorkers();
    assert.deepEqual(await use(), ['granted', 200, 0]);
    assert.equal(await load(), 'granted');
  }
  assert.deepEqual(await use(), ['granted', 200, 0]);
});

test('P67 a keeper that is taken away in the midst of a session: the vault goes on by itself; without it a new page finds nobody, and a sign-in is kept again', async (t) => {
  const api = await small();
  t.after(() => api.stop());
  for (const shared of [false, true]) {
    const { tab, load, use } = await keptPage(t, api, shared);
    const away = () =>
      tab.evaluate(async () => {
        for (const registration of await navigator.serviceWorker.getRegistrations()) await registration.unregister();
      });
    await away();
    await tab.endServiceWorkers();
    assert.deepEqual(await use(), ['granted', 200, 0]);
    // A shared worker survives the page; a dedicated worker does not.
    assert.equal(await load(), shared ? 'granted' : 'not_authenticated');
    if (shared) continue;
    assert.equal(await enter(tab), 'granted');
    assert.deepEqual(await use(), ['granted', 200, 0]);
    assert.equal(await load(), 'granted');
  }
});

for (const shared of [true, false]) {
  const what = shared ? 'a shared' : 'a dedicated';
  test(`P74 a page goes into the back/forward cache while a POST and a GET are under way through ${what} worker: the POST rejects with vault_lost and is sent once, the GET is sent again`, async (t) => {
    const api = await small();
    t.after(() => api.stop());
    const { server } = api;
    const underWay = ['post', 'get'].map((name) => {
      const path = `/api/${name}`;
      return new Promise((resolve) => {
        server.answers[path] = () => (server.count(path) > 1 ? { body: { again: true } } : (resolve(), new Promise(() => {})));
      });
    });
    const { tab, use } = await keptPage(t, api, shared);
    await tab.evaluate((url) => {
      window.shows = [];
      addEventListener('pageshow', ({ persisted }) => window.shows.push(persisted));
      const failed = ({ name, kind, code, op, retryable }) => ({ name, kind, code, op, retryable });
      window.post = window.client.fetch(`${url}/post`, { method: 'POST', body: 'an order' }).then(({ status }) => status, failed);
      window.get = window.client.fetch(`${url}/get`).then((response) => response.json(), failed);
    }, `${server.url}/api`);
    await Promise.all(underWay);
    const { closed } = server.requests.find(({ path }) => path === '/api/post');
    await tab.goto(api.site.url + FINISH);
    await closed; // the vault has ended it
    await tab.back();
    await tab.until(() => !!window.openVault);
    assert.deepEqual(await tab.evaluate(() => window.shows), [true], 'from the back/forward cache');
    assert.deepEqual(await tab.evaluate(() => window.post), { name: 'OAuthError', kind: 'internal', code: 'vault_lost', op: 'fetch', retryable: true });
    assert.deepEqual(await tab.evaluate(() => window.get), { again: true });
    assert.deepEqual(await use(), ['granted', 200, 0]);
    assert.deepEqual([server.count('/api/post'), server.count('/api/get')], [1, 2]);
  });
}

/** How long ten tabs are watched: a minute in `make soak`. */
const SECONDS = Number(process.env.SOAK_SECONDS || 8);
const [TABS, LIFETIME] = [10, 2];

/** The work of a tab in the page: it calls the API at random times, and records what it shows. */
const work = async ([api, dedicated]) => {
  if (dedicated) delete window.SharedWorker;
  const client = (window.client = await window.openVault({ worker: '/auth-worker.js' }));
  const noted = (window.noted = { shown: [client.current.status], failed: [], answers: 0 });
  client.addEventListener('change', () => noted.shown.push(client.current.status));
  for (const event of ['request_failed', 'server_error', 'not_persisted', 'session_refused', 'expired'])
    client.addEventListener(event, ({ detail }) => noted.failed.push([event, detail.code, detail.error].join(' ')));
  await client.ready;
  window.working = (async () => {
    while (!window.stopped) {
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 1000));
      await client.fetch(api).then(
        ({ status }) => (status === 200 || status === 401 ? noted.answers++ : noted.failed.push(`status ${status}`)),
        (error) => noted.failed.push(`fetch ${error.code ?? error}`),
      );
    }
  })();
};

test(`P68 ten tabs of a vault while tokens live ${LIFETIME} s, tabs loaded again and again: no sign-out, no refresh twice, nobody is shown signed out`, {
  timeout: SECONDS * 1000 + 5 * PATIENCE,
}, async (t) => {
  const app = await world({ flags: ['-access-token', `${LIFETIME}s`], config: { auto_refresh: true, scope: 'openid' } });
  const proxy = await tokenProxy(app.server.issuer, () => sleep(Math.random() * 200));
  app.extra['/auth-worker.js'] = app.entry({ token_endpoint: `${proxy.url}/token` });
  const browser = await drivers.chromium();
  t.after(async () => {
    await browser.stop();
    proxy.stop();
    await app.stop();
  });
  const visitor = Symbol('visitor');
  const load = async (tab, dedicated) => {
    await tab.goto(app.site.url + PAGE);
    await tab.until(() => !!window.openVault);
    await tab.evaluate(work, [`${app.server.issuer}/userinfo`, dedicated]);
  };
  const first = await browser.open(visitor);
  await first.goto(app.site.url + PAGE);
  await first.until(() => !!window.openVault);
  await openClient(first);
  const { url } = await first.evaluate(() => window.client.authorize());
  await first.goto(url);
  await decideIn(first);
  await first.until(() => location.search.includes('code=') && !!window.openVault);
  await openClient(first);
  assert.equal(await first.evaluate(async () => (await window.client.handleRedirect()).status), 'granted');
  const began = Date.now();
  const tabs = [];
  for (let i = 0; i < TABS; i++) {
    const tab = await browser.open(visitor);
    await load(tab, i % 2 === 1);
    tabs.push(tab);
  }
  const noted = [];
  const note = async (tab) => {
    await tab.evaluate(() => ((window.stopped = true), window.working));
    noted.push(await tab.evaluate(() => window.noted));
  };
  for (let i = 0; Date.now() - began < SECONDS * 1000; i = (i + 3) % TABS) {
    await sleep(500);
    await note(tabs[i]);
    await load(tabs[i], i % 2 === 1);
  }
  const seconds = (Date.now() - began) / 1000;
  for (const tab of tabs) await note(tab);
  const { refreshes } = proxy;
  t.diagnostic(`${seconds.toFixed(0)} s, ${noted.length} pages, ${noted.reduce((n, { answers }) => n + answers, 0)} answers, ${refreshes.length} refreshes`);
  assert.deepEqual(
    noted.flatMap(({ failed }) => failed),
    [],
  );
  assert.deepEqual(
    [...new Set(noted.flatMap(({ shown }) => shown))].filter((status) => status === 'not_authenticated'),
    [],
  );
  assert.ok(noted.every(({ shown }) => shown.at(-1) === 'granted'));
  assert.deepEqual(
    refreshes.filter(({ error }) => error),
    [],
  );
  assert.equal(new Set(refreshes.map(({ token }) => token)).size, refreshes.length, 'no token twice');
  // A token is used until a quarter of its lifetime is left: one refresh serves all tabs.
  assert.ok(refreshes.length >= 1 && refreshes.length <= (Date.now() - began) / 1000 / (LIFETIME * 0.5) + 2, `${refreshes.length} refreshes in ${seconds} s`);
});
