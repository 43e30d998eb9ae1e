// The packed package in a page of Chromium against npm oidc-provider, as a public client with PKCE.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { launch, stopClock } from './lib/browser.mjs';
import { installed, root } from './lib/installed.mjs';
import { decide } from './lib/oidc-pages.mjs';
import { start } from './lib/process.mjs';
import { until } from './lib/provider.mjs';
import { serve } from './lib/serve.mjs';

let site;
let server;
let browser;
let issuer;

before(async () => {
  site = await serve(join(installed(), 'node_modules/oauth2-wasm/dist'), {
    extra: {
      '/index.html': '<!doctype html><title>client</title><script type="module" src="/page.js"></script>',
      '/page.js': `
        import { openClient, insecureSessionStore } from '/index.js';
        const config = JSON.parse(sessionStorage.config ?? 'null');
        if (config) {
          window.client = await openClient(config, { store: insecureSessionStore() });
          document.title = 'open';
        }`,
    },
    headers: { 'content-security-policy': "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src *" },
    types: { '.html': 'text/html' },
  });
  const provider = await start('node', [join(root, 'js/test/lib/oidc-provider.mjs'), '--interval', '7', `${site.url}/`], /^ready: (\S+)/);
  [issuer, server] = [provider.match[1], provider];
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.stop();
  site?.stop();
});

const openPage = async () => {
  const page = await (await browser.newContext()).newPage();
  const requests = [];
  page.on('request', (request) => {
    if (request.url() === `${issuer}/token` && request.method() === 'POST') requests.push(new URLSearchParams(request.postData()));
  });
  await page.goto(`${site.url}/?`);
  await page.evaluate((config) => sessionStorage.setItem('config', JSON.stringify(config)), {
    issuer,
    client_id: 'public',
    redirect_uri: `${site.url}/`,
    discovery: true,
    scope: 'openid profile',
  });
  const ready = () => page.waitForFunction(() => document.title === 'open');
  await page.reload();
  await ready();
  return { page, requests, ready };
};

/**
 * Signs in on the server's own pages and stops at the client's page with the callback in its
 * address.
 */
const signIn = async ({ page, ready }) => {
  const begun = await page.evaluate(() => window.client.authorize({ app_state: 'page 7' }));
  await page.goto(begun.url);
  await page.fill('input[name=login]', 'alice');
  await page.fill('input[name=password]', 'x');
  await page.click('button[type=submit]');
  await page.click('button[type=submit]');
  await page.waitForURL(`${site.url}/?*code=*`);
  await ready();
  return page.url();
};

test('Q12 Q22 Q23 Q13 H5 X9 a page of Chromium against oidc-provider: wrong callbacks, sign-in, rotation, lost answer, replay, revocation', async (t) => {
  const client = await openPage();
  const { page, requests } = client;
  /** Calls a method in the page; a rejection is returned as its kind and code. */
  const call = (method, ...args) =>
    page.evaluate(
      async ([name, list]) => {
        try {
          return { ok: await window.client[name](...list) };
        } catch (error) {
          return { failed: `${error.kind} ${error.code}` };
        }
      },
      [method, args],
    );
  const callback = await signIn(client);
  const changed = (change) => {
    const url = new URL(callback);
    change(url.searchParams);
    return url.href;
  };

  await t.test('Q22 a callback with wrong state, without code, with an error, from another issuer', async () => {
    assert.equal(
      (
        await call(
          'handleRedirect',
          changed((q) => q.set('state', 'other')),
        )
      ).failed,
      'callback_not_verified wrong_state',
    );
    assert.equal(
      (
        await call(
          'handleRedirect',
          changed((q) => q.delete('iss')),
        )
      ).failed,
      'callback_not_verified missing_iss',
    );
    assert.equal(
      (
        await call(
          'handleRedirect',
          changed((q) => q.set('iss', 'https://other.example')),
        )
      ).failed,
      'callback_not_verified wrong_iss',
    );
    assert.equal(
      (
        await call(
          'handleRedirect',
          changed((q) => (q.delete('code'), q.set('error', 'access_denied'))),
        )
      ).failed,
      'server oauth_error',
    );
    assert.equal(requests.length, 0);
  });
  await t.test('Q12 Q22 the right callback signs in, with verified claims, its second delivery sends nothing, after a reload neither', async () => {
    const [first, second] = await Promise.all([call('handleRedirect', callback), call('handleRedirect', callback)]);
    assert.equal(first.ok?.status, 'granted');
    assert.equal(first.ok.app_state, 'page 7');
    const { iss, sub, aud, exp, name } = first.ok.claims;
    assert.deepEqual([iss, sub, aud, name], [issuer, 'alice', 'public', undefined]);
    assert.ok(exp * 1000 > Date.now());
    assert.deepEqual(second.ok, first.ok);
    // For the page that is loaded next, the reply was redeemed elsewhere: it gets the resulting
    // session.
    await page.goto(callback);
    await client.ready();
    const again = await call('handleRedirect', callback);
    assert.deepEqual([again.ok?.status, again.ok?.app_state, again.ok?.handled_elsewhere], ['granted', 'page 7', true]);
    assert.equal(requests.length, 1);
    assert.ok(requests[0].get('code_verifier').length >= 43);
  });
  await t.test('Q2 who signed in comes from userinfo', async () => {
    const { ok } = await call('userinfo');
    assert.equal((ok.claims ?? ok).sub, 'alice');
  });
  await t.test('Q23 H5 refresh rotates, and is shared by whoever asks at the same time', async () => {
    const before = requests.length;
    // In one turn of the page: calls from outside arrive one by one, and the first may have ended
    // by then.
    const results = await page.evaluate(() => Promise.all([1, 2, 3].map(() => window.client.refresh())));
    assert.ok(
      results.every(({ status }) => status === 'granted'),
      JSON.stringify(results),
    );
    assert.equal(requests.length, before + 1);
    await call('refresh');
    assert.notEqual(requests.at(-1).get('refresh_token'), requests.at(-2).get('refresh_token'));
  });
  await t.test('X9 the answer to a refresh gets lost: sent once more, which this server takes for theft', async () => {
    await page.route(
      `${issuer}/token`,
      async (route) => {
        await route.fetch();
        await route.abort('connectionreset');
      },
      { times: 1 },
    );
    const before = requests.length;
    assert.equal((await call('refresh')).failed, 'server outcome_lost');
    assert.equal(requests.length, before + 2);
    assert.equal(requests.at(-1).get('refresh_token'), requests.at(-2).get('refresh_token'));
    assert.equal((await call('status')).ok.status, 'not_authenticated');
  });
  await t.test('H2 signed in anew and signed out: the server takes the refresh token no more', async () => {
    const begun = await page.evaluate(() => window.client.authorize());
    await page.goto(begun.url);
    await page.waitForURL(/code=|interaction/);
    if (page.url().includes('interaction')) await page.click('button[type=submit]');
    await page.waitForURL(`${site.url}/?*code=*`);
    await client.ready();
    assert.equal((await call('handleRedirect', page.url())).ok?.status, 'granted');
    await call('refresh');
    const used = requests.at(-1);
    assert.equal((await call('logOut')).ok?.revoked, true);
    const replay = await fetch(`${issuer}/token`, { method: 'POST', body: used });
    assert.equal(replay.status, 400);
    assert.equal((await call('token')).failed, 'client not_signed_in');
  });
});

/** A device flow in the page; `poll` advances its clock to the next poll. */
const deviceFlow = async (t) => {
  const { page, requests } = await openPage();
  t.after(() => page.context().close());
  await stopClock(page);
  await page.evaluate(() => {
    window.prompts = [];
    window.client.deviceSignIn({ show: (device) => prompts.push(device) }).then(
      (status) => (window.outcome = status),
      ({ kind, code, error }) => (window.outcome = { kind, code, error }),
    );
  });
  await page.waitForFunction(() => window.prompts.at(-1)?.polling || window.outcome);
  const device = await page.evaluate(() => JSON.parse(JSON.stringify(window.prompts.at(-1) ?? window.outcome)));
  const poll = async () => {
    const before = requests.length;
    await page.clock.fastForward(1000 + device.interval_ms);
    await until(() => requests.length > before, 'a poll');
  };
  const outcome = async () => {
    await page.waitForFunction(() => window.outcome);
    return page.evaluate(() => window.outcome);
  };
  return { page, device, poll, outcome, requests };
};

test('Q32 Q34 Q38 a page of Chromium against oidc-provider: the device flow, approved', async (t) => {
  const { page, device, poll, outcome, requests } = await deviceFlow(t);
  assert.equal(device.interval_ms, 7000);
  await poll();
  assert.equal(requests[0].get('grant_type'), 'urn:ietf:params:oauth:grant-type:device_code');
  await decide(device.verification_uri_complete, 'approve');
  await poll();
  const { status, id_token, claims } = await outcome();
  assert.equal(status, 'granted');
  assert.ok(id_token);
  assert.deepEqual([claims.iss, claims.sub, claims.aud], [issuer, '248289761001', 'public']);
  assert.equal((await page.evaluate(() => client.profile())).id, '248289761001');
  assert.equal((await page.evaluate(() => client.refresh())).status, 'granted');
});

test('Q34 a page of Chromium against oidc-provider: the device flow, declined', async (t) => {
  const { device, poll, outcome } = await deviceFlow(t);
  await decide(device.verification_uri_complete, 'deny');
  await poll();
  assert.deepEqual(await outcome(), { kind: 'server', code: 'oauth_error', error: 'access_denied' });
});
