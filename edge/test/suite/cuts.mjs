// Truncated messages, in both directions, over HTTP.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { dial } from '../lib/visitor.mjs';
import { world } from '../lib/world.mjs';

const CHUNKED = 'transfer-encoding: chunked';
const BEGUN = '5\r\nbegun\r\n';

/** Ways in which a sender breaks off. */
const ways = {
  'a reset': (socket) => socket.resetAndDestroy(),
  'a half-close': (socket) => socket.end(),
  'a chunk size that is none': (socket) => socket.write('zz\r\n'),
};

export default (host) => {
  let w;
  before(async () => (w = await world(host)));
  after(() => w?.stop());

  const signedIn = async () => {
    const visitor = w.visitor();
    await visitor.signIn();
    return visitor;
  };
  /** The API's next request. */
  const heard = () => new Promise((resolve) => (w.api.heard = resolve));

  for (const [name, framing, begun] of [
    ['chunked', CHUNKED, BEGUN],
    ['of 100,000 bytes', 'content-length: 100000', 'begun'],
  ]) {
    for (const [way, breakOff] of Object.entries(ways)) {
      if (framing !== CHUNKED && way.startsWith('a chunk')) continue;
      test(`${host.name}: an upload, ${name}, that ends by ${way} is none that the API can take for finished (S34)`, async () => {
        const visitor = await signedIn();
        const request = heard();
        const { socket, over } = await dial(w.url);
        socket.write(visitor.head('POST', '/api/body', framing) + begun);
        const { whole } = await request; // it is being passed on
        breakOff(socket);
        assert.equal(await whole, false, 'the API took it for finished');
        if (!socket.destroyed) socket.end();
        assert.doesNotMatch(await over, /^HTTP\/1\.1 2/);
      });
    }
  }

  for (const way of ['a reset', 'a half-close']) {
    test(`${host.name}: a short body that ends by ${way} before its length does not reach the API (S34)`, async () => {
      const visitor = await signedIn();
      const { socket, over } = await dial(w.url);
      socket.write(`${visitor.head('POST', '/api/short', 'content-length: 10')}begun`);
      // Another request works meanwhile, so the host is reading what arrived.
      await visitor.call('/api/hello');
      ways[way](socket);
      assert.doesNotMatch(await over, /^HTTP\/1\.1 2/);
      socket.destroy();
      await visitor.call('/api/hello');
      assert.deepEqual(
        w.api.got.filter(({ url }) => url === '/short'),
        [],
      );
    });
  }

  test(`${host.name}: an API's answer that breaks off breaks off at the browser, whatever it is (S35)`, async () => {
    const visitor = await signedIn();
    for (const path of ['/cut-length', '/cut-chunked', '/cut-chunk', '/bad-chunk', '/cut-events', '/half']) {
      await assert.rejects(visitor.call(`/api${path}`), path);
    }
    for (const framing of ['length', 'chunked']) {
      await assert.rejects(visitor.call(`/api/cut-packed?framing=${framing}`, { headers: { 'accept-encoding': 'gzip' } }), `packed, ${framing}`);
    }
    for (const path of ['/cut-headers', '/no-answer', '/reset']) w.refused(await visitor.call(`/api${path}`), 502, 'upstream_network');
    assert.equal((await visitor.call('/api/hello')).status, 200);
  });

  test(`${host.name}: an answer that is packed arrives as it was packed (S35)`, async () => {
    const visitor = await signedIn();
    const answer = await visitor.call('/api/packed', { headers: { 'accept-encoding': 'gzip' } });
    assert.equal(answer.header('content-encoding'), 'gzip');
    assert.equal(gunzipSync(answer.body).toString(), 'packed '.repeat(1000));
  });

  test(`${host.name}: a token answer that breaks off is none: the sign-in fails, the session waits (S36)`, async () => {
    for (const cut of ['length', 'chunked']) {
      const visitor = w.visitor();
      const callback = await visitor.begin();
      w.gate.cut = cut;
      const answer = await visitor.send(callback);
      assert.equal(answer.location, `${w.url}/?error=network`, cut);
      assert.ok(!visitor.jar().has('__Host-oauth2'), cut);
      w.gate.open();
    }
    w.gate.expiresIn = 1;
    const visitor = await signedIn();
    w.gate.expiresIn = undefined;
    // The server says that the token lives a second; both use this machine's clock.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    for (const cut of ['length', 'chunked']) {
      w.gate.cut = cut;
      w.refused(await visitor.call('/api/hello'), 503, 'temporarily_unavailable');
    }
    w.gate.open();
    assert.equal((await visitor.call('/api/hello')).status, 200);
    for (const { headers } of w.api.got) assert.notEqual(headers.authorization, 'Bearer cut');
  });

  test(`${host.name}: a WebSocket handshake switches nothing: it is a request as any, or none (S43)`, async () => {
    const visitor = await signedIn();
    const lines = ['connection: Upgrade', 'upgrade: websocket', 'sec-websocket-version: 13', 'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=='];
    for (const path of ['/api/hello', '/api/switches']) {
      const { socket, over } = await dial(w.url);
      socket.write(visitor.head('GET', path, ...lines));
      const said = await Promise.race([over, new Promise((resolve) => socket.once('data', resolve))]);
      assert.doesNotMatch(String(said), /^HTTP\/1\.1 101/, path);
      socket.destroy();
    }
    for (const { headers } of w.api.got) for (const name of ['upgrade', 'sec-websocket-key']) assert.equal(headers[name], undefined, name);
  });
};
