// Faults by one click, and the lanes that show them, in Chromium. The tests' names contain the ids
// of behaviours.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { open, serve } from './testlib/tab.mjs';

let demo;
before(async () => {
  demo = await serve();
});

const fault = (tab, name) => tab.page.locator(`[data-fault="${name}"]`);

/** Waits for the end of a story, and returns its text. */
const told = async (tab) => {
  await tab.page.waitForSelector('[data-testid="story"][data-end]');
  return tab.at('story').innerText();
};

for (const [name, says, lanes] of [
  ['lose', /sent the same token once more/, /refresh POST \/token ✕ network[\s\S]*refresh POST \/token 200/],
  ['cut', /the API answered 200/, /refresh POST \/token ✕ network[\s\S]*refresh POST \/token 200[\s\S]*GET \/api\/notes 200/],
  ['kill', /sent the same token once more/, /Tab 2 http refresh POST \/token the tab is gone[\s\S]*http refresh POST \/token 200/],
  ['twice', /The server counted 1 refresh\./, /Tab 2 lock/],
  ['slow', /nothing was sent twice/, /refresh POST \/token 200 (?:[5-9]|\d\d)\.\d s/],
  ['replay', /It sent no requests/, /Tab 2 command callback/],
  ['steal', /401 invalid_token[\s\S]*is good: 200/, /GET \/api\/notes ✕ 401[\s\S]*GET \/api\/notes 200/],
]) {
  test(`D4 one click breaks it, and the lanes show the recovery: ${name}`, async (t) => {
    const tab = await open(t, demo);
    await tab.signIn();
    await fault(tab, name).click();
    assert.equal(await fault(tab, name).getAttribute('aria-busy'), 'true');
    const text = await told(tab);
    assert.match(text, says);
    assert.match(text, /Recovered\./);
    await tab.until('effects', lanes);
    await tab.status('granted');
    await tab.page.waitForFunction(() => !document.querySelector('[aria-busy], [data-fault][aria-disabled]'));
  });
}

test('D4 a fault that needs a session signs in first, and goes on by itself', async (t) => {
  const tab = await open(t, demo);
  await fault(tab, 'twice').click();
  await tab.at('login').click();
  await tab.at('approve').click();
  assert.match(await told(tab), /The server counted 1 refresh/);
});

test('D2 an effect is dashed while it is asked for, and then solid with its outcome; a click shows it without secrets, and where it is written', async (t) => {
  const tab = await open(t, demo);
  const tokens = await tab.noteTokens();
  await tab.signIn();
  let go;
  const held = new Promise((resolve) => (go = resolve));
  await tab.page.route('**/token', async (route) => {
    await held;
    await route.continue();
  });
  await tab.at('refresh').click();
  const line = tab.page.locator('li[data-kind="http"]', { hasText: 'refresh POST /token' });
  await tab.page.waitForSelector('li[data-kind="http"][data-state="asked"]');
  assert.match(await line.innerText(), /waiting/);
  assert.equal(await line.locator('.arrow').evaluate((arrow) => getComputedStyle(arrow, '::before').borderTopStyle), 'dashed');
  // The button shows that it is busy, and accepts no second click.
  assert.equal(await tab.at('refresh').getAttribute('aria-busy'), 'true');
  go();
  await tab.page.waitForSelector('li[data-kind="http"][data-state="done"] >> text=refresh POST /token');
  assert.match(await line.innerText(), /200 [\d.]+ m?s/);
  await line.locator('button').click();
  const detail = line.locator('.detail');
  assert.match(await detail.innerText(), /RFC 6749 section 6[\s\S]*grant_type=refresh_token[\s\S]*█████/);
  for (const li of await tab.page.locator('.lines li').all())
    if (!(await li.locator('.detail').count())) await li.locator('button').evaluate((button) => button.click());
  const all = await tab.at('effects').innerText();
  assert.ok(all.length > 10_000, String(all.length));
  assert.equal(tokens.length, 2);
  for (const token of tokens) assert.equal(all.includes(token), false);
  for (const secret of [
    /code_verifier=[\w-]{43}/,
    /"code_verifier\\?":\\?"[\w-]{43}/,
    /[?&]code=[\w-]{20}/,
    /eyJ[\w-]+\.eyJ/,
    /DPoP [\w-]{20}/,
    /Demo account/,
  ])
    assert.doesNotMatch(all, secret);
});

test('D5 a session that cannot be renewed is not said to have ended while it is shown as signed in', async (t) => {
  const tab = await open(t, demo);
  await tab.signIn();
  const refused = { status: 400, headers: { 'access-control-allow-origin': '*' }, contentType: 'application/json', body: '{"error":"invalid_grant"}' };
  await tab.page.route('**/token', (route) => route.fulfill(refused));
  await tab.at('refresh').click();
  assert.match(await tab.told(), /Your session is about to end/);
  assert.match(await tab.at('status').innerText(), /Signed in, and ending/);
});

test('D6 a TV that was paused is paused after a reload', async (t) => {
  const tab = await open(t, demo);
  await tab.choose('keep');
  await tab.status('not_authenticated');
  const code = await tab.showCode();
  await tab.at('device-pause').click();
  await tab.tv('paused');
  const polls = tab.count('POST /token');
  await tab.page.reload();
  await tab.tv('paused');
  assert.equal(await tab.at('user-code').innerText(), code);
  await tab.page.waitForTimeout(3000); // more than an interval
  assert.equal(tab.count('POST /token'), polls);
  await tab.at('device-resume').click();
  await tab.tv('waiting');
});

test('D6 one lost poll needs no hand: the TV goes on by itself', async (t) => {
  const tab = await open(t, demo);
  await tab.page.route('**/token', (route) => route.abort(), { times: 1 });
  await tab.showCode();
  await tab.until('effects', /polling POST \/token ✕ network/);
  await tab.until('effects', /polling POST \/token ×\d+ 400/);
  await tab.tv('waiting');
});

test('D7 a popup that waits for a slow server says so', async (t) => {
  const tab = await open(t, demo);
  let go;
  const held = new Promise((resolve) => (go = resolve));
  await tab.page.route('**/par', async (route) => {
    await held;
    await route.continue();
  });
  const [popup] = await Promise.all([tab.context.waitForEvent('page'), tab.at('popup-sign-in').click()]);
  assert.match(await popup.locator('body').innerText(), /One moment/);
  go();
  await popup.getByTestId('login').waitFor();
});
