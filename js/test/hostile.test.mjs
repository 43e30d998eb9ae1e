// A hostile script that runs first in the page of a client: the tokens, keys and verifiers that it
// gets, attempt by attempt (js/test/pages/hostile.js). With the vault it gets nothing; without it,
// it gets much, which shows that the attempts are real.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { drivers } from './lib/drivers.mjs';
import { attacked, enter, HOSTILE, hostileWorld } from './lib/vault.mjs';

let world;
before(async () => {
  world = await hostileWorld();
});
after(() => world?.stop());

const browsers = process.env.BROWSERS?.split(' ') ?? Object.keys(drivers);

/**
 * Opens a client in the hostile page, uses it like an application, lets the script make all
 * attempts, and returns what it found.
 */
const attack = async (browser, open, before) => {
  const tab = await browser.open(Symbol('visitor'));
  const load = async () => {
    await tab.goto(world.site.url + HOSTILE);
    await tab.until(() => !!window.openVault);
    if (before) await tab.evaluate(before);
    await tab.evaluate(open, world.config);
  };
  await load();
  assert.equal(await enter(tab, { app_state: 'page 7' }), 'granted');
  assert.equal(await tab.evaluate(async () => (await window.client.fetch(window.apiUrl)).status), 200);
  await tab.evaluate(async () => {
    await window.client.refresh();
    await window.client.userinfo();
    await window.client.status();
  });
  return { tab, found: await attacked(tab, world) };
};

const inVault = async () => {
  window.client = await window.openVault({ worker: window.vaultUrl });
};
const plain = async (config) => {
  window.client = await window.oauth.openClient(config, { store: window.oauth.insecureSessionStore() });
};

for (const name of browsers) {
  test(`P20 ${name}`, async (t) => {
    const browser = await drivers[name]();
    t.after(() => browser.stop());
    for (const [way, before] of [['shared'], ['dedicated', () => void (window.SharedWorker = undefined)]]) {
      const { found } = await attack(browser, inVault, before);
      assert.ok(Object.keys(found).length >= 50, `${Object.keys(found).length} attempts`);
      for (const [attempt, { seen, secrets }] of Object.entries(found))
        await t.test(`P20 ${name}, ${way}: a script that ${attempt} gets no token, key or verifier`, () => {
          assert.deepEqual(secrets, [], `${seen} texts`);
        });
    }
    await t.test(`P20 ${name}: nothing was sent elsewhere`, () => {
      assert.deepEqual(
        world.server.requests.filter(({ path, headers }) => path.startsWith('/evil') && headers.authorization),
        [],
      );
    });
    if (name !== 'chromium') return;
    await t.test('P20 chromium: without a vault the same attempts find what there is', async () => {
      const { found } = await attack(browser, plain);
      const hits = Object.entries(found).filter(([, { secrets }]) => secrets.length);
      t.diagnostic(hits.map(([attempt, { secrets }]) => `${attempt}: ${secrets.join(' ')}`).join('\n'));
      assert.ok(hits.length >= 15, `${hits.length} of ${Object.keys(found).length}`);
    });
  });
}
