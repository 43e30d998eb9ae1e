// A failed navigation leads the browser to a page. Over HTTP, and in Chromium with its own cookie
// rules.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { decide, launch } from '../../../js/test/lib/browser.mjs';
import { root } from '../../dev/workerd.mjs';
import { world } from '../lib/world.mjs';

const SESSION = '__Host-oauth2';
const browse = {
  accept: 'text/html,application/xhtml+xml,*/*;q=0.8',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
  'sec-fetch-site': 'same-origin',
};

export default (host) => {
  let w;
  before(async () => (w = await world(host, { page: join(root, 'edge/page') })));
  after(() => w?.stop());

  /** Navigates like a link of this site; `from` is the value of `sec-fetch-site`. */
  const navigate = (visitor, to, from = 'same-origin') => visitor.send(to, { headers: { ...browse, 'sec-fetch-site': from } });
  const leads = (answer, to, name) => {
    assert.deepEqual([answer.status, answer.location], [303, `${w.url}${to}`], name);
    w.keepsQuiet(answer);
  };

  test(`${host.name}: who navigates gets pages, who asks for JSON gets JSON (B20, B21, B22)`, async () => {
    const visitor = w.visitor();
    const used = await visitor.begin();
    await visitor.send(used);
    const nobody = w.visitor();
    const foreign = await w.visitor().begin();
    for (const [path, signedIn, signedOut] of [
      [used, '/', '/?error=unknown_attempt'],
      [foreign, '/', '/?error=unknown_attempt'],
      ['/auth/callback', '/', '/?error=unknown_attempt'],
      ['/auth/callback?ticket=x', '/', '/?error=unknown_attempt'],
      ['/auth/callback?bounce=x&return_to=//evil.example', '/', '/?error=unknown_attempt'],
      ['/auth/session', '/', '/?error=not_signed_in'],
      ['/api/hello', '/', '/?error=not_signed_in'],
      ['/auth/logout', '/', '/'],
      ['/auth/login?return_to=https://evil.example/', '/?error=bad_return_to', '/?error=bad_return_to'],
    ]) {
      leads(await navigate(visitor, path), signedIn, path);
      leads(await navigate(nobody, path), signedOut, path);
    }
    const nothing = await navigate(visitor, '/auth/nothing');
    assert.deepEqual([nothing.status, nothing.header('content-type')], [404, 'text/html; charset=utf-8']);
    for (const headers of [
      {},
      { accept: '*/*' },
      { ...browse, accept: 'application/json' },
      { ...browse, 'sec-fetch-dest': 'iframe' },
      { ...browse, 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' },
    ]) {
      w.refused(await visitor.send(used, { headers }), 400, 'unknown_attempt');
    }
    assert.equal((await visitor.session()).status, 200);
  });

  test(`${host.name}: from another site a browser is bounced once, and then led on (B20, B23)`, async () => {
    const visitor = w.visitor();
    const used = await visitor.begin();
    await visitor.send(used);
    for (const [signedIn, to] of [
      [true, '/'],
      [false, '/?error=unknown_attempt'],
    ]) {
      const bounce = await navigate(w.visitor(), used, 'cross-site');
      assert.equal(bounce.status, 200);
      const next = /content="0;url=([^"]+)"/.exec(bounce.text)[1].replaceAll('&amp;', '&');
      assert.ok(next.startsWith('/auth/callback?bounce=unknown_attempt&'), next);
      leads(await navigate(signedIn ? visitor : w.visitor(), next), to);
      leads(await navigate(w.visitor(), next, 'cross-site'), '/?error=unknown_attempt');
    }
  });

  if (!host.chromium) return; // what a browser does is the same everywhere

  test(`${host.name}: in Chromium, old callbacks, Back and links of other sites lead to the page (B20, B23)`, async () => {
    const browser = await launch();
    try {
      const context = await browser.newContext();
      const page = await context.newPage();
      const callbacks = [];
      page.on('request', (request) => request.url().startsWith(`${w.base}/callback`) && callbacks.push(request.url()));
      await page.goto(`${w.url}/`);
      await page.getByTestId('sign-in').click();
      await decide(page, 'approve');
      await page.getByTestId('sign-out').waitFor();
      const [used] = callbacks;
      const linked = async (to) => {
        callbacks.length = 0;
        await page.goto(`${w.api.url}/hello`);
        await page.evaluate((to) => document.body.replaceChildren(Object.assign(document.createElement('a'), { href: to, textContent: 'there' })), to);
        await page.click('a');
      };
      // Another site leads to it, so the Strict cookie comes only with the bounce.
      for (const to of [used, `${w.base}/callback?code=c&state=s`, `${w.url}/api/hello`]) {
        await linked(to);
        await page.getByTestId('sign-out').waitFor();
        assert.equal(page.url(), `${w.url}/`);
        assert.equal(callbacks.filter((url) => url.includes('bounce=')).length, 1);
        assert.ok(await page.getByTestId('alert').isHidden());
      }
      // Typed, or from the history: the browser sends the cookie.
      await page.goto(used);
      await page.getByTestId('sign-out').waitFor();
      await context.clearCookies({ name: SESSION });
      await linked(used);
      await page.getByTestId('alert').waitFor(); // in the page's own words
      await page.getByTestId('sign-in').waitFor();
      await context.close();
    } finally {
      await browser.close();
    }
  });
};
