// The demo by keyboard alone, in Chromium, and what is read out meanwhile. The names of the tests
// hold the ids of behaviours. The TV's keys are in device.test.mjs.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { here, reach, walk } from './testlib/keys.mjs';
import { lookAround, open, serve } from './testlib/tab.mjs';

let demo;
before(async () => {
  demo = await serve();
});

const name = async (page) => (await here(page)).name;

/** Signs in at the server's pages. */
const allow = async (page) => {
  await page.getByTestId('login').waitFor();
  await reach(page, 'login');
  await page.keyboard.press('Enter');
  await page.getByTestId('approve').waitFor();
  await reach(page, 'approve');
  await page.keyboard.press('Enter');
};

/** Notes what those hear who hear the page. */
const listen = (page) =>
  page.evaluate(() => {
    window.heard = [];
    for (const region of document.querySelectorAll('[role="status"], [role="alert"], [aria-live]'))
      new MutationObserver((changes) => {
        const added = changes.flatMap(({ addedNodes }) => [...addedNodes].map(({ textContent }) => textContent.trim()));
        window.heard.push(...added.filter(Boolean));
      }).observe(region, { childList: true, characterData: true, subtree: true });
  });

test('D17 D20 D21 every fault by keyboard: the place is kept, the lanes show the end, and little is read out', async (t) => {
  const tab = await open(t, demo);
  const { page } = tab;
  await reach(page, 'lose');
  await page.keyboard.press('Enter'); // signs in first, and goes on
  await allow(page);
  await tab.until('story', /Recovered/);
  await listen(page);
  for (const fault of ['cut', 'kill', 'twice', 'slow', 'replay', 'steal']) {
    await reach(page, fault);
    await page.evaluate(() => (window.heard.length = 0));
    await page.keyboard.press('Space');
    await page.waitForSelector('[data-testid="story"]:not([data-end])');
    assert.equal(await name(page), fault, 'while it runs');
    await page.waitForSelector('[data-testid="story"][data-end="well"]');
    await page.waitForFunction(() => !document.querySelector('[aria-busy], [data-fault][aria-disabled]'));
    assert.equal(await name(page), fault, 'afterwards');
    await page.waitForFunction(() => {
      const panel = document.querySelector('[data-testid="effects"]');
      return panel.querySelector('li:last-child').getBoundingClientRect().bottom <= panel.getBoundingClientRect().bottom + 1;
    });
    const heard = await page.evaluate(() => window.heard);
    assert.ok(heard.length <= 14, `${fault}: ${heard.join('\n')}`);
    assert.ok(!heard.some((line) => /\d:\d\d/.test(line)), heard.join('\n'));
  }
  await reach(page, 'effects');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('Enter');
  const line = page.locator('.line:focus');
  assert.equal(await line.getAttribute('aria-expanded'), 'true');
  await page.waitForFunction(() => {
    const panel = document.querySelector('[data-testid="effects"]').getBoundingClientRect();
    const { top } = document.querySelector('.detail').getBoundingClientRect();
    return top < panel.bottom - 20 && top > panel.top - 1;
  });
  await page.keyboard.press('Enter');
  assert.equal(await line.getAttribute('aria-expanded'), 'false');
  assert.equal(await page.locator('.detail').count(), 0);
});

test('D17 your server by keyboard: a preset, a look, a wrong issuer and its mending, a sign-in, and the code', async (t) => {
  const tab = await open(t, demo);
  const { page } = tab;
  await reach(page, 'Your server');
  await page.keyboard.press('Enter');
  await tab.at('preset').waitFor();
  await page.waitForFunction(() => document.querySelector('[data-testid="preset"]').options.length > 2);
  await reach(page, 'preset');
  await page.keyboard.type('The server');
  await reach(page, 'look');
  await page.keyboard.press('Enter');
  await tab.at('offers').waitFor();
  assert.equal(await name(page), 'look');
  await reach(page, 'issuer', 'Shift+Tab');
  const own = await tab.at('issuer').inputValue();
  await page.keyboard.press('ControlOrMeta+A');
  await page.keyboard.type(own.replace('127.0.0.1', 'localhost'));
  assert.equal(await tab.at('offers').isVisible(), false, 'what was found elsewhere is gone');
  await page.keyboard.press('Enter');
  await page.waitForSelector('[data-testid="look-trouble"] button');
  await reach(page, `Use ${own}`);
  await page.keyboard.press('Enter');
  assert.equal(await name(page), 'issuer');
  await page.waitForFunction(() => !document.querySelector('[data-testid="look-trouble"]').textContent);
  await tab.at('offers').waitFor();
  await reach(page, 'server-sign-in');
  await page.keyboard.press('Enter');
  await allow(page);
  await tab.at('session').waitFor();
  await reach(page, 'server-refresh');
  await page.keyboard.press('Enter');
  await tab.until('effects', /refresh POST \/token 200/);
  assert.equal(await name(page), 'server-refresh');
  await reach(page, 'server-sign-out');
  await page.keyboard.press('Enter');
  await tab.at('session').waitFor({ state: 'hidden' });
  assert.equal(await name(page), 'server-sign-in');
  await reach(page, 'TypeScript');
  for (const [key, language, says] of [
    ['ArrowRight', 'React', /createAuth/],
    ['ArrowLeft', 'TypeScript', /openClient/],
    ['ArrowLeft', 'Terminal', /oauth2-token/],
    ['ArrowRight', 'TypeScript', /openClient/],
    ['End', 'Terminal', /oauth2-token/],
    ['Home', 'TypeScript', /openClient/],
  ]) {
    await page.keyboard.press(key);
    assert.equal(await name(page), language);
    assert.match(await tab.at('code').textContent(), says);
    assert.equal(await page.locator('[role="tab"][aria-selected="true"]').count(), 1);
  }
  await page.keyboard.press('Tab');
  assert.equal(await name(page), 'code');
});

test('D17 D21 the proof by keyboard; what is read out of it is its end', async (t) => {
  const tab = await open(t, demo);
  const { page } = tab;
  await reach(page, 'Proof');
  await page.keyboard.press('Enter');
  await page.waitForSelector('[data-testid="replay-all"]:enabled');
  assert.match(await name(page), /^One client/);
  await listen(page);
  await reach(page, 'replay-all');
  await page.keyboard.press('Enter');
  await page.waitForSelector('[data-testid="verdict"][data-end]');
  assert.equal(await name(page), 'replay-all');
  const heard = await page.evaluate(() => window.heard);
  assert.ok(heard.length <= 3, heard.join('\n'));
  await reach(page, 'pick');
  await page.keyboard.type('unknown o');
  await tab.at('conversation-card').waitFor();
  await reach(page, 'forth');
  await page.keyboard.press('Enter');
  await tab.until('place', /^2 /);
  assert.equal(await name(page), 'forth');
  await page.keyboard.press('Tab');
  await page.keyboard.press('End');
  await tab.until('place', /^(\d+) \/ \1$/);
});

test('D17 a popup by keyboard: the place is at the way out afterwards, and where it was if the popup is closed', async (t) => {
  const tab = await open(t, demo);
  const { page } = tab;
  await reach(page, 'popup-sign-in');
  const openPopup = async () => {
    const [popup] = await Promise.all([tab.context.waitForEvent('page'), page.keyboard.press('Enter')]);
    await popup.getByTestId('login').waitFor();
    return popup;
  };
  const first = await openPopup();
  await lookAround(page);
  await first.close();
  await tab.told();
  assert.equal(await name(page), 'popup-sign-in');
  await allow(await openPopup());
  await tab.status('granted');
  await tab.until('user', /Demo account/);
  assert.equal(await name(page), 'sign-out');
});

test('D17 in each view the Tab key goes through the page in its order and out of it, forwards and backwards', async (t) => {
  const tab = await open(t, demo);
  const { page } = tab;
  const out = await walk(page);
  for (const stop of ['Try it', 'sign-in', 'popup-sign-in', 'lose', 'steal', 'effects', 'device-start', 'call-api']) assert.ok(out.includes(stop), stop);
  await tab.signIn();
  await tab.at('call-api').click();
  await tab.until('api-result', /notes/);
  await page.locator('.line').last().click();
  const held = await walk(page);
  for (const stop of ['sign-out', 'refresh', 'api-result']) assert.ok(held.includes(stop), stop);
  await page.click('nav a[href="#proof"]');
  await tab.at('show-visit').click();
  await tab.at('conversation-card').waitFor();
  const proof = await walk(page);
  for (const stop of ['replay-all', 'pick', 'file', 'conversation', 'play', 'position', 'message']) assert.ok(proof.includes(stop), stop);
  await page.goto(demo + 'server');
  await tab.at('preset').selectOption('this-demo');
  await tab.at('look').click();
  await tab.at('offers').waitFor();
  const server = await walk(page);
  for (const stop of ['preset', 'issuer', 'client-id', 'scope', 'dpop', 'look', 'server-sign-in', 'copy-uri', 'TypeScript', 'code'])
    assert.ok(server.includes(stop), stop);
});
