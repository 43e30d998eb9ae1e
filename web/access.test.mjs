// Accessibility: axe in every state of the demo, at each width, in each colour scheme, in one
// browser. The tests' names contain the ids of behaviours.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { before, test } from 'node:test';
import { open, serve } from './testlib/tab.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let demo;
before(async () => {
  demo = await serve();
});

/** The violations on the page in its current state, a line for each element. */
const violations = async (page) => {
  // Injected by the protocol, because the page's policy allows no other script.
  await page.evaluate(axe);
  return page.evaluate(async () => {
    const { violations } = await window.axe.run(document, { iframes: false, resultTypes: ['violations'] });
    return violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${id}: ${target}: ${failureSummary.replaceAll(/\s+/g, ' ')}`));
  });
};

/** Ways to look at a page. 200 % is half the width at twice the scale, as browsers zoom. */
const looks = [
  ['375, light', { width: 375, height: 780 }, { colorScheme: 'light' }],
  ['768, dark', { width: 768, height: 900 }, { colorScheme: 'dark' }],
  ['1280, light', { width: 1280, height: 900 }, { colorScheme: 'light' }],
  ['1280, dark', { width: 1280, height: 900 }, { colorScheme: 'dark' }],
  ['forced colours, reduced motion', { width: 1280, height: 900 }, { forcedColors: 'active', reducedMotion: 'reduce', colorScheme: 'dark' }],
  ['200 %', { width: 640, height: 450 }, { colorScheme: 'light' }],
];

/** Checks a state in every way, and reports what is wrong in which. */
const look = async (t, page, state) => {
  for (const [name, size, media] of looks) {
    await page.setViewportSize(size);
    await page.emulateMedia({ forcedColors: null, reducedMotion: null, ...media });
    assert.deepEqual(await violations(page), [], `${state}, ${name}`);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(wide <= 0, `${state}, ${name}: ${wide} px too wide`);
  }
  await page.emulateMedia({ forcedColors: null, reducedMotion: null, colorScheme: null });
};

test('D16 axe finds nothing: signed out, in, with an error, with a message open, after a fault', async (t) => {
  const tab = await open(t, demo);
  await look(t, tab.page, 'signed out');
  await tab.signIn();
  await tab.at('call-api').click();
  await tab.until('api-result', /notes/);
  await tab.page.locator('.line').last().click();
  await look(t, tab.page, 'signed in');
  await tab.page.locator('[data-fault="steal"]').click();
  await tab.page.waitForSelector('[data-testid="story"][data-end]');
  await tab.context.setOffline(true);
  await tab.at('refresh').click();
  await tab.told();
  await tab.at('send-elsewhere').click();
  await tab.told('api-error');
  await look(t, tab.page, 'errors');
});

test('D16 axe finds nothing: the TV with a code, paused, ended; the choices open', async (t) => {
  const tab = await open(t, demo);
  await tab.at('choices').evaluate((details) => (details.open = true));
  await tab.showCode();
  await look(t, tab.page, 'a code');
  await tab.at('device-cancel').click();
  await tab.tv('ended');
  await look(t, tab.page, 'ended');
});

test('D16 axe finds nothing: the proof, and a conversation in it', async (t) => {
  const tab = await open(t, demo);
  await tab.page.click('nav a[href="#proof"]');
  await look(t, tab.page, 'proof');
  await tab.at('replay-all').click();
  await tab.page.waitForSelector('[data-testid="verdict"][data-end]');
  await tab.at('show-visit').click();
  await tab.at('conversation-card').waitFor();
  await look(t, tab.page, 'a conversation');
});

test('D16 axe finds nothing: your server, found and in trouble; the popup’s page; the frame of another tab', async (t) => {
  const tab = await open(t, demo);
  const { page } = tab;
  await page.goto(demo + 'server');
  await tab.at('preset').selectOption('this-demo');
  await tab.at('look').click();
  await tab.at('offers').waitFor();
  await look(t, page, 'your server');
  await tab.at('issuer').fill((await tab.at('issuer').inputValue()).replace('127.0.0.1', 'localhost'));
  await tab.at('look').click();
  await page.waitForSelector('[data-testid="look-trouble"] .alert');
  await look(t, page, 'a wrong issuer');
  await page.goto(demo + 'popup?state=x');
  await page.locator('#closing-way').waitFor();
  await look(t, page, 'popup');
});

test('D16 axe finds nothing on the server’s pages', async (t) => {
  const tab = await open(t, demo);
  await tab.at('sign-in').click();
  await tab.at('login').waitFor();
  await look(t, tab.page, 'sign in');
  await tab.at('login').click();
  await tab.at('approve').waitFor();
  await look(t, tab.page, 'consent');
  const used = tab.page.url();
  await tab.at('deny').click();
  await tab.told();
  await tab.page.goto(used);
  await tab.at('back').waitFor();
  await look(t, tab.page, 'used up');
  await tab.at('back').click();
  await tab.status('not_authenticated');
});
