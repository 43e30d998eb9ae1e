// A session that survives its page: a silent sign-in, the back/forward cache, and signing out idle
// users.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { drivers } from './lib/drivers.mjs';
import { decide, enter, openClient, PAGE, small, world } from './lib/vault.mjs';

const browsers = process.env.BROWSERS?.split(' ') ?? Object.keys(drivers);

let app, api;
before(async () => {
  [app, api] = [await world(), await small()];
});
after(async () => {
  await app?.stop();
  api?.stop();
});

/** A page of the application with a client whose session ends with the page. */
const plain = async (tab, options) => {
  await tab.goto(app.site.url + PAGE);
  await tab.until(() => !!window.openVault);
  return openPlain(tab, options);
};
const openPlain = (tab, options) =>
  tab.evaluate(
    async (config, options) => {
      const client = (window.client = await window.oauth.openClient(config));
      window.changes = [];
      client.addEventListener('changed', ({ detail }) => window.changes.push(detail.change));
      window.outcome =
        options &&
        window.oauth.restoreSilently(client, options).then(
          ({ status }) => status,
          (error) => [error.code, error.error],
        );
      return window.outcome;
    },
    app.config,
    options,
  );
const asked = (tab) => tab.evaluate(() => performance.getEntriesByType('resource').filter(({ name }) => name.includes('/authorize')).length);

for (const name of browsers) {
  test(`P30 ${name}`, async (t) => {
    const browser = await drivers[name]();
    t.after(() => browser.stop());

    await t.test(`P30 ${name}: a silent sign-in restores who was signed in, in a frame; not who never was, nor who signed out`, async () => {
      const tab = await browser.open('silent');
      assert.equal(await plain(tab, {}), 'not_authenticated');
      assert.equal(await asked(tab), 0);
      // The user signs in; the page forgets them at the next load.
      const { url } = await tab.evaluate(() => window.client.authorize());
      await tab.goto(url);
      await decide(tab);
      await tab.until(() => location.search.includes('code=') && !!window.openVault);
      assert.equal(await openPlain(tab, {}), 'not_authenticated'); // handleRedirect finishes
      assert.equal(await tab.evaluate(() => window.client.handleRedirect().then(({ status }) => status)), 'granted');
      for (let i = 0; i < 2; i++) assert.equal(await plain(tab, {}), 'granted');
      assert.deepEqual(await tab.evaluate(() => [window.client.current.status, window.changes, document.querySelectorAll('iframe').length]), [
        'granted',
        [],
        0,
      ]);
      // The stored mark names another user.
      await tab.evaluate(() => localStorage.setItem('oauth2-wasm.signed_in.oauth2', JSON.stringify({ who: 'somebody else' })));
      assert.equal(await plain(tab, {}), 'granted');
      await tab.until(() => window.changes.includes('other_account'));
      await tab.evaluate(() => window.client.logOut());
      assert.equal(await plain(tab, {}), 'not_authenticated');
      assert.equal(await asked(tab), 0);
    });

    await t.test(`P31 ${name}: a vault restores silently, and its status is restoring until then`, async () => {
      const tab = await browser.open('vault');
      // A vault that loses its session: no keeper, and a worker that ends with the page.
      const forget = () => {
        window.SharedWorker = undefined;
        Object.defineProperty(navigator, 'serviceWorker', { value: undefined });
      };
      const where = { worker: '/auth-worker.js', restore: 'silent' };
      const load = async () => {
        await tab.goto(app.site.url + PAGE);
        await tab.until(() => !!window.openVault);
        await tab.evaluate(forget);
        return tab.evaluate(async (where) => {
          const client = (window.client = await window.openVault(where));
          const seen = [client.current.status];
          client.addEventListener('change', () => seen.push(client.current.status));
          await client.ready;
          return seen;
        }, where);
      };
      assert.deepEqual(await load(), ['restoring', 'not_authenticated']);
      const button = () => {
        const button = document.body.appendChild(document.createElement('button'));
        button.onclick = () =>
          window.oauth.signInPopup(window.client).then(
            ({ status }) => (window.outcome = status),
            (error) => (window.outcome = String(error)),
          );
      };
      await tab.evaluate(button);
      const popup = await browser.popup(() => tab.click('button'));
      await decide(popup);
      await popup.until(() => location.search.includes('code=') && !!window.oauth);
      await popup.evaluate(() => void window.oauth.finishPopup());
      await tab.until(() => window.outcome);
      assert.equal(await tab.evaluate(() => window.outcome), 'granted');
      assert.deepEqual(await load(), ['restoring', 'granted']);
      await tab.evaluate(() => window.client.logOut());
      assert.deepEqual(await load(), ['restoring', 'not_authenticated']);
    });

    await t.test(`P32 ${name}: where the frame comes to nothing the page goes to the server once, and not again`, async () => {
      const tab = await browser.open('once');
      await plain(tab);
      await tab.evaluate(() => localStorage.setItem('oauth2-wasm.signed_in.oauth2', '{}'));
      // Nobody is signed in at the server: the frame gets that answer, and so does the page, once.
      await tab.goto(app.site.url + PAGE);
      await tab.until(() => !!window.openVault);
      await tab.evaluate((config) => {
        window.oauth.openClient(config).then((client) => window.oauth.restoreSilently(client, {}));
      }, app.config);
      await tab.until(() => location.search.includes('error=login_required') && !!window.openVault);
      assert.equal(await openPlain(tab, {}), 'not_authenticated');
      assert.deepEqual(await tab.evaluate(() => window.client.handleRedirect().catch(({ kind, error }) => [kind, error])), ['server', 'login_required']);
      assert.equal(await plain(tab, {}), 'not_authenticated');
      assert.equal(await plain(tab, { redirect: false }), 'not_authenticated');
    });

    await t.test(`P33 ${name}: who does nothing in any tab is warned and signed out, once for all`, async () => {
      const visitor = Symbol('idle');
      const tabs = [];
      for (let i = 0; i < 2; i++) {
        const tab = await browser.open(visitor);
        await tab.goto(api.site.url + PAGE);
        await tab.until(() => !!window.openVault);
        await openClient(tab);
        tabs.push(tab);
      }
      const [one, two] = tabs;
      const watch = (tab, after) =>
        tab.evaluate((after) => {
          window.warned = [];
          window.called = [];
          window.client.addEventListener('idle_warning', ({ detail }) => window.warned.push(detail.left_ms));
          window.here = window.oauth.watchIdle(window.client, { after_ms: after, warning_ms: after - 1_000, onWarning: (left) => window.called.push(left) });
        }, after);
      await watch(one, 6_000);
      await watch(two, 6_000);
      await enter(one);
      for (const tab of tabs) await tab.until(() => window.warned.length > 0 && window.warned.at(-1) > 0);
      // A sign in one tab counts in the other.
      await two.evaluate(() => window.here());
      for (const tab of tabs) await tab.until(() => window.warned.includes(null));
      for (const tab of tabs) assert.ok(await tab.evaluate(() => JSON.stringify(window.called) === JSON.stringify(window.warned)));
      const before = api.server.count('/revoke');
      for (const tab of tabs) await tab.until(() => window.client.current.status === 'not_authenticated');
      assert.ok(api.server.count('/revoke') - before <= 2); // of the access and the refresh token
      // The stored time survives the page: a user who comes back too late is signed out at once.
      await enter(one);
      await one.evaluate(() => localStorage.setItem('oauth2-wasm.idle.oauth2', String(Date.now() - 60_000)));
      const late = await browser.open(visitor);
      for (const tab of tabs) await tab.close();
      await late.goto(api.site.url + PAGE);
      await late.until(() => !!window.openVault);
      assert.equal(await openClient(late), 'granted');
      await watch(late, 6_000);
      await late.until(() => window.client.current.status === 'not_authenticated');
    });
  });
}
