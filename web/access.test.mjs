// Accessibility: axe in every state of the demo, at each width, in each colour scheme, in one
// browser. The tests' names contain the ids of behaviours.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { openPhone } from './testlib/phone.mjs';
import { launch, open, root, serve } from './testlib/tab.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let demo;
before(async () => {
  demo = await serve();
});

/** The violations on the page in its current state, a line for each element. */
const violations = async (page) => {
  // Injected by the protocol, because the page's policy allows no other script.
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe);
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

/** Holds requests to a path back until the test lets them go. */
const hold = async (page, path) => {
  let go;
  const held = new Promise((resolve) => (go = resolve));
  // The client gives a request up after a while; the looks may take longer on a busy machine.
  await page.evaluate(() => {
    const { setTimeout } = window;
    window.setTimeout = (work, ms, ...rest) => setTimeout(work, ms >= 10_000 ? 2 ** 30 : ms, ...rest);
  });
  await page.route(path, async (route) => {
    await held;
    await route.continue().catch(() => {}); // the page may have gone on
  });
  return async () => {
    go();
    await page.unroute(path);
  };
};

test('D16 axe finds nothing: loading, signed out, busy, signed in, with an error, with a message open', async (t) => {
  const tab = await open(t, demo);
  const { page } = tab;
  await look(t, page, 'signed out');
  const answer = await hold(page, '**/par');
  await tab.at('sign-in').click();
  await page.waitForSelector('[data-testid="sign-in"][aria-busy="true"]');
  await look(t, page, 'a slow server');
  await answer();
  await tab.at('login').click();
  await tab.at('approve').click();
  await tab.until('user', /Demo account/);
  await tab.at('call-api').click();
  await tab.until('api-result', /notes/);
  await page.locator('.line').last().click();
  await look(t, page, 'signed in');
  await tab.context.setOffline(true);
  await tab.at('refresh').click();
  await tab.told();
  await tab.at('send-elsewhere').click();
  await tab.told('api-error');
  await look(t, page, 'errors');
  await tab.context.setOffline(false);
  const failing = await tab.context.newPage();
  await failing.route('**/oauth2.wasm', (route) => route.abort());
  await failing.goto(demo);
  await failing.waitForSelector('[data-status="failed"]');
  await look(t, failing, 'no module');
});

test('D16 axe finds nothing: a fault that waits for a session, runs, and has recovered; a new sign-in that the API asks for', async (t) => {
  const tab = await open(t, await serve('-fresh', '1s'));
  const { page } = tab;
  const answer = await hold(page, '**/par');
  await page.locator('[data-fault="kill"]').click();
  await tab.until('story', /sign in/);
  await look(t, page, 'a fault needs a session');
  await answer();
  await tab.at('login').click();
  await tab.at('approve').click();
  await tab.until('story', /Recovered/);
  await look(t, page, 'a fault recovered');
  const refreshed = await hold(page, '**/token');
  await page.locator('[data-fault="twice"]').click();
  await page.waitForSelector('.story iframe');
  await page.waitForSelector('li[data-kind="http"][data-state="asked"]');
  await look(t, page, 'a fault runs');
  await refreshed();
  await page.waitForSelector('[data-testid="story"][data-end]');
  await tab.at('read-secret').click();
  await tab.at('step-up').waitFor();
  await look(t, page, 'a new sign-in is asked for');
  await page.goto(tab.url + 'tab'); // without the page around it, as a frame is looked at
  await look(t, page, 'the frame of another tab');
});

test('D16 axe finds nothing: the TV with a code, paused, cut off, ended, signed in; the choices open', async (t) => {
  const tab = await open(t, await serve('-device-code-lifetime', '1h'));
  const { page } = tab;
  await tab.at('choices').evaluate((details) => (details.open = true));
  await tab.showCode();
  await look(t, page, 'a code');
  await tab.at('device-pause').click();
  await tab.tv('paused');
  await look(t, page, 'paused');
  await tab.at('device-resume').click();
  await tab.tv('waiting');
  await tab.context.setOffline(true);
  await tab.until('device-status', /^The server cannot be reached$/);
  await look(t, page, 'cut off');
  await tab.at('device-cancel').click();
  await tab.tv('ended');
  await look(t, page, 'ended');
  await tab.context.setOffline(false);
  await tab.showCode();
  const phone = await openPhone(tab, 'verification-uri-complete');
  await look(t, phone, 'the phone, with a code');
  await phone.getByTestId('device-code').fill('AAAA-AAAA');
  await phone.getByTestId('continue').click();
  await phone.locator('[role="alert"]').waitFor();
  await look(t, phone, 'the phone, with a wrong code');
  await phone.goto(await tab.at('verification-uri-complete').getAttribute('href'));
  await phone.getByTestId('continue').click();
  await phone.getByTestId('login').click();
  await phone.getByTestId('approve').waitFor();
  await look(t, phone, 'the phone, asked');
  await phone.getByTestId('approve').click();
  await phone.getByTestId('device-result').waitFor();
  await look(t, phone, 'the phone, said yes');
  await tab.tv('approved');
  await tab.until('device-result', /Demo account/);
  await look(t, page, 'the TV is signed in');
});

test('D16 axe finds nothing: the proof, while it runs and afterwards; a conversation, a link to it, and what is none', async (t) => {
  const tab = await open(t, demo);
  const { page } = tab;
  await page.click('nav a[href="#proof"]');
  await look(t, page, 'proof');
  const answer = await hold(page, '**/transcripts.json');
  await tab.at('replay-all').click();
  await tab.until('progress', /Loading/);
  await look(t, page, 'the proof runs');
  await answer();
  await page.waitForSelector('[data-testid="verdict"][data-end]');
  await tab.at('show-visit').click();
  await tab.at('conversation-card').waitFor();
  await tab.at('share-visit').click();
  await tab.at('link-row').waitFor();
  await look(t, page, 'a conversation and its link');
  await tab.at('file').setInputFiles({ name: 'x.txt', mimeType: 'text/plain', buffer: Buffer.from('hello') });
  await tab.until('conversation-notice', /cannot be replayed/);
  assert.equal(await tab.at('conversation-card').isVisible(), false, 'no other conversation stands below that');
  await look(t, page, 'no conversation');
});

test('D16 axe finds nothing: your server, empty, found, signed in, and in trouble; the popup’s page', async (t) => {
  const tab = await open(t, demo);
  const { page } = tab;
  await page.goto(demo + 'server');
  await look(t, page, 'nothing yet');
  await tab.at('preset').selectOption('okta');
  await look(t, page, 'a preset with variables');
  await tab.at('preset').selectOption('this-demo');
  await tab.at('look').click();
  await tab.at('offers').waitFor();
  await tab.at('server-sign-in').click();
  await tab.at('login').click();
  await tab.at('approve').click();
  await tab.at('session').waitFor();
  await look(t, page, 'signed in there');
  await tab.at('issuer').fill((await tab.at('issuer').inputValue()).replace('127.0.0.1', 'localhost'));
  await tab.at('look').click();
  await page.waitForSelector('[data-testid="look-trouble"] .alert');
  await tab.at('server-sign-in').click();
  await page.waitForSelector('[data-testid="sign-in-trouble"] .alert');
  await look(t, page, 'a wrong issuer');
  const popup = await tab.context.newPage();
  await popup.goto(demo + 'popup');
  await look(t, popup, 'popup');
  await popup.goto(demo + 'popup?state=x');
  await popup.locator('#closing-way').waitFor();
  await look(t, popup, 'popup without a page');
});

test('D16 axe finds nothing on the server’s pages, nor after a reply that denied or was used up', async (t) => {
  const tab = await open(t, demo);
  const { page } = tab;
  await tab.at('sign-in').click();
  await tab.at('login').waitFor();
  await look(t, page, 'sign in');
  await page.fill('[name=password]', 'wrong');
  await tab.at('login').click();
  await page.locator('[role="alert"]').waitFor();
  await look(t, page, 'a wrong password');
  await page.fill('[name=password]', 'demo');
  await tab.at('login').click();
  await tab.at('approve').waitFor();
  await look(t, page, 'consent');
  const used = page.url();
  await tab.at('deny').click();
  await tab.told();
  await look(t, page, 'denied');
  await page.goto(used);
  await tab.at('back').waitFor();
  await look(t, page, 'used up');
  await tab.at('back').click();
  await tab.status('not_authenticated');
  const issuer = await page.evaluate(() => document.documentElement.dataset.issuer);
  await page.goto(issuer + '/logout');
  await tab.at('sign-out').waitFor();
  await look(t, page, 'sign out there?');
  await tab.at('sign-out').click();
  await tab.at('signed-out').waitFor();
  await look(t, page, 'signed out there');
});

test('D16 axe finds nothing on exported pages', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'oauth2-wasm-export-'));
  t.after(() => rmSync(folder, { recursive: true }));
  execFileSync('go', ['run', './web', '-export', folder], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  const page = await (await launch()).newPage();
  t.after(() => page.close());
  const types = { html: 'text/html', css: 'text/css', js: 'text/javascript', svg: 'image/svg+xml' };
  // Answered here: what a server of files does is tested in export.test.mjs.
  await page.route('http://localhost/**', (route) => {
    const name = new URL(route.request().url()).pathname.slice(1) || 'index.html';
    return route.fulfill({ body: readFileSync(join(folder, name)), contentType: types[name.split('.').pop()] ?? 'application/octet-stream' });
  });
  await page.goto('http://localhost/#try');
  await page.getByTestId('alone').waitFor();
  await look(t, page, 'try it, without a server');
});
