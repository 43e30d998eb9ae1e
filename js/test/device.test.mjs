// The device flow (RFC 8628): clients in Node and in pages of Chromium, the project's authorization
// server, and a user at its pages. The clock of a page stands still, and the test advances it.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { decide, launch, openPage, pages, stopClock, strictPolicy } from './lib/browser.mjs';
import { installed, library } from './lib/installed.mjs';
import { authserver } from './lib/process.mjs';
import { until } from './lib/provider.mjs';
import { runtimes } from './lib/runtimes.mjs';
import { serve } from './lib/serve.mjs';
import { PATIENCE } from './suite/patience.js';

const { openClient } = await library();
const APP = '/pages/app.html';

let browser, site, quick, usual;
before(async () => {
  site = await serve(pages(), { headers: strictPolicy() });
  // One with an interval of a second, and one with the usual five.
  quick = await authserver(site.url + APP);
  usual = await authserver('-interval=5s', site.url + APP);
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await quick?.stop();
  await usual?.stop();
  site?.stop();
});

/** A user decides in a separate browser. */
const user = async (t, { verification_uri_complete: uri }, decision) => {
  const context = await browser.newContext();
  t.after(() => context.close());
  const page = await context.newPage();
  await page.goto(uri);
  await decide(page, decision);
  await page.getByTestId('device-result').waitFor();
};

/** A client in Node, its prompts, and the promise of its sign-in. */
const begin = async (t, parameters = {}, options = {}) => {
  const client = await openClient(quick.config, options);
  t.after(() => client.close());
  const prompts = [];
  const events = [];
  for (const type of ['status', 'authorize_with_user_code', 'device']) client.addEventListener(type, ({ detail }) => events.push([type, detail]));
  const outcome = client.deviceSignIn({ ...parameters, show: (device) => prompts.push(device) });
  outcome.catch(() => {});
  return { client, prompts, events, outcome, polling: () => until(() => prompts.at(-1)?.polling, 'the first prompts') };
};

test('Q30 Q31 Q32 Node: the user code is shown, the user approves, the client is signed in', async (t) => {
  const { client, prompts, events, outcome, polling } = await begin(t, { scope: 'read', parameters: { display: 'tv' } });
  await polling();
  const [device] = prompts;
  assert.equal(device.verification_uri, `${quick.issuer}/device`);
  assert.ok(device.verification_uri_complete.includes(encodeURIComponent(device.user_code)));
  assert.ok(device.expires_at > Date.now());
  assert.deepEqual([device.interval_ms, prompts.map(({ polling }) => polling)], [1000, [false, true]]);
  assert.deepEqual(
    events.map(([type, { status, polling }]) => status ?? polling ?? type),
    ['temporary_credentials_received', false, 'authorize_with_user_code', true],
  );
  assert.equal((await client.status()).device.user_code, device.user_code);
  await user(t, device, 'approve');
  const status = await outcome;
  assert.deepEqual([status.status, status.scope, status.device], ['granted', 'read', undefined]);
  assert.ok(prompts.every(({ user_code }) => user_code === device.user_code));
  assert.deepEqual(events.findLast(([type]) => type === 'device')[1], { polling: false });
  assert.ok((await client.token()).access_token);
});

test('Q34 Node: the user declines', async (t) => {
  const { client, prompts, outcome, polling } = await begin(t);
  await polling();
  await user(t, prompts[0], 'deny');
  await assert.rejects(outcome, { kind: 'server', error: 'access_denied' });
  assert.equal((await client.status()).device, undefined);
});

test('Q36 Node: paused, nobody asks; resumed, it goes on with the same code', async (t) => {
  const asked = [];
  const { prompts, outcome, polling } = await begin(t, {}, { fetch: (url, init) => (asked.push(String(url)), fetch(url, init)) });
  await polling();
  const [device] = prompts;
  await device.pause();
  assert.equal(prompts.at(-1).polling, false);
  await user(t, device, 'approve');
  const before = asked.length;
  await device.resume();
  await device.resume();
  assert.equal(prompts.at(-1).polling, true);
  assert.equal(prompts.length, 4);
  assert.equal((await outcome).status, 'granted');
  assert.deepEqual(asked.slice(before), [quick.config.token_endpoint]);
});

test('Q36 Node: cancelled, it rejects, and the code is forgotten', async (t) => {
  const { client, prompts, outcome, polling } = await begin(t);
  await polling();
  await prompts[0].cancel();
  await assert.rejects(outcome, { kind: 'cancelled', code: 'cancelled', op: 'device_sign_in' });
  const { status, device } = await client.status();
  assert.deepEqual([status, device], ['not_authenticated', undefined]);
  await assert.rejects(client.deviceResume({ show: () => assert.fail('there is nothing to show') }), { code: 'no_device_code' });
});

for (const when of ['before the answer of the server', 'while it polls', 'before it begins']) {
  test(`X9 Node: the signal ends it with its reason: ${when}`, async (t) => {
    const reason = new Error('changed my mind');
    const controller = new AbortController();
    if (when === 'before it begins') controller.abort(reason);
    const { client, prompts, outcome, polling } = await begin(t, { signal: controller.signal });
    if (when === 'while it polls') await polling();
    controller.abort(reason);
    await assert.rejects(outcome, (error) => error === reason);
    const { status, device } = await client.status();
    assert.deepEqual([status, device], ['not_authenticated', undefined]);
    assert.equal(
      prompts.some(({ polling }) => polling),
      when === 'while it polls',
    );
  });
}

test('Q30 Node: a later sign-in ends the one under way, and shows its own code only', async (t) => {
  const { client, prompts, outcome, polling } = await begin(t);
  await polling();
  const later = [];
  const second = client.deviceSignIn({ show: (device) => later.push(device) });
  await assert.rejects(outcome, { kind: 'cancelled' });
  await until(() => later.length === 2);
  assert.notEqual(later[0].user_code, prompts[0].user_code);
  assert.ok(prompts.every(({ user_code }) => user_code === prompts[0].user_code));
  await later[0].cancel();
  await assert.rejects(second, { kind: 'cancelled' });
});

test('Q30 Node: without a device authorization endpoint it is a client error', async () => {
  const { device_authorization_endpoint: _, ...config } = quick.config;
  const client = await openClient(config);
  await assert.rejects(client.deviceSignIn({ show: () => {} }), { kind: 'client', code: 'missing', field: 'device_authorization_endpoint' });
});

test('E11 Q36 Node: a failed connection is waited out, and told; nobody lends a hand', async (t) => {
  let down = false;
  const net = (...args) => (down ? Promise.reject(new TypeError('down')) : fetch(...args));
  const { client, prompts, outcome, polling } = await begin(t, {}, { fetch: net });
  await polling();
  const told = new Promise((resolve) => client.addEventListener('request_failed', ({ detail }) => resolve(detail)));
  down = true;
  const { kind, op, cause } = await told;
  assert.deepEqual([kind, op, cause.message], ['network', 'polling', 'down']);
  down = false;
  await user(t, prompts[0], 'approve');
  assert.equal((await outcome).status, 'granted');
});

/** Runs a program in Node where the package is installed, and returns its output. */
const program = async (text) => {
  const { stdout } = await promisify(execFile)(runtimes.node, ['--input-type=module', '-e', text], { cwd: installed(), timeout: PATIENCE });
  return stdout;
};

test('Q10 Node: a sign-in that is waited for keeps the process alive, a timer for a refresh does not', async (t) => {
  const config = JSON.stringify(quick.config);
  const waiting = program(`
    import { openClient } from 'oauth2-wasm';
    const client = await openClient(${config});
    client.deviceSignIn({ show: ({ polling, cancel }) => polling && setTimeout(() => console.log('polled') ?? cancel(), 2500).unref() }).catch(({ kind }) => console.log(kind));
  `);
  const refreshing = program(`
    import { openClient } from 'oauth2-wasm';
    const client = await openClient({ ...${config}, auto_refresh: true });
    client.addEventListener('about_to_expire', () => console.log('awake'));
    await client.setToken({ access_token: 'T', token_type: 'Bearer', refresh_token: 'R', expires_in: 3600 });
    console.log('done');
  `);
  assert.equal(await waiting, 'polled\ncancelled\n');
  assert.equal(await refreshing, 'done\n');
});

/** A client in a page with a sign-in under way; its outcome and prompts are in the page. */
const beginPage = async (t, { store = 'memoryStore', config = usual.config, method = 'deviceSignIn', page } = {}) => {
  if (!page) {
    const context = await browser.newContext();
    t.after(() => context.close());
    page = await openPage(context, site.url + APP);
    await stopClock(page);
  }
  const polls = [];
  page.on('response', (response) => response.url() === config.token_endpoint && response.request().method() === 'POST' && polls.push(response));
  await page.evaluate(
    async ({ config, store, method }) => {
      window.client = await oauth.openClient(config, { store: oauth[store]() });
      window.prompts = [];
      client[method]({ show: (device) => prompts.push(device) }).then(
        (status) => (window.outcome = status),
        ({ kind, code, error }) => (window.outcome = { kind, code, error }),
      );
    },
    { config, store, method },
  );
  await page.waitForFunction(() => window.prompts.at(-1)?.polling);
  const device = await page.evaluate(() => JSON.parse(JSON.stringify(prompts.at(-1))));
  const outcome = async () => {
    await page.waitForFunction(() => window.outcome);
    return page.evaluate(() => outcome);
  };
  /** Advances the clock to the next poll, and waits for its result. */
  const poll = async () => {
    const before = polls.length;
    await page.clock.fastForward(1000 + (await page.evaluate(() => prompts.at(-1).interval_ms)));
    await until(() => polls.length > before, 'a poll');
    await page.evaluate(() => client.status());
  };
  return { page, polls, device, outcome, poll };
};

test('Q32 Q34 Chromium: pending, and then the user approves', async (t) => {
  const { device, outcome, poll, polls, page } = await beginPage(t);
  await poll();
  assert.equal(polls[0].status(), 400);
  assert.equal(await page.evaluate(() => window.outcome), undefined);
  await user(t, device, 'approve');
  await poll();
  assert.equal((await outcome()).status, 'granted');
  assert.ok(await page.evaluate(async () => (await client.userinfo()).sub));
});

test('Q34 Chromium: the user declines', async (t) => {
  const { device, outcome, poll } = await beginPage(t);
  await user(t, device, 'deny');
  await poll();
  const { kind, error } = await outcome();
  assert.deepEqual([kind, error], ['server', 'access_denied']);
});

test('Q35 Chromium: the codes run out, and no poll follows', async (t) => {
  const { outcome, polls, page } = await beginPage(t);
  await page.clock.fastForward('10:01');
  const { kind, code } = await outcome();
  assert.deepEqual([kind, code], ['expired', 'device_code_expired']);
  assert.equal(polls.length, 0);
});

test('Q34 X5 Chromium: a page whose clock runs ahead is told to slow down, does for good, and is signed in', async (t) => {
  const { device, outcome, poll, page } = await beginPage(t);
  await poll();
  await poll();
  await page.waitForFunction(() => prompts.at(-1).interval_ms > 5000);
  const intervals = await page.evaluate(() => [...new Set(prompts.map(({ interval_ms }) => interval_ms))]);
  assert.ok(
    intervals.every((ms, i) => ms === 5000 * (i + 1)),
    String(intervals),
  );
  await user(t, device, 'approve');
  await poll();
  assert.equal((await outcome()).status, 'granted');
});

test('Q36 Chromium: paused, it asks nothing; resumed and cancelled', async (t) => {
  const { outcome, poll, polls, page } = await beginPage(t);
  await page.evaluate(() => prompts[0].pause());
  await page.clock.fastForward('05:00');
  await page.evaluate(() => client.status());
  assert.equal(polls.length, 0);
  await page.evaluate(() => prompts[0].resume());
  await poll();
  await page.evaluate(() => prompts[0].cancel());
  const { kind, code } = await outcome();
  assert.deepEqual([kind, code], ['cancelled', 'cancelled']);
  await page.clock.fastForward('01:00');
  await page.evaluate(() => client.status());
  assert.equal(polls.length, 1);
});

test('Q35 Chromium: after an hour of sleep the codes are found to have run out', async (t) => {
  const { outcome, polls, page } = await beginPage(t);
  await page.clock.fastForward('01:00:00');
  assert.equal((await outcome()).kind, 'expired');
  assert.equal(polls.length, 0);
});

test('Q9 Q10 Chromium: about_to_expire is told a lead before the end, and a refresh follows by itself', async (t) => {
  const { device, outcome, poll, page } = await beginPage(t, { config: { ...usual.config, auto_refresh: true, refresh_lead_ms: 60_000 } });
  await user(t, device, 'approve');
  await poll();
  const { expires_at } = await outcome();
  await page.evaluate(() => {
    window.told = [];
    for (const type of ['about_to_expire', 'granted']) client.addEventListener(type, ({ detail }) => told.push([type, detail.expires_at]));
  });
  const wind = async (before) => page.clock.fastForward(expires_at - before - (await page.evaluate(() => Date.now())));
  await wind(70_000);
  await page.evaluate(() => client.status());
  assert.deepEqual(await page.evaluate(() => told), []);
  await wind(59_000);
  await page.waitForFunction(() => told.length === 2);
  const [first, second] = await page.evaluate(() => told);
  assert.deepEqual(first, ['about_to_expire', expires_at]);
  assert.equal(second[0], 'granted');
  assert.ok(second[1] > expires_at);
});

test('Q36 Chromium: a page that is loaded again in mid-flow takes it up from insecureSessionStore', async (t) => {
  const { device, page } = await beginPage(t, { store: 'insecureSessionStore' });
  await page.reload();
  await page.waitForFunction(() => window.oauth);
  const found = await page.evaluate(
    async (config) => (await (await oauth.openClient(config, { store: oauth.insecureSessionStore() })).status()).device,
    usual.config,
  );
  assert.deepEqual(found, { ...device, polling: false });
  const again = await beginPage(t, { store: 'insecureSessionStore', method: 'deviceResume', page });
  assert.equal(again.device.user_code, device.user_code);
  assert.deepEqual(await page.evaluate(() => prompts.map(({ polling }) => polling)), [false, true]);
  await user(t, device, 'approve');
  await again.poll();
  assert.equal((await again.outcome()).status, 'granted');
});
