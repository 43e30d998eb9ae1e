// Sign-in on the TV, in Chromium: one tab is the TV, another the phone. The tests' names contain
// the ids of behaviours.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import jsqr from 'jsqr';
import { decide, openPhone } from './testlib/phone.mjs';
import { open, serve } from './testlib/tab.mjs';

const POLL = 'POST /token';
/** More than two of the demo's intervals, so that polling would be noticed. */
const A_WHILE = 4500;

/** The usual demo, and one whose codes soon expire. */
let demo;
let brief;
before(async () => {
  demo = await serve();
  brief = await serve('-device-code-lifetime', '15s');
});

test('Q31 Q32 the TV shows a code, the phone says yes, and the TV is signed in', async (t) => {
  const tab = await open(t, demo);
  const code = await tab.showCode();
  assert.equal(tab.count(POLL), 0);
  assert.match(code, /^[B-Z]{4}-[B-Z]{4}$/);
  const uri = await tab.at('verification-uri').innerText();
  assert.equal(await tab.at('verification-uri').getAttribute('href'), uri);
  assert.match(await tab.at('device-expires').innerText(), /^(5:00|4:5\d)$/);
  assert.match(await tab.until('device-polling', /^Asking every 2 s, (next in [12] s|now)$/), /Asking/);
  await tab.status('temporary_credentials_received');
  await tab.until('effects', /authorize with user code/);

  const phone = await openPhone(tab, 'verification-uri');
  assert.equal(phone.url(), uri);
  await phone.getByTestId('device-code').fill(code.toLowerCase().replace('-', ' '));
  await decide(phone, 'approve');
  await tab.tv('approved');
  await tab.until('device-result', /^Signed in as Demo account$/);
  await tab.until('user', /Demo account/);
  await tab.status('granted');
  await tab.at('call-api').click();
  await tab.until('api-result', /notes/);

  const polls = tab.count(POLL);
  await tab.page.waitForTimeout(A_WHILE);
  assert.equal(tab.count(POLL), polls);
  await tab.at('sign-out').click(); // only on the TV: the session at the server is the phone's
  await tab.tv('idle');
  assert.notEqual(await tab.showCode(), code);
});

test('Q34 declined on the phone: said in words, and there is a way to begin again', async (t) => {
  const tab = await open(t, demo);
  const code = await tab.showCode();
  await decide(await openPhone(tab, 'verification-uri-complete'), 'deny');
  await tab.tv('ended');
  await tab.until('device-result', /^You declined$/);
  await tab.status('not_authenticated');
  assert.notEqual(await tab.showCode(), code);
  await decide(await openPhone(tab, 'verification-uri-complete'), 'approve');
  await tab.tv('approved');
});

test('Q36 while paused nothing is asked, whatever the phone says; resumed, the same code signs in', async (t) => {
  const tab = await open(t, demo);
  const code = await tab.showCode();
  await tab.until('effects', /polling POST/);
  await tab.at('device-pause').click();
  await tab.tv('paused');
  assert.equal(await tab.at('device-status').innerText(), 'Paused');
  const polls = tab.count(POLL);
  await decide(await openPhone(tab, 'verification-uri-complete'), 'approve');
  await tab.page.waitForTimeout(A_WHILE);
  assert.equal(tab.count(POLL), polls);
  await tab.status('temporary_credentials_received');
  assert.equal(await tab.at('user-code').innerText(), code);
  await tab.at('device-resume').click();
  await tab.tv('approved');
  assert.equal(tab.count(POLL), polls + 1);
  assert.equal(tab.count('POST /device_authorization'), 1);
});

test('Q36 cancelled: nothing is asked any more, and another code can be had', async (t) => {
  const tab = await open(t, demo);
  const code = await tab.showCode();
  await tab.at('device-cancel').click();
  await tab.until('device-result', /^Cancelled$/);
  await tab.status('not_authenticated');
  const polls = tab.count(POLL);
  await tab.page.waitForTimeout(A_WHILE);
  assert.equal(tab.count(POLL), polls);
  assert.notEqual(await tab.showCode(), code);
});

test('Q35 a code that runs out is said in words, while the TV asks and while it is paused', async (t) => {
  const tab = await open(t, brief);
  const code = await tab.showCode();
  await tab.until('device-result', /^The code ran out$/);
  await tab.status('not_authenticated');
  assert.notEqual(await tab.showCode(), code);
  await tab.at('device-pause').click();
  await tab.tv('paused');
  const polls = tab.count(POLL);
  await tab.tv('ended');
  assert.equal(await tab.at('device-result').innerText(), 'The code ran out');
  assert.equal(tab.count(POLL), polls);
});

test('Q34 Q36 slow_down is shown, and the longer interval stays over a pause', async (t) => {
  const tab = await open(t, demo);
  const slowDown = { status: 400, headers: { 'access-control-allow-origin': '*' }, contentType: 'application/json', body: '{"error":"slow_down"}' };
  await tab.page.route('**/token', (route) => route.fulfill(slowDown), { times: 1 });
  await tab.showCode();
  const slow = /^The server asked us to slow down: every 7 s, next in [1-7] s$/;
  await tab.until('device-polling', slow);
  await tab.at('device-pause').click();
  await tab.tv('paused');
  await tab.at('device-resume').click();
  await tab.tv('waiting');
  await tab.until('device-polling', slow);
});

test('E11 Q36 a connection that goes is told, and the same code goes on by itself when it is back', async (t) => {
  const tab = await open(t, demo);
  const code = await tab.showCode();
  await tab.context.setOffline(true);
  await tab.until('device-status', /^The server cannot be reached$/);
  assert.match(await tab.at('device-polling').innerText(), /The code is still good/);
  await tab.context.setOffline(false);
  await tab.until('device-status', /^Waiting for your phone$/);
  assert.equal(await tab.at('user-code').innerText(), code);
  await decide(await openPhone(tab, 'verification-uri-complete'), 'approve');
  await tab.tv('approved');
});

test('Q36 after a lost connection the code can be given up too', async (t) => {
  const tab = await open(t, demo);
  await tab.showCode();
  await tab.context.setOffline(true);
  await tab.until('device-status', /^The server cannot be reached$/);
  await tab.at('device-cancel').click();
  await tab.until('device-result', /^Cancelled$/);
  await tab.status('not_authenticated');
});

test('Q30 no connection at the start is said in words, and starting again works', async (t) => {
  const tab = await open(t, demo);
  await tab.context.setOffline(true);
  await tab.at('device-start').click();
  await tab.until('device-result', /^The server cannot be reached$/);
  await tab.status('not_authenticated');
  await tab.context.setOffline(false);
  await tab.showCode();
});

test('Q31 a reload in mid-flow: the page says that the code is gone, or goes on with it where the session is kept', async (t) => {
  const tab = await open(t, demo);
  await tab.showCode();
  await tab.page.reload();
  await tab.until('device-result', /^The code is gone$/);
  await tab.choose('keep');
  await tab.status('not_authenticated');
  const code = await tab.showCode();
  assert.equal(await tab.at('keep').isDisabled(), true);
  await tab.page.reload();
  await tab.tv('waiting');
  assert.equal(await tab.at('user-code').innerText(), code);
  await decide(await openPhone(tab, 'verification-uri-complete'), 'approve');
  await tab.tv('approved');
  assert.equal(tab.count('POST /device_authorization'), 2);
});

test('signing in another way ends the flow on the TV', async (t) => {
  const tab = await open(t, demo);
  await tab.showCode();
  await tab.signIn();
  await tab.until('device-result', /^Signed in$/);
  assert.equal(await tab.at('device-start').isHidden(), true);
});

for (const colorScheme of ['light', 'dark']) {
  test(`Q31 the QR code is black on white, and a reader finds the complete URI: ${colorScheme}`, async (t) => {
    const tab = await open(t, demo, { colorScheme });
    const code = await tab.showCode();
    const link = tab.at('verification-uri-complete');
    const picture = await link.locator('img').screenshot();
    const [data, width, height, edge] = await tab.page.evaluate(async (base64) => {
      const bitmap = await createImageBitmap(new Blob([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))]));
      const canvas = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
      canvas.drawImage(bitmap, 0, 0);
      const { data } = canvas.getImageData(0, 0, bitmap.width, bitmap.height);
      const edge = 4 * (6 * bitmap.width + Math.floor(bitmap.width / 2));
      return [[...data], bitmap.width, bitmap.height, [...data.slice(edge, edge + 3)]];
    }, picture.toString('base64'));
    assert.deepEqual(edge, [255, 255, 255]);
    const read = jsqr(Uint8ClampedArray.from(data), width, height, { inversionAttempts: 'dontInvert' });
    assert.equal(read?.data, await link.getAttribute('href'));
    assert.ok(read.data.endsWith(code));
    assert.deepEqual(await tab.violations(), []);
  });
}

test('the TV by keyboard alone: the focus is visible and never lost', async (t) => {
  const tab = await open(t, demo);
  const { page } = tab;
  const here = () => page.evaluate(() => document.activeElement.dataset.testid);
  const next = async (name) => {
    await page.keyboard.press('Tab');
    assert.equal(await here(), name);
    assert.notEqual(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), 'none');
  };
  await tab.at('device-start').focus();
  await page.keyboard.press('Enter');
  await tab.tv('waiting');
  assert.equal(await here(), 'user-code');
  await next('copy-code');
  await next('verification-uri-complete');
  await next('device-pause');
  await page.keyboard.press('Space');
  await tab.tv('paused');
  assert.equal(await here(), 'device-resume');
  await page.keyboard.press('Space');
  await tab.tv('waiting');
  assert.equal(await here(), 'device-pause');
  await next('device-cancel');
  await page.keyboard.press('Enter');
  await tab.tv('ended');
  assert.equal(await here(), 'device-start');
});

test('those who hear the page: names, one live region, and no ticking', async (t) => {
  const tab = await open(t, demo);
  await tab.page.evaluate(() => {
    window.heard = [];
    for (const region of document.querySelectorAll('[role="status"], [role="alert"], [aria-live]')) {
      new MutationObserver(() => window.heard.push(region.textContent.trim())).observe(region, { childList: true, characterData: true, subtree: true });
    }
  });
  const code = await tab.showCode();
  await tab.page.waitForTimeout(A_WHILE);
  await tab.at('device-pause').click();
  await tab.tv('paused');
  await tab.at('device-resume').click();
  await tab.tv('waiting');
  await decide(await openPhone(tab, 'verification-uri-complete'), 'approve');
  await tab.until('device-live', /^Signed in as Demo account\.$/);
  const heard = await tab.page.evaluate(() => window.heard);
  const spelled = [...code.replace('-', ',')].join(' ');
  for (const words of [`Your code is ${spelled}. Enter it on your phone.`, 'Paused.', 'Asking again.', 'Signed in as Demo account.']) {
    assert.ok(
      heard.some((line) => line.startsWith(words)),
      `${words}\n${heard.join('\n')}`,
    );
  }
  // The live region of the session's status also announces its three changes.
  assert.ok(heard.length <= 12, heard.join('\n'));
  const nameless = await tab.page.evaluate(() =>
    [...document.querySelectorAll('button, a, input, [role="region"], [role="img"], section')]
      .filter(
        (element) => !(element.textContent.trim() || element.getAttribute('aria-label') || element.getAttribute('aria-labelledby') || element.labels?.length),
      )
      .map((element) => element.outerHTML),
  );
  assert.deepEqual(nameless, []);
});

test('the code can be copied', async (t) => {
  const tab = await open(t, demo, { permissions: ['clipboard-read', 'clipboard-write'] });
  const code = await tab.showCode();
  await tab.at('copy-code').click();
  await tab.until('copy-code', /^Copied$/);
  assert.equal(await tab.page.evaluate(() => navigator.clipboard.readText()), code);
});

test('X6 nothing secret stands in the page, its log or its storages, and the console has only the answers that RFC 8628 gives', async (t) => {
  const tab = await open(t, demo);
  const secrets = [];
  for (const path of ['**/device_authorization', '**/token']) {
    await tab.page.route(path, async (route) => {
      const response = await route.fetch();
      const { device_code, access_token, refresh_token } = await response.json();
      secrets.push(...[device_code, access_token, refresh_token].filter(Boolean));
      await route.fulfill({ response });
    });
  }
  await tab.showCode();
  await tab.until('effects', /polling POST/);
  await decide(await openPhone(tab, 'verification-uri-complete'), 'approve');
  await tab.tv('approved');
  const seen = await tab.page.evaluate(() => [document.documentElement.outerHTML, JSON.stringify(localStorage), JSON.stringify(sessionStorage)].join('\n'));
  assert.equal(secrets.length, 3);
  for (const secret of secrets) assert.equal(seen.includes(secret), false);
  // authorization_pending comes with HTTP status 400 (section 3.5), which Chromium writes to the
  // console by itself.
  assert.deepEqual(
    tab.said.filter((line) => !/^error: Failed to load resource: .* 400 \(Bad Request\)$/.test(line)),
    [],
  );
  assert.deepEqual(await tab.violations(), []);
});

test('polls in a row are one line of the log', async (t) => {
  const tab = await open(t, demo);
  await tab.showCode();
  await tab.until('effects', /polling POST \S*\/token ×\d/);
  assert.equal((await tab.at('effects').innerText()).match(/polling POST/g).length, 1);
});

test('with a code on it, nothing is wider than a phone, and nothing moves when the answer comes', async (t) => {
  const tab = await open(t, demo, { viewport: { width: 360, height: 780 } });
  await tab.showCode();
  const height = () => tab.at('device-screen').evaluate((element) => element.getBoundingClientRect().height);
  const before = await height();
  assert.ok((await tab.page.evaluate(() => document.documentElement.scrollWidth)) <= 360);
  await decide(await openPhone(tab, 'verification-uri-complete'), 'approve');
  await tab.tv('approved');
  assert.equal(await height(), before);
});
