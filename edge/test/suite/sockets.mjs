// WebSockets through the proxy: who may open one, what the upstream server gets, and when it ends.
// With npm ws as WebSocket server, and in Chromium.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { WebSocket } from 'ws';
import { decide, launch } from '../../../js/test/lib/browser.mjs';
import { root } from '../../dev/workerd.mjs';
import { soon } from '../lib/soon.mjs';
import { world } from '../lib/world.mjs';

const TICKET = 'oauth2-ticket.';

export default (host) => {
  let w;
  before(async () => (w = await world(host, { page: join(root, 'edge/page') })));
  after(() => w?.stop());
  afterEach(() => {
    w.gate.open();
    for (const { socket } of w.api.sockets.splice(0)) socket.terminate();
  });

  const signedIn = async () => {
    const visitor = w.visitor();
    await visitor.signIn();
    return visitor;
  };
  const ticket = async (visitor, path) => {
    const answer = await visitor.call(`/auth/ticket?path=${encodeURIComponent(path)}`, { method: 'POST', headers: { 'content-length': 0 } });
    assert.equal(answer.status, 200, answer.text);
    w.keepsQuiet(answer);
    return answer.json.protocols;
  };
  /** Opens a socket. Returns it, or the status and code of the refusal. */
  const open = (visitor, path, protocols, { origin = w.url, port = new URL(w.url).port } = {}) =>
    new Promise((resolve, reject) => {
      const cookie = [...visitor.jar()].map((pair) => pair.join('=')).join('; ');
      const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, protocols, { headers: { cookie, host: new URL(w.url).host, ...(origin && { origin }) } });
      socket.heard = [];
      socket.on('message', (data, binary) => socket.heard.push(binary ? data : String(data)));
      socket.over = new Promise((over) => socket.once('close', (code) => over(code)));
      socket.once('open', () => resolve(socket));
      socket.once('unexpected-response', async (_, answer) => {
        let text = '';
        for await (const part of answer) text += part;
        resolve({ refused: `${answer.statusCode} ${text && JSON.parse(text).error}` });
      });
      socket.once('error', reject);
    });
  const opened = async (visitor, path = '/api/live', ...more) => {
    const socket = await open(visitor, path, [...(await ticket(visitor, path.split('?')[0])), ...more]);
    assert.ok(!socket.refused, socket.refused);
    return socket;
  };
  const says = async (socket, text) => {
    if (!socket.heard.length) await soon(once(socket, 'message'), 'a message');
    assert.deepEqual(socket.heard.shift(), text);
  };

  if (host.sockets === 'none') {
    test(`${host.name}: a server that has no sockets ends the connection, and nothing is opened (B31)`, async () => {
      const visitor = await signedIn();
      await assert.rejects(open(visitor, '/api/live', await ticket(visitor, '/api/live')));
      assert.equal(w.api.sockets.length, 0);
      assert.equal((await visitor.session()).status, 200);
    });
    return;
  }

  if (host.sockets === false) {
    test(`${host.name}: a host that carries no sockets says so (B31)`, async () => {
      const visitor = await signedIn();
      assert.deepEqual(await open(visitor, '/api/live', await ticket(visitor, '/api/live')), { refused: '501 upstream_unsupported' });
      assert.deepEqual(await open(visitor, '/api/live', await ticket(visitor, '/api/live'), { origin: w.api.url }), { refused: '403 foreign_origin' });
    });
    return;
  }

  test(`${host.name}: a page's socket reaches the server behind, with the token and without the ticket (B30)`, async () => {
    const visitor = await signedIn();
    const socket = await opened(visitor, '/api/live?room=1', 'chat', 'other');
    assert.equal(socket.protocol, 'chat');
    const [{ headers, url }] = w.api.sockets;
    assert.match(headers.authorization, /^Bearer /);
    assert.deepEqual([url, headers.cookie, headers.origin, headers['x-csrf']], ['/live?room=1', undefined, undefined, undefined]);
    assert.deepEqual(headers['sec-websocket-protocol'].split(/, */), ['chat', 'other']);
    assert.ok(!JSON.stringify(w.api.sockets.map(({ headers, url }) => [headers, url])).includes(TICKET));
    socket.send('hello');
    await says(socket, 'hello');
    const large = Buffer.alloc(1 << 19, 'x');
    socket.send(large);
    await says(socket, large);
    socket.close(1000);
    assert.equal(await soon(w.api.sockets[0].gone, 'the end at the server'), 1000);
    // If the server chooses no subprotocol, the browser gets `oauth2`.
    const other = await opened(visitor);
    assert.equal(other.protocol, 'oauth2');
    w.api.sockets[1].socket.close(1000);
    assert.equal(await soon(other.over, 'the end'), 1000);
  });

  test(`${host.name}: attacks on sockets: foreign pages, no page, tickets of others, used ones, in the URL (B31, B32)`, async () => {
    const [visitor, other] = [await signedIn(), await signedIn()];
    const good = () => ticket(visitor, '/api/live');
    for (const origin of ['https://evil.example', 'null', w.url.replace('http:', 'https:'), w.api.url, undefined]) {
      assert.deepEqual(await open(visitor, '/api/live', await good(), { origin: origin ?? '' }), { refused: '403 foreign_origin' }, origin);
    }
    assert.deepEqual(await open(visitor, '/api/live', ['oauth2']), { refused: '403 missing_ticket' });
    const [, own] = await good();
    assert.deepEqual(await open(visitor, `/api/live?ticket=${own.slice(TICKET.length)}&${own}`, ['oauth2']), { refused: '403 missing_ticket' });
    assert.deepEqual(await open(visitor, '/api/live', [`${TICKET}${'A'.repeat(43)}`]), { refused: '403 bad_ticket' });
    assert.deepEqual(await open(visitor, '/api/other', await good()), { refused: '403 bad_ticket' });
    assert.deepEqual(await open(other, '/api/live', await good()), { refused: '403 bad_ticket' });
    assert.deepEqual(await open(w.visitor(), '/api/live', await good()), { refused: '401 not_signed_in' });
    const used = await good();
    const socket = await open(visitor, '/api/live', used);
    assert.ok(!socket.refused, socket.refused);
    assert.deepEqual(await open(visitor, '/api/live', used), { refused: '403 bad_ticket' });
    assert.equal(w.api.sockets.length, 1, 'the server behind hears of none of them');
    const twice = await good();
    const answers = await Promise.all([1, 2, 3, 4].map(() => open(visitor, '/api/live', twice)));
    assert.deepEqual(answers.map(({ refused }) => refused ?? '').sort(), ['', '403 bad_ticket', '403 bad_ticket', '403 bad_ticket']);
    assert.equal((await visitor.session()).status, 200);
  });

  test(`${host.name}: sockets end with the session and with the token (B33)`, async () => {
    const visitor = await signedIn();
    const socket = await opened(visitor);
    assert.equal((await visitor.call('/auth/logout', { method: 'POST', headers: { 'content-length': 0 } })).status, 200);
    await soon(socket.over, 'the end after a sign-out');
    await soon(w.api.sockets[0].gone, 'the end at the server');
    w.gate.expiresIn = 4;
    const brief = await opened(await signedIn());
    w.gate.expiresIn = undefined;
    await soon(brief.over, 'the end of the token');
  });

  test(`${host.name}: what the server behind refuses, or breaks off, and browsers that vanish (B34)`, async () => {
    const visitor = await signedIn();
    const refused = await open(visitor, '/api/no-socket', await ticket(visitor, '/api/no-socket'));
    assert.match(refused.refused, /^418/);
    const socket = await opened(visitor);
    w.api.sockets[0].socket.terminate();
    await soon(socket.over, 'the end');
    const other = await opened(visitor);
    other.terminate();
    await soon(w.api.sockets[1].gone, 'the end at the server');
  });

  test(`${host.name}: a session has sixteen sockets at once (B34)`, async () => {
    const visitor = await signedIn();
    const sockets = [];
    for (let i = 0; i < 16; i += 1) sockets.push(await opened(visitor));
    assert.deepEqual(await open(visitor, '/api/live', await ticket(visitor, '/api/live')), { refused: '429 too_many_sockets' });
    const other = await opened(await signedIn());
    other.send('hello');
    await says(other, 'hello');
    for (const socket of sockets) socket.terminate();
    await soon(Promise.all(w.api.sockets.slice(0, 16).map(({ gone }) => gone)), 'their ends');
  });

  test(`${host.name}: what one side does not read is not read for it (B34)`, async () => {
    const socket = await opened(await signedIn());
    const [{ socket: server }] = w.api.sockets;
    socket.pause();
    const piece = randomBytes(1 << 20); // cannot be compressed
    for (let i = 0; i < 64; i += 1) server.send(piece);
    await new Promise((resolve) => setTimeout(resolve, 2000)); // a host without back pressure has accepted everything by then
    if (!host.holds) assert.ok(server.bufferedAmount > 32 << 20, `${server.bufferedAmount} bytes are left at the server`);
    socket.resume();
    while (socket.heard.length < 64) await soon(once(socket, 'message'), 'what was held back');
  });

  test(`${host.name}: what a page sends and the server behind does not take is held back or bounded, never kept (B88)`, async () => {
    const socket = await opened(await signedIn());
    const [{ socket: server }] = w.api.sockets;
    server.pause();
    const piece = randomBytes(1 << 20);
    for (let i = 0; i < 64; i += 1) socket.send(piece);
    if (host.hurries) return assert.equal(await soon(socket.over, 'the end'), 1013);
    await new Promise((resolve) => setTimeout(resolve, 2000)); // a host that holds all has taken it by then
    if (!host.holds) assert.ok(socket.bufferedAmount > 32 << 20, `${socket.bufferedAmount} bytes are left at the page`);
    server.resume();
    while (socket.heard.length < 64) await soon(once(socket, 'message'), 'what was held back');
  });

  test(`${host.name}: of one ticket at two processes at once comes one socket, and a sign-out at one ends those of the other (B32, B33)`, async () => {
    if (!w.host.twin) return; // the host is one process
    const twin = await w.host.twin();
    try {
      const visitor = await signedIn();
      let socket;
      for (let round = 0; round < 5; round += 1) {
        const protocols = await ticket(visitor, '/api/live');
        const answers = await Promise.all([0, 1, 2, 3, 4, 5].map((i) => open(visitor, '/api/live', protocols, i % 2 ? { port: twin.port } : {})));
        assert.deepEqual(answers.map(({ refused }) => refused ?? '').sort(), ['', ...Array(5).fill('403 bad_ticket')]);
        socket = answers.find(({ refused }) => !refused);
      }
      const there = await open(visitor, '/api/live', await ticket(visitor, '/api/live'), { port: twin.port });
      assert.equal((await visitor.call('/auth/logout', { method: 'POST', headers: { 'content-length': 0 } })).status, 200);
      await soon(Promise.all([socket.over, there.over]), 'their ends');
    } finally {
      await twin.stop();
    }
  });

  test(`${host.name}: a socket without ticket in a plain request is none, and one in a request of a page is not switched (B31)`, async () => {
    const visitor = await signedIn();
    assert.equal((await visitor.call('/api/hello')).status, 200);
    w.refused(await visitor.call('/auth/ticket?path=/auth/session', { method: 'POST', headers: { 'content-length': 0 } }), 400, 'bad_path');
    w.refused(await visitor.send('/auth/ticket?path=/api/live', { method: 'POST', headers: { 'content-length': 0, origin: w.url } }), 403, 'missing_header');
    w.refused(
      await visitor.call('/auth/ticket?path=/api/live', { method: 'POST', headers: { 'content-length': 0, origin: w.api.url } }),
      403,
      'foreign_origin',
    );
  });

  if (!host.chromium) return; // what a browser does is the same everywhere

  test(`${host.name}: in Chromium a page opens a socket and listens, a page of another site does not, and a sign-out ends it (B30, B31, B33, B36, B37)`, async () => {
    const browser = await launch();
    try {
      const context = await browser.newContext();
      const page = await context.newPage();
      await page.goto(`${w.url}/`);
      await page.getByTestId('sign-in').click();
      await decide(page, 'approve');
      await page.getByTestId('sign-out').waitFor();
      const heard = await page.evaluate(async () => {
        const { protocols } = await (await fetch('/auth/ticket?path=/api/live', { method: 'POST', headers: { 'x-csrf': '1' } })).json();
        const socket = (window.socket = new WebSocket('/api/live?room=2', [...protocols, 'chat']));
        window.over = new Promise((over) => socket.addEventListener('close', over));
        await new Promise((opened, failed) => Object.assign(socket, { onopen: opened, onerror: failed }));
        socket.send('from the page');
        const { data } = await new Promise((message) => socket.addEventListener('message', message));
        return [data, socket.protocol];
      });
      assert.deepEqual(heard, ['from the page', 'chat']);
      // A page of another site in the same browser: it has no cookie of ours and a foreign origin.
      const foreign = await context.newPage();
      await foreign.goto(`${w.api.url}/hello`);
      const attempts = await foreign.evaluate(async (to) => {
        const results = [];
        for (const protocols of [[], ['oauth2'], ['oauth2', `oauth2-ticket.${'A'.repeat(43)}`]]) {
          const socket = new WebSocket(`${to.replace('http', 'ws')}/api/live`, protocols);
          results.push(await new Promise((done) => Object.assign(socket, { onopen: () => done('opened'), onclose: () => done('refused') })));
        }
        for (const withCredentials of [true, false]) {
          const source = new EventSource(`${to}/api/ticks`, { withCredentials });
          results.push(await new Promise((done) => Object.assign(source, { onopen: () => done('opened'), onerror: () => done('refused') })));
          source.close();
        }
        return results;
      }, w.url);
      assert.deepEqual([...new Set(attempts)], ['refused']);
      assert.equal(w.api.ticks.length, 0);
      // EventSource connects again by itself, with the last id.
      await page.evaluate(async () => {
        const source = (window.source = new EventSource('/api/ticks'));
        window.ids = [];
        source.addEventListener('message', ({ lastEventId }) => window.ids.push(lastEventId));
        await new Promise((message) => source.addEventListener('message', message, { once: true }));
      });
      w.api.ticks[0].outgoing.end();
      await page.waitForFunction(() => window.ids.length > 1);
      assert.deepEqual(await page.evaluate(() => window.ids), ['1', '2']);
      await page.evaluate(async () => {
        await fetch('/auth/logout', { method: 'POST', headers: { 'x-csrf': '1' } });
        await window.over;
      });
      await soon(w.api.sockets[0].gone, 'the end at the server');
      await page.waitForFunction(() => window.source.readyState === EventSource.CLOSED);
      await context.close();
    } finally {
      await browser.close();
    }
  });
};
