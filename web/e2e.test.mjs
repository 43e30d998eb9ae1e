// The demo in Chromium, driven like a user would: `node --test web/e2e.test.mjs`. The tests' names
// contain the ids of behaviours.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { open, root, serve } from './testlib/tab.mjs';

/** The usual demo, and one whose tokens soon expire. */
let demo;
let brief;
before(async () => {
  demo = await serve();
  brief = await serve('-token-lifetime', '4s');
});

test('Q1 Q20 Q22 sign in, and the page shows who, what and for how long; nothing is left in the URL', async (t) => {
  const tab = await open(t, demo);
  assert.equal(await tab.at('refresh').isDisabled(), true);
  await tab.signIn();
  assert.match(await tab.at('status').innerText(), /Signed in\s+granted/);
  assert.match(await tab.at('user').innerText(), /Demo account demo · demo@example.com/);
  assert.deepEqual(await tab.at('scopes').locator('.chip').allInnerTexts(), ['openid', 'profile', 'email', 'notes.read']);
  const first = await tab.until('expiry', /good for 1:\d\d/);
  await tab.page.waitForFunction((text) => document.querySelector('[data-testid="expiry"]').textContent !== text, first);
  assert.equal(tab.page.url(), tab.url);
  assert.equal(tab.count('POST /token'), 1);
});

test('Q23 H5 refresh now gives new tokens', async (t) => {
  const tab = await open(t, demo);
  const tokens = await tab.noteTokens();
  await tab.signIn();
  await tab.at('refresh').click();
  await tab.until('effects', /refresh POST/);
  await tab.status('granted');
  assert.equal(tab.count('POST /token'), 2);
  assert.equal(new Set(tokens).size, 4);
});

test('Q1 refreshing is shown while it lasts, and who waits shares one refresh', async (t) => {
  const tab = await open(t, demo);
  await tab.signIn();
  let go;
  const held = new Promise((resolve) => (go = resolve));
  await tab.page.route('**/token', async (route) => {
    await held;
    await route.continue();
  });
  await tab.at('refresh').click();
  await tab.status('refreshing');
  await tab.at('refresh').click();
  go();
  await tab.status('granted');
  await tab.page.waitForTimeout(200);
  assert.equal(tab.count('POST /token'), 2);
});

test('Q13 the API is called with the token, and answers', async (t) => {
  const tab = await open(t, demo);
  await tab.signIn();
  await tab.at('call-api').click();
  const result = JSON.parse(await tab.until('api-result', /notes/));
  assert.equal(result.user, 'demo');
  assert.equal(result.scope, 'openid profile email notes.read');
  assert.ok(result.notes.length > 0);
});

test('X10 the token goes to no address that is not configured', async (t) => {
  const tab = await open(t, demo);
  await tab.signIn();
  await tab.at('send-elsewhere').click();
  assert.match(await tab.told('api-error'), /The module refused/);
  assert.equal(
    tab.sent.some((line) => line.includes('/collect')),
    false,
  );
});

test('sign out ends the session at the server, and the API is refused', async (t) => {
  const tab = await open(t, demo);
  const tokens = await tab.noteTokens();
  await tab.signIn();
  const [access] = tokens;
  await tab.signOut();
  assert.equal(tab.page.url(), tab.url);
  assert.equal(tab.count('GET /logout'), 1);
  assert.equal(await tab.at('user').innerText(), 'nobody');
  assert.equal(await tab.at('expiry').innerText(), 'none');
  assert.equal(tab.count('POST /revoke'), 1);
  await tab.at('call-api').click();
  assert.match(await tab.told('api-error'), /You are signed out/);
  assert.equal(
    tab.sent.some((line) => line.endsWith('/api/notes')),
    false,
  );
  const issuer = await tab.page.evaluate(() => document.documentElement.dataset.issuer);
  const answer = await fetch(issuer + '/api/notes', { headers: { authorization: 'DPoP ' + access } });
  assert.equal(answer.status, 401);
  await tab.signIn(); // and the server asks for the password again
});

test('the access token is bound to a key: the page says so, and a copy of the token is worth nothing elsewhere', async (t) => {
  const tab = await open(t, demo);
  assert.equal(await tab.at('binding').innerText(), 'nothing');
  const tokens = await tab.noteTokens();
  await tab.signIn();
  assert.equal(tab.count('POST /par'), 1);
  assert.equal(await tab.at('binding').innerText(), 'a key that no script can read out');
  // What a script of the page could get.
  const { issuer, outcomes } = await tab.page.evaluate(async () => {
    const result = (request) => new Promise((resolve, reject) => Object.assign(request, { onsuccess: () => resolve(request.result), onerror: reject }));
    const database = await result(indexedDB.open('oauth2-wasm.keys'));
    const pairs = await result(database.transaction('keys').objectStore('keys').getAll());
    const outcomes = pairs.map(({ privateKey }) =>
      crypto.subtle.exportKey('jwk', privateKey).then(
        () => 'read out',
        ({ name }) => name,
      ),
    );
    return { issuer: document.documentElement.dataset.issuer, outcomes: await Promise.all(outcomes) };
  });
  assert.deepEqual(outcomes, ['InvalidAccessError']);
  for (const scheme of ['Bearer', 'DPoP']) {
    const answer = await fetch(issuer + '/api/notes', { headers: { authorization: `${scheme} ${tokens[0]}` } });
    assert.equal(answer.status, 401, scheme);
  }
});

test('what is secret asks for a new sign-in, and is read when the person is back', async (t) => {
  const tab = await open(t, await serve('-fresh', '15s'));
  await tab.signIn();
  await tab.page.waitForTimeout(15_500);
  await tab.at('read-secret').click();
  await tab.until('api-result', /insufficient_user_authentication/);
  assert.equal(await tab.page.evaluate(() => document.activeElement.dataset.testid), 'step-up');
  await tab.at('step-up').click();
  await tab.at('login').click(); // the server knows the user, and asks nevertheless
  await tab.at('approve').click();
  await tab.until('api-result', /Just for you/);
  assert.equal(await tab.at('step-up').isVisible(), false);
});

test('H6 a token that has run out is shown as such, and the next call renews it', async (t) => {
  const tab = await open(t, brief);
  await tab.signIn();
  await tab.until('expiry', /has run out; the next call renews it/);
  await tab.at('call-api').click();
  await tab.until('api-result', /notes/);
  await tab.until('expiry', /good for/);
  assert.equal(tab.count('POST /token'), 2);
});

test('by keyboard alone, with a visible focus', async (t) => {
  const tab = await open(t, demo);
  const { page } = tab;
  const reach = async (name) => {
    for (let i = 0; i < 20; i++) {
      await page.keyboard.press('Tab');
      const here = await page.evaluate(() => [document.activeElement.dataset.testid, getComputedStyle(document.activeElement).outlineStyle]);
      if (here[0] !== name) continue;
      assert.notEqual(here[1], 'none', name);
      return;
    }
    assert.fail(`${name} cannot be reached`);
  };
  await reach('sign-in');
  await page.keyboard.press('Enter');
  await tab.at('login').waitFor();
  await reach('login');
  await page.keyboard.press('Enter');
  await tab.at('approve').waitFor();
  await reach('approve');
  await page.keyboard.press('Space');
  await tab.status('granted');
  await reach('call-api');
  await page.keyboard.press('Enter');
  await tab.until('api-result', /notes/);
  await tab.at('sign-out').focus();
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => /signed out, here and at the server/.test(document.getElementById('hint')?.textContent));
  await page.waitForFunction(() => document.activeElement.dataset.testid === 'sign-in');
});

test('X6 no token stands in the page, its log or its storages, and the happy path says nothing on the console', async (t) => {
  const tab = await open(t, demo);
  const tokens = await tab.noteTokens();
  await tab.signIn();
  await tab.at('refresh').click();
  await tab.until('effects', /refresh POST/);
  await tab.at('call-api').click();
  await tab.until('api-result', /notes/);
  const seen = await tab.page.evaluate(() =>
    [document.documentElement.outerHTML, JSON.stringify(localStorage), JSON.stringify(sessionStorage), document.cookie, location.href].join('\n'),
  );
  assert.equal(tokens.length, 4);
  for (const token of tokens) assert.equal(seen.includes(token), false);
  assert.doesNotMatch(await tab.at('effects').innerText(), /code=|state=|Bearer|\?/);
  await tab.signOut();
  assert.deepEqual(tab.said, []);
});

test('a reload signs out by default, and does not where the person chose to keep the session', async (t) => {
  const tab = await open(t, demo);
  const tokens = await tab.noteTokens();
  await tab.signIn();
  assert.equal(await tab.at('keep').isDisabled(), true);
  await tab.page.reload();
  await tab.status('not_authenticated');
  await tab.choose('keep');
  await tab.status('not_authenticated');
  await tab.signInAgain();
  await tab.page.reload();
  await tab.status('granted');
  assert.deepEqual(await tab.at('scopes').locator('.chip').allInnerTexts(), ['openid', 'profile', 'email', 'notes.read']);
  await tab.signOut();
  const kept = await tab.page.evaluate(() => JSON.stringify(sessionStorage));
  assert.equal(tokens.length, 4);
  for (const token of tokens) assert.equal(kept.includes(token), false);
});

test('nothing is wider than a phone, and nothing moves while signing in', async (t) => {
  for (const width of [360, 390]) {
    const tab = await open(t, demo, { viewport: { width, height: 780 } });
    await tab.page.addInitScript(() => {
      window.moved = 0;
      new PerformanceObserver((list) => list.getEntries().forEach((entry) => (window.moved += entry.hadRecentInput ? 0 : entry.value))).observe({
        type: 'layout-shift',
        buffered: true,
      });
    });
    await tab.signIn();
    await tab.at('call-api').click();
    await tab.until('api-result', /notes/);
    await tab.page.waitForTimeout(200);
    const { wide, moved } = await tab.page.evaluate(() => ({
      wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
      moved: window.moved,
    }));
    assert.ok(wide <= 0, `${width} px`);
    assert.ok(moved < 0.02, `${width} px: layout shift ${moved}`);
  }
});

test('the page’s TypeScript has the types it says', () => {
  execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', 'web'], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
});
