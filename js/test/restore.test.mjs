// A session that survives its page: a silent sign-in, the back/forward cache, and signing out idle
// users.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { drivers } from './lib/drivers.mjs';
import { until } from './lib/provider.mjs';
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
      window.framed = [];
      const look = (records) => {
        for (const { addedNodes } of records)
          for (const node of addedNodes) if (node.tagName === 'IFRAME') window.framed.push([node.hidden, node.getAttribute('sandbox')]);
      };
      new MutationObserver(look).observe(document, { childList: true, subtree: true });
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
/** How often this page has asked the server in a frame. */
const asked = (tab) => tab.evaluate(() => window.framed.length);

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
      // One frame, which nobody sees, in which no script runs, and which is gone again.
      assert.deepEqual(await tab.evaluate(() => [window.client.current.status, window.changes, window.framed, document.querySelectorAll('iframe').length]), [
        'granted',
        [],
        [[true, 'allow-same-origin']],
        0,
      ]);
      // The stored mark names another user.
      await tab.evaluate(() => localStorage.setItem('oauth2-wasm.signed_in.oauth2', JSON.stringify({ who: 'somebody else' })));
      assert.equal(await plain(tab, {}), 'granted');
      await tab.until(() => window.changes.includes('other_account'));
      // A sign-out counts though the question who is signed in was asked before it.
      const mark = await tab.evaluate(async (config) => {
        const client = await window.oauth.openClient(config);
        await client.ready;
        const { status } = client;
        let out;
        client.status = async () => {
          const now = await status.call(client);
          out = client.logOut();
          return now;
        };
        await window.oauth.restoreSilently(client, {});
        await out;
        return [localStorage.getItem('oauth2-wasm.signed_in.oauth2')];
      }, app.config);
      assert.deepEqual(mark, [null]);
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
      // What goes on while the user signs out does not sign them in again.
      const MARK = 'oauth2-wasm.signed_in.oauth2';
      for (const during of ['start', 'frame', 'reply', 'redeemed', 'elsewhere', 'mark']) {
        await tab.goto(app.site.url + PAGE);
        await tab.until(() => !!window.openVault);
        await tab.evaluate(forget);
        const seen = await tab.evaluate(
          async (where, MARK, during) => {
            localStorage.setItem(MARK, '{}');
            const out = [];
            const signOut = (now) => now === during && !out.length && out.push(window.client.logOut());
            new MutationObserver(() => document.querySelector('iframe') && signOut('frame')).observe(document, { childList: true, subtree: true });
            // The mark names the user by a digest, for which a busy browser takes its time.
            const { digest } = crypto.subtle;
            let computed;
            crypto.subtle.digest = (...given) => {
              computed = Promise.resolve(during === 'mark' && signedIn).then(() => digest.apply(crypto.subtle, given));
              return computed;
            };
            let signedOut;
            const signedIn = new Promise((resolve) => (signedOut = resolve));
            window.client = await window.openVault(where);
            const { callback } = window.client;
            window.client.callback = async (reply) => {
              signOut('reply');
              if (during === 'elsewhere') {
                // Another document of this origin, as another tab is.
                const { contentWindow } = document.body.appendChild(document.createElement('iframe'));
                const told = new Promise((resolve) => addEventListener('storage', resolve, { once: true }));
                contentWindow.localStorage.removeItem(MARK);
                await told;
              }
              if (during !== 'redeemed') return callback.call(window.client, reply);
              window.redeemed = callback.call(window.client, { url: reply.url });
              signOut('redeemed');
              return window.redeemed;
            };
            signOut('start');
            await window.client.ready;
            signOut('mark');
            await Promise.all(out);
            await window.redeemed?.catch(() => {});
            signedOut();
            await computed;
            await new Promise((resolve) => setTimeout(resolve));
            return [out.length, !!computed, window.client.current.status, localStorage.getItem(MARK)];
          },
          where,
          MARK,
          during,
        );
        assert.deepEqual(seen, [during === 'elsewhere' ? 0 : 1, during === 'mark', 'not_authenticated', null], during);
        assert.deepEqual(await load(), ['restoring', 'not_authenticated'], during);
      }
    });

    await t.test(`P32 ${name}: where the frame comes to nothing the page goes to the server once, and not again`, async () => {
      const first = await browser.open('once');
      await plain(first);
      await first.evaluate(() => localStorage.setItem('oauth2-wasm.signed_in.oauth2', '{}'));
      // Nobody is signed in at the server: the frame gets that answer, and so does the page, once.
      assert.equal(await plain(first, { redirect: false }), 'not_authenticated');
      for (const tab of [first, await browser.open('once')]) {
        await tab.goto(app.site.url + PAGE);
        await tab.until(() => !!window.openVault);
        await tab.evaluate((config) => {
          window.oauth.openClient(config).then((client) => window.oauth.restoreSilently(client, {}));
        }, app.config);
        await tab.until(() => location.search.includes('error=login_required') && !!window.openVault);
        assert.equal(await openPlain(tab, {}), 'not_authenticated');
        assert.equal(await asked(tab), 0); // the reply is taken first
        assert.deepEqual(await tab.evaluate(() => window.client.handleRedirect().catch(({ kind, error }) => [kind, error])), ['server', 'login_required']);
        assert.equal(await plain(tab, {}), 'not_authenticated');
      }
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
      const HOUR = 3_600_000;
      // The page's clock can be put on, so that nothing here depends on how fast the machine is.
      const watch = (tab, alone) =>
        tab.evaluate(
          (HOUR, alone) => {
            const now = Date.now;
            Date.now = () => now() + window.later;
            window.later = 0;
            window.warned = [];
            window.called = [];
            window.client.addEventListener('idle_warning', ({ detail }) => window.warned.push(detail.left_ms));
            window.ended = 0;
            const pause = () => new Promise((resolve) => setTimeout(resolve, 50));
            // Signs out when the other tab is idle, too, and ends when that has heard of it.
            const onIdle = async () => {
              window.ended++;
              while (!(await navigator.locks.query()).pending.some(({ name }) => name === 'oauth2-wasm.idle.oauth2')) await pause();
              await window.client.logOut();
              while (!window.heard) await pause();
            };
            window.oauth.watchIdle(window.client, {
              after_ms: HOUR,
              warning_ms: HOUR / 2,
              onWarning: (left) => window.called.push(left),
              ...(!alone && { onIdle }),
            });
          },
          HOUR,
          alone,
        );
      const wait = (tab, ms) => tab.evaluate((ms) => void (window.later += ms), ms);
      const before = api.server.count('/revoke');
      for (const tab of tabs) await watch(tab);
      await enter(one);
      for (const tab of tabs) await wait(tab, HOUR - 600_000);
      for (const tab of tabs) await tab.until(() => window.warned.length > 1);
      // What the user does in one tab counts in the other.
      // WebKit's driver leaves the first one in front; nobody clicks in a page that is not shown.
      const used = (await two.evaluate(() => document.visibilityState === 'visible')) ? two : one;
      await used.evaluate(() => void document.body.appendChild(document.createElement('button')));
      await used.click('button');
      for (const tab of tabs) await tab.until(() => window.warned.includes(null));
      for (const tab of tabs) {
        const [warned, called, status] = await tab.evaluate(() => [window.warned, window.called, window.client.current.status]);
        assert.deepEqual(called, warned);
        const left = warned.slice(0, warned.indexOf(null));
        assert.ok(left[0] <= 600_000 && left.at(-1) < left[0] && left.every((ms, i) => ms > 0 && ms <= left[Math.max(i - 1, 0)]), `left: ${left}`);
        assert.equal(status, 'granted', 'in time');
      }
      for (const tab of tabs) await wait(tab, HOUR);
      for (const tab of tabs) await tab.until(() => window.client.current.status === 'not_authenticated');
      for (const tab of tabs) await tab.evaluate(() => void (window.heard = true));
      await until(() => api.server.count('/revoke') === before + 1, 'the refresh token is revoked');
      let ended = 0;
      for (const tab of tabs) ended += await tab.evaluate(() => navigator.locks.request('oauth2-wasm.idle.oauth2', () => window.ended));
      assert.equal(ended, 1, 'one tab has signed out, not each');
      // A sign-in counts, too. The stored time survives the page: a user who comes back too late is
      // signed out at once.
      await enter(one);
      await two.until(() => window.client.current.status === 'granted');
      const late = await browser.open(visitor);
      for (const tab of tabs) await tab.close();
      await late.goto(api.site.url + PAGE);
      await late.until(() => !!window.openVault);
      // Only now, because the others store when they last saw the user.
      await late.evaluate(() => localStorage.setItem('oauth2-wasm.idle.oauth2', '1')); // ms after 1970 began
      assert.equal(await openClient(late), 'granted');
      await watch(late, true);
      await late.until(() => window.client.current.status === 'not_authenticated');
      await until(() => api.server.count('/revoke') === before + 2, 'the next refresh token is revoked');
    });
  });
}
