// Sign-in in a popup, in Chromium, at the project's authorization server on another origin.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { decide, launch, openPage, pages, stopClock, strictPolicy } from './lib/browser.mjs';
import { authserver } from './lib/process.mjs';
import { until } from './lib/provider.mjs';
import { serve } from './lib/serve.mjs';

const [APP, FINISH] = ['/pages/app.html', '/pages/finish.html'];
const SEVERE = { 'cross-origin-opener-policy': 'same-origin' };

let browser, sites, servers;
before(async () => {
  const folder = pages();
  // The same pages with and without a policy that isolates windows, and an unrelated origin.
  const [plain, severe, foreign] = await Promise.all([
    serve(folder, { headers: strictPolicy() }),
    serve(folder, { headers: { ...strictPolicy(), ...SEVERE } }),
    serve(folder, { extra: { '/attack.html': '<!doctype html><title>attack</title>' } }),
  ]);
  sites = { plain, severe, foreign };
  servers = {};
  for (const name of ['plain', 'severe']) servers[name] = await authserver(sites[name].url + FINISH);
  browser = await launch();
});
after(async () => {
  await browser?.close();
  for (const server of Object.values(servers ?? {})) await server.stop();
  for (const site of Object.values(sites ?? {})) site.stop();
});

/**
 * The app's page with a client, prepared to begin with a click. Its clock stands still, and the
 * test advances it; that cannot be done while a window waits for its server.
 */
const open = async (t, name = 'plain', { clock = 'stopped', ...more } = {}) => {
  const context = await browser.newContext();
  t.after(() => context.close());
  const page = await openPage(context, sites[name].url + APP);
  if (clock === 'stopped') await stopClock(page);
  await page.evaluate(
    async (config) => {
      const client = (window.client = await oauth.openClient(config));
      window.outcomes = [];
      /** Begins in a click, as browsers require. */
      window.begin = (parameters) => {
        const button = document.body.appendChild(document.createElement('button'));
        button.onclick = () => {
          const n = outcomes.push(null) - 1;
          oauth.signInPopup(client, parameters).then(
            ({ status, app_state }) => (outcomes[n] = { status, app_state }),
            ({ name, kind, code, op, error, message }) => (outcomes[n] = kind ? { kind, code, op, ...(error && { error }) } : `${name}: ${message}`),
          );
          button.remove();
        };
      };
    },
    { ...servers[name].config, ...more },
  );
  const outcome = async (n = 0) => {
    await page.waitForFunction((n) => outcomes[n], n);
    return page.evaluate((n) => outcomes[n], n);
  };
  /** Clicks, and returns the window that opens. */
  const begin = async (parameters) => {
    await page.evaluate((parameters) => begin(parameters), parameters);
    const [popup] = await Promise.all([context.waitForEvent('page'), page.click('button')]);
    return popup;
  };
  const settled = () => page.evaluate(() => outcomes.some(Boolean));
  return { context, page, begin, outcome, settled, config: servers[name].config };
};

/** The page's window is in `window.popup`. */
const keepPopup = (page) =>
  page.evaluate(() => {
    const open = window.open.bind(window);
    window.open = (...given) => (window.popup = open(...given));
  });

/**
 * Time for the page to check its window several times, as while a user is at the server's pages, in
 * milliseconds.
 */
const LOOKS = 1000;
const looks = (page) => page.clock.runFor(LOOKS);
const closed = (popup) => until(() => popup.isClosed(), 'the window is closed');
/**
 * After the page was in front of the user for this long, in milliseconds, a window that seems
 * closed counts as closed. In these pages no event reports that the user came back.
 */
const HERE = 11_000;
/** Waits until the page that the server led to has found that nobody takes its reply. */
const notTaken = async (popup, page) => {
  await popup.waitForURL((url) => url.pathname === FINISH);
  await page.clock.runFor(1000);
  await popup.waitForFunction(() => document.title === 'not taken');
};
const atServer = (popup) => popup.waitForURL(/\/authorize/);

for (const name of ['plain', 'severe']) {
  test(`Q41 X8 a popup signs in and closes, and the page stays: ${name === 'plain' ? 'no opener policy' : 'Cross-Origin-Opener-Policy: same-origin'}`, async (t) => {
    const { begin, outcome, page } = await open(t, name);
    const popup = await begin({ app_state: 'page 7' });
    await atServer(popup);
    await decide(popup, 'approve');
    assert.deepEqual(await outcome(), { status: 'granted', app_state: 'page 7' });
    await closed(popup);
    assert.equal(page.url(), sites[name].url + APP);
    assert.ok(await page.evaluate(async () => (await client.userinfo()).sub));
  });

  test(`Q22 X8 what the server refuses settles the popup too: ${name}`, async (t) => {
    const { begin, outcome } = await open(t, name);
    const popup = await begin();
    await atServer(popup);
    await decide(popup, 'deny');
    assert.deepEqual(await outcome(), { kind: 'server', code: 'oauth_error', op: 'sign_in_popup', error: 'access_denied' });
    await closed(popup);
  });

  test(`X8 the signal ends it with its reason: ${name}`, async (t) => {
    const { begin, outcome, page, context } = await open(t, name);
    await page.evaluate(() => {
      window.controller = new AbortController();
      const { signInPopup } = oauth;
      window.oauth = { ...oauth, signInPopup: (client, parameters) => signInPopup(client, { ...parameters, signal: controller.signal }) };
    });
    const popup = await begin();
    await atServer(popup);
    await page.evaluate(() => controller.abort(new Error('changed my mind')));
    assert.equal(await outcome(), 'Error: changed my mind');
    // Under the policy the window is out of the page's reach.
    if (name === 'plain') await closed(popup);
    else assert.equal(context.pages().length, 2);
  });
}

test('X8 a popup that the user closes settles as cancelled', async (t) => {
  const { begin, outcome, page } = await open(t);
  const popup = await begin();
  await atServer(popup);
  await looks(page);
  await popup.close();
  await page.clock.runFor(HERE);
  assert.deepEqual(await outcome(), { kind: 'cancelled', code: 'popup_closed', op: 'sign_in_popup' });
  assert.equal((await page.evaluate(() => client.status())).status, 'not_authenticated');
});

test('X8 a popup that the user closes before the server answers settles as cancelled', async (t) => {
  const { begin, outcome, context, page } = await open(t, 'plain', { clock: 'usual' });
  await context.route(/\/authorize/, () => {}); // no answer
  await keepPopup(page);
  const popup = await begin();
  await page.waitForFunction(() => window.popup.onbeforeunload);
  await popup.close({ runBeforeUnload: true }); // like the browser's own button
  assert.deepEqual(await outcome(), { kind: 'cancelled', code: 'popup_closed', op: 'sign_in_popup' });
});

test('X8 under an opener policy a slow server does not look like a closed window', async (t) => {
  const { begin, outcome, context, page, settled } = await open(t, 'severe', { clock: 'usual' });
  let go;
  const hold = async (route) => {
    await new Promise((resolve) => (go = resolve));
    await route.continue();
  };
  await context.route(/\/authorize/, hold, { times: 1 });
  const popup = await begin();
  await until(() => go, 'the request');
  await page.waitForTimeout(LOOKS);
  assert.equal(await settled(), false);
  go();
  await atServer(popup);
  await page.waitForTimeout(LOOKS);
  assert.equal(await settled(), false);
  await decide(popup, 'approve');
  assert.equal((await outcome()).status, 'granted');
});

test('E42 X8 a popup whose user comes back to the page counts as closed sooner, and not while they are elsewhere', async (t) => {
  const { begin, outcome, settled, page } = await open(t);
  const popup = await begin();
  await atServer(popup);
  await looks(page);
  await page.evaluate(() => (document.hasFocus = () => window.focused));
  await popup.close();
  await page.clock.runFor(60_000);
  assert.equal(await settled(), false);
  await page.evaluate(() => {
    window.focused = true;
    dispatchEvent(new Event('focus'));
  });
  await page.clock.runFor(2_000);
  assert.deepEqual(await outcome(), { kind: 'cancelled', code: 'popup_closed', op: 'sign_in_popup' });
});

/** From the user's first click on, the server's pages isolate their window from the page. */
const severeLater = async (context) => {
  await context.route(/\/authorize/, async (route) => {
    if (route.request().method() !== 'POST') return route.continue();
    const response = await route.fetch({ maxRedirects: 0 });
    return route.fulfill({ response, headers: { ...response.headers(), ...SEVERE } });
  });
};

/** Goes on to a page with that policy: for the app's page, the window looks closed. */
const goesOn = async (popup, page) => {
  await popup.locator('[data-testid=continue], [data-testid=login]').first().waitFor();
  await popup.fill('[name=username]', 'alice');
  await popup.fill('[name=password]', 'alice');
  await popup.getByTestId('login').click();
  await popup.getByTestId('approve').waitFor();
  await looks(page);
};

test('E42 X8 a window that a later page of the server takes away is not closed', async (t) => {
  const { begin, outcome, settled, context, page } = await open(t);
  await severeLater(context);
  await keepPopup(page);
  const popup = await begin();
  await atServer(popup);
  await looks(page);
  await goesOn(popup, page);
  assert.equal(await page.evaluate(() => window.popup.closed), true, 'the policy is not in force');
  assert.equal(await settled(), false);
  await decide(popup, 'approve');
  assert.equal((await outcome()).status, 'granted');
  await closed(popup);
});

test('E42 X8 a reply that comes when the window counted as closed still signs in, unless the signal or the client has ended it', async (t) => {
  for (const ended of ['', 'signal', 'client']) {
    const { begin, outcome, context, page } = await open(t);
    await severeLater(context);
    await page.evaluate(() => {
      window.controller = new AbortController();
      window.granted = new Promise((resolve) => client.addEventListener('granted', () => resolve('granted')));
      const { signInPopup } = oauth;
      window.oauth = { ...oauth, signInPopup: (client, parameters) => signInPopup(client, { ...parameters, signal: controller.signal }) };
    });
    const popup = await begin();
    await atServer(popup);
    await looks(page);
    await goesOn(popup, page);
    await page.clock.runFor(HERE);
    assert.deepEqual(await outcome(), { kind: 'cancelled', code: 'popup_closed', op: 'sign_in_popup' });
    if (ended) await page.evaluate((ended) => (ended === 'signal' ? controller.abort() : client.close()), ended);
    await decide(popup, 'approve');
    if (ended) {
      await notTaken(popup, page);
      assert.equal(popup.isClosed(), false, `${ended}: the reply was taken`);
      if (ended === 'signal') assert.equal((await page.evaluate(() => client.status())).status, 'not_authenticated');
    } else {
      assert.equal(await page.evaluate(() => granted), 'granted');
      await closed(popup);
    }
  }
});

for (const [life, before, end] of [
  [undefined, '09:50', '00:20'],
  [60_000, '00:50', '00:20'],
  [1_800_000, '29:50', '00:20'],
]) {
  test(`X8 E42 a popup that nobody finishes ends with its attempt: ${life ?? 'default'}`, async (t) => {
    const { begin, outcome, page, settled } = await open(t, 'plain', { attempt_life_ms: life });
    const popup = await begin();
    await atServer(popup);
    await page.clock.fastForward(before);
    assert.equal(await settled(), false);
    await page.clock.fastForward(end);
    assert.deepEqual(await outcome(), { kind: 'expired', code: 'attempt_expired', op: 'sign_in_popup' });
    await closed(popup);
  });
}

test('X8 a popup that the browser blocks is an error', async (t) => {
  const { page } = await open(t);
  const error = await page.evaluate(() => {
    window.open = () => null; // what browsers answer outside of a click
    return oauth.signInPopup(client).catch(({ kind, code, op, message }) => ({ kind, code, op, message }));
  });
  assert.deepEqual(error, { kind: 'client', code: 'popup_blocked', op: 'sign_in_popup', message: 'oauth2-wasm: sign_in_popup: popup blocked' });
});

test('X8 where the authorization request cannot be made, the window is closed', async (t) => {
  const { begin, outcome } = await open(t);
  const popup = await begin({ scope: 'a\\b' });
  assert.deepEqual(await outcome(), { kind: 'client', code: 'bad_value', op: 'sign_in_popup' });
  await closed(popup);
});

test('H9 two popups at once do not get into each other’s way', async (t) => {
  const { begin, outcome } = await open(t);
  const [first, second] = [await begin({ app_state: 'first' }), await begin({ app_state: 'second' })];
  await atServer(first);
  await atServer(second);
  await decide(second, 'approve');
  assert.equal((await outcome(1)).app_state, 'second');
  await closed(second);
  assert.equal(first.isClosed(), false);
  // The user is signed in at the server by now.
  await first.reload();
  await decide(first, 'approve');
  assert.equal((await outcome(0)).app_state, 'first');
  await closed(first);
});

test('X10 no page of another origin can hand in a reply', async (t) => {
  const { begin, outcome, settled, context, page } = await open(t);
  const popup = await begin();
  await atServer(popup);
  const { searchParams } = new URL(popup.url());
  const state = searchParams.get('state');
  const reply = `${searchParams.get('redirect_uri')}?code=STOLEN&state=${state}&iss=${servers.plain.config.issuer}`;
  const attack = await context.newPage();
  await attack.goto(sites.foreign.url + '/attack.html');
  await attack.evaluate(([name, reply]) => new BroadcastChannel(name).postMessage(reply), ['oauth2-wasm.popup ' + state, reply]);
  await page.evaluate((reply) => dispatchEvent(new MessageEvent('message', { data: reply, origin: 'https://attack.example' })), reply);
  await popup.evaluate((reply) => window.opener.postMessage(reply, '*'), reply);
  await looks(page);
  assert.equal(await settled(), false);
  await decide(popup, 'approve');
  assert.equal((await outcome()).status, 'granted');
});

test('H9 a reply that no page waits for is left to the page that it came to', async (t) => {
  const { context } = await open(t);
  const page = await context.newPage();
  await page.goto(`${sites.plain.url + FINISH}?code=c&state=unknown`);
  await notTaken(page, page);
  for (const none of ['', '?response=no.JWT', '?response=', '?response=e30.e30.e30']) {
    await page.goto(sites.plain.url + FINISH + none);
    await notTaken(page, page);
  }
  assert.equal(page.isClosed(), false);
});
