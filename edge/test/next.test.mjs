// The suite on oauth2-wasm/bff, in a route handler of Next's App Router, and what is Next's own.
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import host from './hosts/next.mjs';
import { world } from './lib/world.mjs';
import { suite } from './suite/index.mjs';

const own = () => {
  let w;
  before(async () => (w = await world(host)));
  after(() => w?.stop());
  const signedIn = async () => {
    const visitor = w.visitor();
    await visitor.signIn();
    return visitor;
  };

  test('next: the host is that of the Host header, whatever address Next listens at (B85)', async () => {
    const visitor = await signedIn();
    for (const name of ['evil.example', `127.0.0.1:${w.given.port}`, 'localhost', `${new URL(w.url).host}@evil.example`, 'a b']) {
      const { status } = await visitor.call('/auth/session', { headers: { host: name } });
      assert.ok([400, 421].includes(status), `${name}: ${status}`);
    }
    assert.equal((await visitor.session()).status, 200);
  });

  test('next: a query reaches the server behind as Next writes it, a space as %20; a slash at the end stays (B86)', async () => {
    const visitor = await signedIn();
    for (const [asked, got] of [
      ['/api/q?a=b%2Fc&a=%2B&b=%26', '/q?a=b%2Fc&a=%2B&b=%26'],
      ['/api/q?a=b%20c&d=e+f', '/q?a=b%20c&d=e%20f'],
      ['/api/q?a&b=%', '/q?a=&b=%25'],
      ['/api/q/', '/q/'],
      ['/api/q%2Fr/s;t=u', '/q%2Fr/s;t=u'],
    ]) {
      assert.equal((await visitor.call(asked)).status, 200, asked);
      assert.equal(w.api.got.at(-1).url, got);
    }
  });

  test('next: what Next packs can be unpacked, what was packed before is not packed again, and events come one by one (B87)', async () => {
    const visitor = await signedIn();
    const packs = { 'accept-encoding': 'gzip' };
    const large = await visitor.call('/api/large', { headers: packs });
    assert.equal((large.header('content-encoding') ? gunzipSync(large.body) : large.body).length, 10 << 20);
    const packed = await visitor.call('/api/packed', { headers: packs });
    assert.equal(packed.header('content-encoding'), 'gzip');
    assert.equal(gunzipSync(packed.body).toString(), 'packed '.repeat(1000));
    const cookie = [...visitor.jar()].map((pair) => pair.join('=')).join('; ');
    const headers = { host: new URL(w.url).host, cookie, 'x-csrf': '1', accept: 'text/event-stream', ...packs };
    const outgoing = request({ host: '127.0.0.1', port: w.given.port, path: '/api/events', headers, agent: false }).end();
    const incoming = await new Promise((resolve, reject) => outgoing.on('response', resolve).on('error', reject));
    const pieces = incoming[Symbol.asyncIterator]();
    assert.ok((await pieces.next()).value.length > 0); // the server behind has not sent a second one
    w.api.open.get('/events').write('data: second\n\n');
    assert.ok((await pieces.next()).value.length > 0);
    outgoing.on('error', () => {}).destroy();
  });
};

suite(host, undefined, own);
