// The popup and automatic refresh in the demo, in Chromium. The tests' names contain the ids of
// behaviours.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { lookAround, open, serve } from './testlib/tab.mjs';

/** The usual demo, and one whose tokens are soon refreshed. */
let demo;
let brief;
before(async () => {
  demo = await serve();
  brief = await serve('-token-lifetime', '18s');
});

/** Clicks, and returns the window that opens, at the server. */
const openPopup = async (tab) => {
  const [popup] = await Promise.all([tab.context.waitForEvent('page'), tab.at('popup-sign-in').click()]);
  await popup.getByTestId('login').waitFor();
  return popup;
};

test('Q41 a popup signs in and closes, and the page stays', async (t) => {
  const tab = await open(t, demo);
  const popup = await openPopup(tab);
  await popup.getByTestId('login').click();
  const closed = popup.waitForEvent('close');
  await popup.getByTestId('approve').click();
  await closed;
  await tab.status('granted');
  await tab.until('user', /Demo account/);
  await tab.until('device-result', /^Signed in$/);
  assert.equal(tab.sent.filter((line) => line === 'GET /').length, 1);
  assert.deepEqual(tab.said, []);
});

test('Q2 a popup in which the person declines, and one that the person closes, are said in words', async (t) => {
  const tab = await open(t, demo);
  const popup = await openPopup(tab);
  await popup.getByTestId('login').click();
  await popup.getByTestId('deny').click();
  assert.match(await tab.told(), /You declined/);
  const [second] = await Promise.all([tab.context.waitForEvent('page'), tab.at('popup-sign-in').click()]);
  await second.getByTestId('approve').waitFor();
  await lookAround(tab.page);
  await second.close();
  assert.match(await tab.told(), /The window was closed/);
  await tab.signInAgain();
});

test('the newest way to sign in counts: a TV’s flow ends where a popup begins, and a popup where another begins', async (t) => {
  const tab = await open(t, demo);
  await tab.showCode();
  await openPopup(tab);
  await tab.until('device-result', /^Cancelled$/);
  const popup = await openPopup(tab);
  await popup.getByTestId('login').click();
  await popup.getByTestId('approve').click();
  await tab.status('granted');
  assert.equal(await tab.at('error').innerText(), '');
  assert.equal(tab.count('POST /token'), 1);
});

test('Q9 with automatic refresh the page counts down to it, and the module renews the token by itself', async (t) => {
  const tab = await open(t, brief);
  await tab.choose('auto-refresh');
  await tab.status('not_authenticated');
  await tab.signIn();
  assert.equal(await tab.at('auto-refresh').isDisabled(), true);
  await tab.until('expiry', /^good for 0:1\d, renewal in 0:0\d$/);
  await tab.until('effects', /about to expire[\s\S]*refresh POST[\s\S]*granted/);
  await tab.until('expiry', /^good for 0:1[78]/);
  assert.ok(tab.count('POST /token') >= 2);
  await tab.page.reload();
  await tab.status('not_authenticated');
  assert.equal(await tab.at('auto-refresh').isChecked(), true);
});
