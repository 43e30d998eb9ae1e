// The vault: the client in a worker, out of the page's reach, in Chromium, Firefox and WebKit.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { drivers } from './lib/drivers.mjs';
import { openPage, PAGE, signIn, world } from './lib/vault.mjs';

let app;
before(async () => {
  app = await world();
});
after(() => app?.stop());

const browsers = process.env.BROWSERS?.split(' ') ?? Object.keys(drivers);

/** What a call comes to: its value, or the code of its error. */
const said = (tab, call) => tab.evaluate(`(${call})().then((value) => value ?? null, ({ code, field, message }) => code ? [code, field ?? null] : message)`);

for (const name of browsers) {
  test(`P10 ${name}`, async (t) => {
    const browser = await drivers[name]();
    t.after(() => browser.stop());
    const url = app.site.url + PAGE;

    await t.test(`P10 ${name}: a sign-in by redirect, an API, a refresh, a reload, a sign-out`, async () => {
      const tab = await browser.open('one');
      assert.equal(await openPage(tab, url), 'not_authenticated');
      assert.deepEqual(await signIn(tab), { status: 'granted', app_state: 'page 7', search: '' });
      const call = (u) => tab.evaluate(async (u) => { const r = await window.client.fetch(u); return [r.status, r.url, (await r.json()).email]; }, u);
      const userinfo = `${app.server.issuer}/userinfo`;
      assert.deepEqual(await call(userinfo), [200, userinfo, 'alice@example.com']);
      assert.equal((await tab.evaluate(() => window.client.userinfo())).email, 'alice@example.com');
      const status = await tab.evaluate(() => window.client.status());
      assert.ok(status.claims.sub);
      assert.ok(!('id_token' in status));
      assert.equal(await tab.evaluate(() => window.client.refresh().then(({ status }) => status)), 'granted');
      for (let i = 0; i < 2; i++) assert.equal(await openPage(tab, url), 'granted');
      assert.deepEqual((await call(userinfo))[0], 200);
      assert.equal(await tab.evaluate(() => window.client.refresh().then(({ status }) => status)), 'granted');
      assert.deepEqual(await tab.evaluate(async () => (await window.client.logOut()).revoked), true);
      assert.equal(await openPage(tab, url), 'not_authenticated');
    });
  });
}
void said;
