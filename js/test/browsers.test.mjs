// Requirements for every browser: Chromium, Firefox and WebKit, with the project's authorization
// server on another origin.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { pages, strictPolicy } from './lib/browser.mjs';
import { drivers } from './lib/drivers.mjs';
import { authserver } from './lib/process.mjs';
import { serve } from './lib/serve.mjs';

const [APP, FINISH] = ['/pages/app.html', '/pages/finish.html'];

let site, server;
before(async () => {
  site = await serve(pages(), { headers: strictPolicy() });
  server = await authserver('-interval', '1s', '-grace', '0s', site.url + APP, site.url + FINISH);
});
after(async () => {
  await server?.stop();
  site?.stop();
});

const ready = () => !!window.oauth;

/**
 * A page of the app, with a client in `window.client` whose session all tabs of the visitor share.
 */
const openApp = async (browser, visitor, more = {}, url = site.url + APP) => {
  const tab = await browser.open(visitor);
  await tab.goto(url);
  await tab.until(ready);
  await openClient(tab, more);
  return tab;
};

const openClient = (tab, more) =>
  tab.evaluate(
    async (config) => {
      window.client = await window.oauth.openClient(config, { store: window.oauth.insecureIndexedDBStore('app') });
    },
    { ...server.config, redirect_uri: site.url + APP, token_destinations: [`${server.issuer}/userinfo`], ...more },
  );

/** The steps of a user at the server: continue, sign in, and decide. */
const decide = async (tab, decision = 'approve') => {
  for (;;) {
    const steps = ['continue', 'login', 'approve'].map((name) => `[data-testid=${name}]`);
    await tab.until((list) => list.some((s) => document.querySelector(s)), steps);
    const step = await tab.evaluate((list) => list.find((s) => document.querySelector(s)), steps);
    if (step === steps[2]) return tab.click(`[data-testid=${decision}]`);
    if (step === steps[1]) {
      await tab.fill('[name=username]', 'alice');
      await tab.fill('[name=password]', 'alice');
    }
    const mark = `${Math.random()}`;
    await tab.evaluate((m) => void (document.documentElement.dataset.mark = m), mark);
    await tab.click(step);
    await tab.until((m) => document.readyState === 'complete' && document.documentElement.dataset.mark !== m, mark);
  }
};

/** Goes to the server and back, and finishes on the page to which the server leads. */
const signIn = async (tab, more = {}) => {
  const { url } = await tab.evaluate(() => window.client.authorize({ app_state: 'page 7' }));
  await tab.goto(url);
  await decide(tab);
  await tab.until(() => location.search.includes('code=') && !!window.oauth);
  await openClient(tab, more);
  return tab.evaluate(async () => {
    const { status, app_state } = await window.client.handleRedirect();
    return { status, app_state, search: location.search };
  });
};

for (const name of Object.keys(drivers)) {
  test(`P1 ${name}`, async (t) => {
    const browser = await drivers[name]();
    t.after(() => browser.stop());

    await t.test(`P1 ${name}: a sign-in by redirect, an API, a refresh, a reload, a sign-out`, async () => {
      const tab = await openApp(browser, 'redirect');
      assert.deepEqual(await signIn(tab), { status: 'granted', app_state: 'page 7', search: '' });
      const call = (url) => tab.evaluate(async (u) => (await window.client.fetch(u)).status, url);
      assert.equal(await call(`${server.issuer}/userinfo`), 200);
      assert.equal((await tab.evaluate(() => window.client.userinfo())).email, 'alice@example.com');
      const before = await tab.evaluate(() => window.client.token());
      await tab.evaluate(() => window.client.refresh());
      assert.notEqual((await tab.evaluate(() => window.client.token())).access_token, before.access_token);
      await tab.goto(site.url + APP);
      await tab.until(ready);
      await openClient(tab);
      assert.equal((await tab.evaluate(() => window.client.status())).status, 'granted');
      assert.deepEqual(await tab.evaluate(async () => (await window.client.logOut()).revoked), true);
      assert.equal((await tab.evaluate(() => window.client.status())).status, 'not_authenticated');
    });

    await t.test(`P1 ${name}: two tabs that refresh at once ask the server once each in turn, and stay signed in`, async () => {
      const one = await openApp(browser, 'tabs');
      await signIn(one);
      const two = await openApp(browser, 'tabs');
      // Without a grace period, a refresh token that is used twice ends the session.
      const refresh = (tab) => tab.evaluate(() => Promise.all([1, 2, 3].map(() => window.client.refresh().then(({ status }) => status))));
      assert.deepEqual(await Promise.all([refresh(one), refresh(two)]), Array(2).fill(Array(3).fill('granted')));
      for (const tab of [one, two]) assert.equal(await tab.evaluate(async (u) => (await window.client.fetch(u)).status, `${server.issuer}/userinfo`), 200);
    });

    await t.test(`P1 ${name}: a key that no script can read binds the tokens (DPoP)`, async () => {
      const more = { dpop: true };
      const tab = await openApp(browser, 'bound', more);
      await signIn(tab, more);
      assert.equal((await tab.evaluate(() => window.client.token())).token_type, 'DPoP');
      assert.equal(await tab.evaluate(async (u) => (await window.client.fetch(u)).status, `${server.issuer}/userinfo`), 200);
      const keys = await tab.evaluate(async () => {
        const open = indexedDB.open('oauth2-wasm.keys');
        const db = await new Promise((resolve) => (open.onsuccess = () => resolve(open.result)));
        const all = db.transaction('keys').objectStore('keys').getAll();
        const pairs = await new Promise((resolve) => (all.onsuccess = () => resolve(all.result)));
        return pairs.map(({ privateKey }) => privateKey.extractable);
      });
      assert.deepEqual(keys, [false]);
    });

    await t.test(`P1 ${name}: a popup signs in and closes`, async () => {
      const tab = await openApp(browser, 'popup', { redirect_uri: site.url + FINISH });
      await tab.evaluate(() => {
        const button = document.body.appendChild(document.createElement('button'));
        button.onclick = () =>
          window.oauth.signInPopup(window.client, { app_state: 'x' }).then(({ status, app_state }) => (window.outcome = { status, app_state }), String);
      });
      const popup = await browser.popup(() => tab.click('button'));
      await decide(popup);
      await tab.until(() => window.outcome);
      assert.deepEqual(await tab.evaluate(() => window.outcome), { status: 'granted', app_state: 'x' });
    });

    await t.test(`P1 ${name}: a device flow, approved in another tab`, async () => {
      const tab = await openApp(browser, 'device');
      await tab.evaluate(() => {
        void window.client.deviceSignIn({ show: (device) => (window.device = device) }).then(({ status }) => (window.outcome = status));
      });
      await tab.until(() => window.device);
      const phone = await browser.open('device');
      await phone.goto(await tab.evaluate(() => window.device.verification_uri_complete));
      await phone.click('[data-testid=device-code]');
      await decide(phone);
      await tab.until(() => window.outcome === 'granted');
    });
  });
}
