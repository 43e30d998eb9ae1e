// Bodies of requests that are streams, through a vault. Chromium sends them as they come, by
// HTTP/2; Firefox and WebKit send no streams, so there they are read first.
import assert from 'node:assert/strict';
import { createSecureServer } from 'node:http2';
import { after, before, test } from 'node:test';
import { launch, strictPolicy } from './lib/browser.mjs';
import { drivers } from './lib/drivers.mjs';
import { until } from './lib/provider.mjs';
import { certificate, named } from './lib/tls.mjs';
import { enter, openClient, PAGE, small } from './lib/vault.mjs';

const browsers = process.env.BROWSERS?.split(' ') ?? Object.keys(drivers);
const API = 'https://api.example';

let app;
before(async () => {
  const { 'content-security-policy': policy } = strictPolicy();
  app = await small({ headers: { 'content-security-policy': policy.replace('connect-src', `connect-src ${API}`) } });
  app.extra['/auth-https.js'] = app.entry({ token_destinations: [`${API}/`] });
  app.server.answers['/api/echo'] = ({ body, headers }) => ({
    body: { body, type: headers['content-type'] ?? null, length: headers['content-length'] ?? null },
  });
});
after(() => app?.stop());

const ways = { shared: () => {}, dedicated: () => delete window.SharedWorker };

/** A server for https and HTTP/2. A test reads the streams that come, and answers them. */
const upstream = async (t) => {
  const server = createSecureServer(certificate('api.example'));
  const requests = [];
  const cors = { 'access-control-allow-origin': '*', 'access-control-allow-headers': 'authorization, content-type', 'access-control-allow-methods': '*' };
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    if (headers[':method'] === 'OPTIONS') return stream.respond({ ':status': 204, ...cors }, { endStream: true });
    const answer = (body, status = 200) => {
      stream.respond({ ':status': status, 'content-type': 'application/json', ...cors });
      stream.end(JSON.stringify(body));
    };
    requests.push({ headers, stream, answer });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const sessions = new Set();
  server.on('session', (session) => sessions.add(session));
  t.after(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return { port: server.address().port, requests };
};

if (browsers.includes('chromium')) {
  for (const way of Object.keys(ways)) {
    test(`P73 chromium, ${way}: a stream is sent as it comes, waits for who reads it, and ends with what ends the request`, async (t) => {
      const { port, requests } = await upstream(t);
      const browser = await launch({ args: ['--headless', '--no-sandbox', ...named({ 'api.example': port })] });
      t.after(() => browser.close());
      const page = await browser.newPage();
      await page.addInitScript(ways[way]);
      await page.goto(app.site.url + PAGE);
      await page.waitForFunction(() => window.openVault);
      await page.evaluate(async () => {
        const client = (window.client = await window.openVault({ worker: '/auth-https.js' }));
        const { url, state } = await client.authorize();
        const back = new URL(new URL(url).searchParams.get('redirect_uri'));
        back.search = new URLSearchParams({ code: 'THE-CODE', state });
        await client.callback({ url: back.href });
        /** A stream whose pieces a test gives. */
        window.begin = (url, options) => {
          const one = (window.one = { pulled: 0 });
          one.waits = new Promise((resolve) => (one.said = resolve));
          const body = new ReadableStream({
            start: (controller) => void (one.controller = controller),
            pull: () => void one.pulled++,
            cancel: () => void (one.cancelled = true),
          });
          one.abort = new AbortController();
          one.outcome = client.fetch(url, { method: 'POST', body, duplex: 'half', signal: one.abort.signal, ...options }).then(
            async (response) => [response.status, await response.json()],
            ({ name, code, message }) => [code ?? name, message],
          );
        };
        window.give = (text) => window.one.controller.enqueue(new TextEncoder().encode(text));
      });
      const begin = (path) => page.evaluate((url) => window.begin(url), API + path);
      const outcome = () => page.evaluate(() => window.one.outcome);

      await begin('/one');
      await page.evaluate(() => window.give('first '));
      await until(() => requests.length === 1, 'the request, before its body has ended');
      const [{ stream, headers, answer }] = requests;
      let got = '';
      stream.on('data', (part) => (got += part));
      await until(() => got === 'first ', 'the first part');
      await page.evaluate(() => window.give('second'));
      await until(() => got === 'first second', 'the second part');
      await page.evaluate(() => window.one.controller.close());
      await until(() => stream.readableEnded, 'the end');
      answer({ ok: true });
      assert.deepEqual(await outcome(), [200, { ok: true }]);
      assert.match(headers.authorization, /^Bearer ACCESS-/);
      assert.equal(headers['content-type'], undefined);

      // Nobody reads: pieces of 8 MB wait in the page, and few are on the way.
      await page.evaluate((url) => {
        const one = (window.one = { pulled: 0 });
        const body = new ReadableStream(
          {
            pull: (controller) => {
              if (++one.pulled > 12) return controller.close();
              controller.enqueue(new Uint8Array(8 << 20));
            },
          },
          { highWaterMark: 0 },
        );
        one.outcome = window.client.fetch(url, { method: 'POST', body, duplex: 'half' }).then(
          ({ status }) => status,
          ({ message }) => message,
        );
      }, `${API}/slow`);
      await until(() => requests.length === 2, 'the second request');
      for (let i = 0; i < 50; i++) await page.evaluate(() => new Promise((resolve) => setTimeout(resolve)));
      assert.ok((await page.evaluate(() => window.one.pulled)) < 8);
      let bytes = 0;
      requests[1].stream.on('data', (part) => (bytes += part.length));
      await until(() => requests[1].stream.readableEnded, 'all of it');
      assert.equal(bytes, 12 * (8 << 20));
      requests[1].answer({});
      assert.equal(await outcome(), 200);

      // The page ends it.
      await begin('/aborted');
      await page.evaluate(() => window.give('some'));
      await until(() => requests.length === 3, 'the third request');
      const over = new Promise((resolve) => requests[2].stream.once('close', () => resolve(requests[2].stream.rstCode)));
      await page.evaluate(() => window.one.abort.abort(new Error('enough')));
      assert.deepEqual(await outcome(), ['Error', 'enough']);
      assert.notEqual(await over, 0, 'the server does not take what came for all');
      await page.waitForFunction(() => window.one.cancelled);

      // The stream itself fails.
      await begin('/broken');
      await page.evaluate(() => window.give('some'));
      await until(() => requests.length === 4, 'the fourth request');
      const broken = new Promise((resolve) => requests[3].stream.once('close', () => resolve(requests[3].stream.rstCode)));
      await page.evaluate(() => window.one.controller.error(new Error('no more')));
      assert.equal((await outcome())[0], 'TypeError');
      assert.notEqual(await broken, 0);

      // What is refused reads nothing of it.
      await begin('.other.example/');
      assert.equal((await outcome())[0], 'resource_not_allowed');
      await page.waitForFunction(() => window.one.cancelled);

      // A 401 for the token: what was read cannot be sent again.
      await begin('/refused');
      await page.evaluate(() => (window.give('some'), window.one.controller.close()));
      await until(() => requests.length === 5, 'the fifth request');
      requests[4].stream.resume();
      await until(() => requests[4].stream.readableEnded, 'its end');
      requests[4].answer({}, 401);
      assert.deepEqual(await outcome(), [401, {}]);
      assert.equal(requests.length, 5);
    });
  }
}

for (const name of browsers.filter((one) => one !== 'chromium')) {
  test(`P73 ${name}: a stream is read before it is sent, and ends with what ends the request`, async (t) => {
    const browser = await drivers[name]();
    t.after(() => browser.stop());
    for (const way of Object.values(ways)) {
      const tab = await browser.open();
      await tab.goto(app.site.url + PAGE);
      await tab.until(() => !!window.openVault);
      await tab.evaluate(way);
      await openClient(tab);
      await enter(tab);
      const got = await tab.evaluate(async (url) => {
        const parts = ['first ', 'second'];
        const stream = (end) =>
          new ReadableStream({
            pull(controller) {
              if (parts.length) controller.enqueue(new TextEncoder().encode(parts.shift()));
              else return end(controller);
            },
            cancel: () => void (window.cancelled = true),
          });
        const send = (body, more) => window.client.fetch(url, { method: 'POST', body, duplex: 'half', ...more }).catch(String);
        const whole = await (await send(stream((controller) => controller.close()))).json();
        const abort = new AbortController();
        const never = send(
          stream(() => new Promise(() => {})),
          { signal: abort.signal },
        );
        abort.abort(new Error('enough'));
        const broken = send(stream((controller) => controller.error(new Error('no more'))));
        return [whole, await never, await broken, window.cancelled];
      }, `${app.server.url}/api/echo`);
      assert.deepEqual(got, [{ body: 'first second', type: null, length: '12' }, 'Error: enough', 'TypeError: oauth2-wasm: fetch: the body failed', true]);
    }
  });
}
