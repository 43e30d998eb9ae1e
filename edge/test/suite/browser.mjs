// Chromium with the page of make edge: what a user does, and everything that a script of the page
// could get.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { decide, launch } from '../../../js/test/lib/browser.mjs';
import { root } from '../../dev/workerd.mjs';
import { world } from '../lib/world.mjs';
import { formPost } from './form-post.mjs';

const SESSION = '__Host-oauth2';

/** How the authorization response comes back, and the server that sends it. */
const ways = {
  query: { client: {}, method: 'GET', sameSite: 'Lax' },
  form_post: { client: formPost, method: 'POST', sameSite: 'None' },
};

const by = (way) => (host) => {
  const { client, method, sameSite } = ways[way];
  let w;
  let browser;
  before(async () => {
    w = await world(host, { page: join(root, 'edge/page'), client });
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    await w?.stop();
  });

  /** A page that records everything that it receives, and what its scripts can see. */
  const open = async () => {
    const context = await browser.newContext();
    const seen = [];
    context.on('response', (response) => {
      if (new URL(response.url()).origin !== w.url) return;
      // Scripts cannot see where a redirect leads (Fetch standard, opaque-redirect filtered
      // response).
      const headers = response.headersArray().then((all) => all.filter(({ name }) => response.status() !== 303 || name.toLowerCase() !== 'location'));
      const all = Promise.all([response.url(), headers, response.text().catch(() => '')]);
      // A page that is closed has no headers any more.
      seen.push(all.then(JSON.stringify, String));
    });
    context.on('console', (message) => seen.push(message.text()));
    // Runs before the page's own scripts.
    await context.addInitScript(() => {
      window.heard = [];
      addEventListener('message', ({ data }) => window.heard.push(data));
      const { fetch } = window;
      window.fetch = async (...args) => {
        const response = await fetch(...args);
        window.heard.push([...response.headers], await response.clone().text());
        return response;
      };
    });
    const page = await context.newPage();
    page.on('pageerror', (error) => seen.push(String(error)));
    return { context, page, seen };
  };

  const signIn = async (page) => {
    await page.goto(`${w.url}/`);
    await page.getByTestId('sign-in').click();
    await decide(page, 'approve');
    await page.getByTestId('sign-out').waitFor();
  };

  /** Everything that a script of the page can read, find and request. */
  const everything = (page) =>
    page.evaluate(async () => {
      const found = {
        heard: window.heard,
        cookie: document.cookie,
        cookies: await window.cookieStore?.getAll(),
        url: location.href,
        referrer: document.referrer,
        name: window.name,
        history: history.state,
      };
      found.localStorage = { ...localStorage };
      found.sessionStorage = { ...sessionStorage };
      found.databases = await indexedDB.databases();
      found.caches = await caches.keys();
      found.workers = (await navigator.serviceWorker.getRegistrations()).length;
      found.entries = performance.getEntries().map((entry) => entry.toJSON());
      found.html = document.documentElement.outerHTML;
      found.globals = Object.keys(window)
        .filter((name) => typeof window[name] === 'string')
        .map((name) => window[name]);
      for (const path of [
        '/auth/session',
        '/auth/token',
        '/auth/login',
        '/auth/callback',
        '/auth/callback?code=x&state=y',
        '/auth/exchange',
        '/auth/logout',
        '/auth/',
        '/api/hello',
        '/api/notes',
        '/',
        '/app.js',
      ]) {
        for (const method of ['GET', 'POST', 'OPTIONS', 'HEAD']) {
          if (path === '/auth/logout' && method === 'POST') continue; // that one is tested at the end
          for (const redirect of ['manual', 'follow']) {
            const answer = await fetch(path, { method, redirect, headers: { 'x-csrf': '1' } }).then(
              async (r) => [r.status, [...r.headers], await r.text()],
              String,
            );
            (found.answers ??= []).push([path, method, answer]);
          }
        }
      }
      return JSON.stringify(found);
    });

  const noTokens = (where, text, but = []) => {
    assert.ok(w.gate.tokens.length > 0);
    for (const { name, value } of w.gate.tokens) {
      // A part of a token would also be a leak: for a JWT its signature, which occurs nowhere else.
      for (const part of [value, value.split('.').at(-1)])
        assert.ok(but.includes(name) || !text.includes(part), `${where}: a script sees the ${name.replace('_', ' ')}`);
    }
    assert.ok(!text.includes(w.given.secrets.CLIENT_SECRET), where);
  };

  /** Waits until the page shows it. */
  const shows = (page, id, hasText) => page.getByTestId(id).filter({ hasText }).waitFor();

  test(`${host.name}: ${way}: pages of another site begin sign-ins that end nobody's, and none behind a person's back (S40, S41)`, async () => {
    const { context, page } = await open();
    const attempts = async () => (await context.cookies(w.url)).filter(({ name }) => name !== SESSION);
    await page.goto(`${w.url}/auth/login?return_to=%2F%3Fmine`);
    const signingIn = page.url();
    const [mine] = await attempts();
    const elsewhere = `${w.api.url}/hello`;
    await page.goto(elsewhere);
    for (const tag of ['img', 'iframe', 'script']) {
      // A request that a page may not read fails, with and without cookies.
      const over = (event) => page.waitForEvent(event, (request) => request.url() === `${w.url}/auth/login?${tag}`).catch(() => {});
      const ended = Promise.race([over('requestfinished'), over('requestfailed')]);
      await page.evaluate(
        ([tag, src]) => void document.documentElement.append(Object.assign(document.createElement(tag), { src })),
        [tag, `${w.url}/auth/login?${tag}`],
      );
      await ended;
    }
    assert.deepEqual(await attempts(), [mine]);
    const refused = new Set();
    for (let i = 0; i < 6; i += 1) {
      await page.goto(elsewhere);
      const answered = page.waitForResponse((response) => response.url().startsWith(`${w.url}/auth/login`));
      await page.evaluate((to) => void (location.href = to), `${w.url}/auth/login`);
      refused.add((await answered).headers().location.includes('error=too_many_attempts'));
      await page.waitForURL((url) => url.href !== elsewhere); // otherwise it would interrupt the next steps
    }
    assert.deepEqual(refused, new Set([false, true]));
    const after = await attempts();
    assert.ok(after.some(({ name, value }) => name === mine.name && value === mine.value));
    assert.ok(after.reduce((sum, { name, value }) => sum + name.length + value.length + 3, 0) < 4096);
    await page.goto(signingIn);
    await decide(page, 'approve');
    await page.getByTestId('sign-out').waitFor();
    await context.close();
  });

  test(`${host.name}: ${way}: a person signs in, reloads, calls the API, is refreshed, signs out; no script sees a token (Q10, Q13, X10)`, async () => {
    const { context, page, seen } = await open();
    await page.goto(`${w.url}/`);
    await shows(page, 'state', 'Not signed in');
    await signIn(page);
    assert.equal(page.url(), `${w.url}/`);
    await shows(page, 'claims', /alice/);
    const cookies = await context.cookies(w.url);
    assert.deepEqual(
      cookies.map(({ name, httpOnly, secure, sameSite, path }) => [name, httpOnly, secure, sameSite, path]),
      [[SESSION, true, true, 'Strict', '/']],
    );
    noTokens('after signing in', await everything(page));
    await page.reload();
    await page.getByTestId('sign-out').waitFor();
    await page.getByTestId('call').click();
    await page.getByTestId('notes').waitFor();
    await shows(page, 'token-text', /^Token of /);
    await w.revoke('access_token');
    await page.getByTestId('call').click();
    await page.getByText('renewed once behind the scenes').waitFor();
    assert.equal(w.gate.count('refresh_token'), 1);
    noTokens('after a refresh', await everything(page));

    noTokens('in cookies', JSON.stringify(await context.cookies(w.url)));
    await shows(page, 'sees', /Cookiesnone.*localStorageempty.*sessionStorageempty.*IndexedDBempty/);

    const asked = page.waitForResponse(`${w.url}/auth/logout?return_to=%2F`);
    await page.getByTestId('sign-out').click();
    await asked;
    await page.waitForURL((url) => url.origin === w.issuer || url.pathname === '/');
    if (new URL(page.url()).origin === w.issuer) await page.getByTestId('sign-out').click();
    await page.waitForURL(`${w.url}/`);
    await page.getByTestId('sign-in').waitFor();
    assert.ok((await context.cookies(w.url)).every(({ name }) => name !== SESSION));
    noTokens('in all that was sent to the page', (await Promise.all(seen)).join('\n'));

    // The answer to signing out is lost when the page leaves, so another page records it.
    await signIn(page);
    const answers = await page.evaluate(async () => {
      const out = await (await fetch('/auth/logout?return_to=%2F', { method: 'POST', headers: { 'x-csrf': '1' } })).text();
      // A script cannot read where its URL leads, either.
      const follow = (redirect) => fetch(JSON.parse(out).url, { redirect }).then(async (r) => [r.type, r.url, [...r.headers], await r.text()], String);
      return JSON.stringify([out, await follow('manual'), await follow('follow'), performance.getEntries().map((entry) => entry.toJSON())]);
    });
    assert.match(answers, /logout\?ticket=/);
    noTokens('in the answer to signing out', answers);
    await context.close();
  });

  test(`${host.name}: ${way}: who comes back from the server, which is another site, comes without the session's cookie, and is signed in (X10)`, async () => {
    const { context, page } = await open();
    const callbacks = [];
    page.on('request', (request) => request.url().startsWith(`${w.base}/callback`) && !request.url().includes('?ticket=') && callbacks.push(request));
    await signIn(page);
    const before = (await context.cookies(w.url))[0];
    // Again, with an existing session.
    await page.goto(`${w.base}/login?return_to=%2F`);
    const attempts = (await context.cookies(w.url)).filter(({ name }) => name !== SESSION);
    assert.deepEqual(
      attempts.map(({ httpOnly, secure, sameSite, path }) => [httpOnly, secure, sameSite, path]),
      [[true, true, sameSite, '/']],
    );
    await decide(page, 'approve');
    await page.getByTestId('sign-out').waitFor();
    assert.equal(callbacks.length, 2);
    const headers = await callbacks[1].allHeaders();
    assert.deepEqual([callbacks[1].method(), headers['sec-fetch-site'], headers['sec-fetch-mode']], [method, 'cross-site', 'navigate']);
    assert.equal(headers.cookie, `${attempts[0].name}=${attempts[0].value}`);
    const cookies = await context.cookies(w.url);
    assert.deepEqual(
      cookies.map(({ name }) => name),
      [SESSION],
    );
    assert.notEqual(cookies[0].value, before.value);

    // A link on a page of another site.
    await page.goto(`${w.api.url}/hello`);
    await page.evaluate((url) => document.body.replaceChildren(Object.assign(document.createElement('a'), { href: url, textContent: 'there' })), `${w.url}/`);
    const followed = page.waitForRequest(`${w.url}/`);
    await page.click('a');
    assert.equal((await (await followed).allHeaders()).cookie, undefined, 'the link itself has no session');
    await page.getByTestId('sign-out').waitFor();
    await context.close();
  });

  test(`${host.name}: ${way}: a sign-in that another site's link began ends the session before it, whose cookie comes with one bounce (S55, S56)`, async () => {
    const { context, page, seen } = await open();
    await signIn(page);
    const [before] = await context.cookies(w.url);
    const { value: token } = w.gate.tokens.findLast(({ name }) => name === 'refresh_token');
    const bounces = [];
    page.on('request', (request) => request.url().includes('/callback?ticket=') && bounces.push(request));
    await page.goto(`${w.api.url}/hello`);
    await page.evaluate(
      (url) => document.body.replaceChildren(Object.assign(document.createElement('a'), { href: url, textContent: 'there' })),
      `${w.base}/login?prompt=none&return_to=%2F`,
    );
    await page.click('a');
    await page.getByTestId('sign-out').waitFor();
    assert.equal(page.url(), `${w.url}/`);
    assert.equal(bounces.length, 1);
    const headers = await bounces[0].allHeaders();
    assert.deepEqual([bounces[0].method(), headers['sec-fetch-site'], headers.referer], ['GET', 'same-origin', undefined]);
    assert.ok(headers.cookie.includes(`${SESSION}=${before.value}`), 'the session’s cookie comes along');
    const cookies = await context.cookies(w.url);
    assert.deepEqual(
      cookies.map(({ name, sameSite }) => [name, sameSite]),
      [[SESSION, 'Strict']],
    );
    assert.notEqual(cookies[0].value, before.value);
    const revoked = w.gate.asked.filter(({ path }) => path === '/revoke').map(({ form }) => form.get('token'));
    assert.ok(revoked.includes(token), 'its tokens are ended at the server');
    const visitor = w.visitor();
    visitor.jar().set(SESSION, before.value);
    w.refused(await visitor.call('/api/hello'), 401, 'not_signed_in');
    w.refused(await visitor.session(), 401, 'not_signed_in');
    // Back does not lead to a page of the bounce.
    await page.goBack();
    assert.equal(new URL(page.url()).origin, w.api.url);
    noTokens('on the way', (await Promise.all(seen)).join('\n'));
    await context.close();
  });

  if (way !== 'query') return; // the rest does not depend on how the response comes back

  test(`${host.name}: who says no is told so, and may try again (Q2)`, async () => {
    const { context, page } = await open();
    await page.goto(`${w.url}/`);
    await page.getByTestId('sign-in').click();
    await decide(page, 'deny');
    await page.getByText('You did not allow it').waitFor();
    assert.equal(page.url(), `${w.url}/`);
    await signIn(page);
    await context.close();
  });

  test(`${host.name}: the page of another site cannot use the session (X10)`, async () => {
    const { context, page } = await open();
    await signIn(page);
    const calls = () => w.api.got.filter(({ url }) => url === '/hello').length;
    const before = calls();
    const other = await context.newPage();
    // Another site: here the API's.
    await other.goto(`${w.api.url}/hello`);
    const tried = await other.evaluate(async (url) => {
      const results = [];
      for (const init of [
        { credentials: 'include' },
        { credentials: 'include', headers: { 'x-csrf': '1' } },
        { credentials: 'include', mode: 'no-cors' },
        { method: 'POST', credentials: 'include', mode: 'no-cors', body: 'a=b' },
      ]) {
        for (const path of ['/api/hello', '/auth/session', '/auth/logout'])
          results.push(
            await fetch(url + path, init).then(
              async (r) => [r.type, await r.text()].join(),
              () => 'refused',
            ),
          );
      }
      const form = Object.assign(document.createElement('form'), { method: 'POST', action: `${url}/auth/logout` });
      document.body.append(form);
      form.submit();
      return results;
    }, w.url);
    assert.deepEqual([...new Set(tried)].sort(), ['opaque,', 'refused']);
    await other.getByTestId('alert').waitFor();
    assert.equal(new URL(other.url()).origin, w.url);
    assert.equal(calls(), before + 1, 'but for the page itself');
    await page.reload();
    await page.getByTestId('sign-out').waitFor();
    await context.close();
  });

  test(`${host.name}: the page's policy allows no script, frame or connection but its own`, async () => {
    const { context, page } = await open();
    const answer = await page.goto(`${w.url}/`);
    const policy = answer.headers()['content-security-policy'];
    assert.match(policy, /default-src 'none'/);
    assert.doesNotMatch(policy, /unsafe|\*/);
    await page.getByTestId('sign-in').waitFor();
    const tried = await page.evaluate(
      () =>
        new Promise((resolve) => {
          const refused = [];
          document.addEventListener('securitypolicyviolation', ({ effectiveDirective }) => refused.push(effectiveDirective) === 2 && resolve(refused));
          document.head.append(Object.assign(document.createElement('script'), { textContent: 'window.ran = 1' }));
          fetch('http://127.0.0.1:1/').catch(() => {});
        }),
    );
    assert.deepEqual(tried.sort(), ['connect-src', 'script-src-elem']);
    assert.equal(await page.evaluate(() => window.ran), undefined);
    await context.close();
  });

  test(`${host.name}: the page works on a telephone and by keyboard, in the light and in the dark`, async () => {
    const context = await browser.newContext({ viewport: { width: 320, height: 640 }, colorScheme: 'dark' });
    const page = await context.newPage();
    await page.goto(`${w.url}/`);
    await page.getByTestId('sign-in').waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320);
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const dark = await background();
    await page.emulateMedia({ colorScheme: 'light' });
    assert.notEqual(await background(), dark);
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.dataset.testid), 'sign-in');
    await page.keyboard.press('Enter');
    await decide(page, 'approve');
    await page.getByTestId('sign-out').waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.dataset.testid), 'call');
    await page.keyboard.press('Enter');
    await page.getByTestId('notes').waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320);
    await context.close();
  });
};

export default (host) => {
  for (const way of Object.keys(ways)) describe(way, () => by(way)(host));
};
