// Signing in, the session, calls to the API, signing out: what a page does, over HTTP.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { request } from 'node:http';
import { after, before, test } from 'node:test';
import { world } from '../lib/world.mjs';

export default (host) => {
  let w;
  before(async () => (w = await world(host)));
  after(() => w?.stop());

  test(`${host.name}: signs in, tells who it is, calls the API with a token, signs out at both (Q12, Q13, X10)`, async () => {
    const visitor = w.visitor();
    assert.equal((await visitor.session()).status, 401);
    const back = await visitor.signIn('?return_to=%2Finbox%3Fx%3D1');
    assert.equal(back.location, `${w.url}/inbox?x=1`);
    assert.equal(back.header('referrer-policy'), 'no-referrer');
    assert.equal(back.cookies.length, 2, 'each cookie in a header of its own');
    assert.match(
      back.cookies.find((line) => !line.includes('Max-Age=0')),
      /^__Host-oauth2=[\w.-]+; Path=\/; Secure; HttpOnly; SameSite=Strict$/,
    );
    const { claims, expires_at } = (await visitor.session()).json;
    assert.equal(claims.sub, 'alice');
    assert.equal(claims.iss, w.issuer);
    assert.ok(expires_at > Date.now());
    const answer = await visitor.call('/api/hello?a=b%2Fc', { headers: { accept: 'text/plain', authorization: 'Bearer mine', 'x-forwarded-for': '1.2.3.4' } });
    assert.equal(answer.text, 'GET 0');
    const { url, headers } = w.api.got.at(-1);
    assert.equal(url, '/hello?a=b%2Fc');
    assert.equal(headers.authorization, `Bearer ${w.gate.tokens.find(({ name }) => name === 'access_token').value}`);
    assert.equal(headers.accept, 'text/plain');
    for (const name of ['cookie', 'x-csrf', 'origin', 'x-forwarded-for']) assert.equal(headers[name], undefined, name);
    assert.deepEqual(answer.cookies, []);
    assert.equal(
      answer.headers
        .filter(([name]) => name === 'x-of-the-api')
        .map(([, value]) => value)
        .join(),
      answer.headers.some(([, value]) => value === 'one, two') ? 'one, two' : 'one,two',
    );
    w.keepsQuiet(answer);
    assert.equal((await visitor.call('/api/notes')).json.user, 'alice', 'the token is good at a resource of the server');
    const out = await visitor.call('/auth/logout?return_to=%2F', { method: 'POST' });
    const { url: end } = out.json;
    assert.ok(end.startsWith(`${w.base}/logout?ticket=`), 'the server’s own URL has the ID token in it');
    w.keepsQuiet(out);
    assert.equal(w.gate.asked.at(-1).path, '/revoke');
    assert.equal(visitor.jar().size, 0);
    assert.equal((await visitor.session()).status, 401);
    assert.equal((await visitor.agree(end)).url, `${w.url}/`);
    assert.equal((await visitor.send(end.slice(w.url.length))).location, `${w.url}/`, 'the ticket was good once');
  });

  test(`${host.name}: the longest of two paths has the request; what no path has goes nowhere (X10)`, async () => {
    const visitor = w.visitor();
    await visitor.signIn();
    const before = w.api.got.length;
    assert.equal((await visitor.call('/api/notes')).status, 200);
    assert.equal(w.api.got.length, before, 'another server answered');
    for (const path of ['/apix', '/api/../admin', '/api/..%2fadmin', '/api/%2e%2e/admin', '//api/x', '/api/..\\admin', '/auth/../api2', '/']) {
      const { status, location } = await visitor.call(path);
      const tidied = host.ownPaths && status === 308 && /^\/[^/\\]/.test(location);
      assert.ok([400, 404, 421].includes(status) || tidied, `${path} ${status} ${location}`);
    }
    assert.equal(w.api.got.length, before);
  });

  test(`${host.name}: two tabs sign in at once, each with an attempt of its own (X1)`, async () => {
    const visitor = w.visitor();
    const [one, two] = [await visitor.begin('?return_to=%2Fone'), await visitor.begin('?return_to=%2Ftwo')];
    assert.equal(visitor.jar().size, 2);
    assert.equal((await visitor.send(two)).location, `${w.url}/two`);
    assert.equal((await visitor.send(one)).location, `${w.url}/one`);
    assert.equal((await visitor.session()).status, 200);
    assert.equal(visitor.jar().size, 1);
  });

  test(`${host.name}: a new sign-in gets another session, and ends the one before (X10)`, async () => {
    const visitor = w.visitor();
    await visitor.signIn();
    const before = visitor.copy();
    await visitor.signIn();
    assert.notEqual(visitor.jar().get('__Host-oauth2'), before.jar().get('__Host-oauth2'));
    assert.equal((await visitor.session()).status, 200);
    assert.equal((await before.session()).status, 401);
  });

  test(`${host.name}: bodies reach the API as they are: short, long, of unknown length, binary`, async () => {
    const visitor = w.visitor();
    await visitor.signIn();
    const large = Buffer.alloc(3 << 20, 'long ');
    for (const [name, body, sent] of [
      ['text', 'grüße', Buffer.from('grüße')],
      ['binary', Buffer.from([0, 255, 128, 13, 10]), Buffer.from([0, 255, 128, 13, 10])],
      ['64 KiB', Buffer.alloc(65536, 'a'), Buffer.alloc(65536, 'a')],
      ['more', Buffer.alloc(65537, 'a'), Buffer.alloc(65537, 'a')],
      ['long', large, large],
      ['of unknown length', Readable.from(['in ', 'parts']), Buffer.from('in parts')],
      ['none', undefined, Buffer.alloc(0)],
    ]) {
      const known = Buffer.isBuffer(body) || typeof body === 'string' ? { 'content-length': Buffer.byteLength(body) } : {};
      const answer = await visitor.call('/api/body', { method: 'POST', headers: { 'content-type': 'application/x-of-mine', ...known }, body });
      assert.equal(answer.text, `POST ${sent.length}`, name);
      assert.ok(w.api.got.at(-1).body.equals(sent), name);
      assert.equal(w.api.got.at(-1).headers['content-type'], 'application/x-of-mine');
    }
    for (const method of ['PUT', 'PATCH', 'DELETE'])
      assert.equal((await visitor.call('/api/body', { method, headers: { 'content-length': 1 }, body: 'x' })).text, `${method} 1`);
    const head = await visitor.call('/api/body', { method: 'HEAD' });
    assert.deepEqual([head.status, head.text], [200, '']);
  });

  test(`${host.name}: who expects 100-continue before a body is served, and what else may be expected is refused (S58)`, async () => {
    const visitor = w.visitor();
    await visitor.signIn();
    const { host: authority, port } = new URL(w.url);
    const cookie = [...visitor.jar()].map((pair) => pair.join('=')).join('; ');
    const ask = (expect, length) =>
      new Promise((resolve, reject) => {
        const headers = { host: authority, cookie, 'x-csrf': '1', origin: w.url, expect, ...(length && { 'content-length': length }) };
        const outgoing = request({ host: '127.0.0.1', port, path: '/api/body', method: 'POST', headers, agent: false }, (incoming) => {
          let text = '';
          incoming.on('data', (part) => (text += part)).on('end', () => resolve([incoming.statusCode, text]));
        });
        // The client does not wait for an answer that not every host sends.
        outgoing.on('error', reject).end(Buffer.alloc(length ?? 70_000));
      });
    for (const length of [5, 70_000, undefined]) assert.deepEqual(await ask('100-continue', length), [200, `POST ${length ?? 70_000}`]);
    assert.equal(w.api.got.at(-1).headers.expect, undefined);
    assert.equal((await ask('something', 5))[0], 417);
  });

  test(`${host.name}: 10 MB of an answer arrive, and a redirect is the page's business`, async () => {
    const visitor = w.visitor();
    await visitor.signIn();
    const answer = await visitor.call('/api/large');
    const digest = (bytes) => createHash('sha256').update(bytes).digest('hex');
    assert.equal(digest(answer.body), digest(Buffer.alloc(10 * 1024 * 1024, 'x')));
    const elsewhere = await visitor.call('/api/elsewhere');
    assert.deepEqual([elsewhere.status, elsewhere.location], [302, 'https://elsewhere.example/']);
  });

  test(`${host.name}: events of a server arrive as they are sent, and the server hears when the page leaves`, async () => {
    const visitor = w.visitor();
    await visitor.signIn();
    const { host: authority, port } = new URL(w.url);
    const cookie = [...visitor.jar()].map((pair) => pair.join('=')).join('; ');
    const outgoing = request({
      host: '127.0.0.1',
      port,
      path: '/api/events',
      headers: { host: authority, cookie, 'x-csrf': '1', accept: 'text/event-stream' },
      agent: false,
    });
    outgoing.end();
    const incoming = await new Promise((resolve, reject) => outgoing.on('response', resolve).on('error', reject));
    assert.equal(incoming.headers['content-type'], 'text/event-stream');
    const parts = incoming[Symbol.asyncIterator]();
    assert.equal(String((await parts.next()).value), 'data: first\n\n');
    const stream = w.api.open.get('/events');
    // The first piece arrived before there was a second: nothing waits for the end.
    stream.write('data: second\n\n');
    assert.equal(String((await parts.next()).value), 'data: second\n\n');
    const left = new Promise((resolve) => stream.on('close', resolve));
    outgoing.on('error', () => {}).destroy();
    // At the latest, a write notices it.
    const clock = setInterval(() => stream.write(': still there?\n\n'), 50);
    await left;
    clearInterval(clock);
  });

  test(`${host.name}: an access token that is over is renewed before the request goes on (Q10, X9)`, async () => {
    const visitor = w.visitor();
    w.gate.expiresIn = 1;
    await visitor.signIn();
    const first = w.gate.tokens.findLast(({ name }) => name === 'access_token').value;
    await new Promise((resolve) => setTimeout(resolve, 1000));
    assert.equal((await visitor.call('/api/hello')).status, 200);
    const second = w.gate.tokens.findLast(({ name }) => name === 'access_token').value;
    assert.notEqual(second, first);
    assert.equal(w.api.got.at(-1).headers.authorization, `Bearer ${second}`);
    w.gate.expiresIn = undefined;
  });

  test(`${host.name}: a request that is refused for its token is sent again with another; a stream is asked for again (S54)`, async () => {
    const visitor = w.visitor();
    await visitor.signIn();
    await visitor.call('/api/hello');
    w.api.refused = w.api.got.at(-1).headers.authorization;
    w.api.got.length = 0;
    const answer = await visitor.call('/api/refuses', { method: 'POST', headers: { 'content-length': 5 }, body: 'again' });
    assert.equal(answer.text, 'POST 5');
    assert.deepEqual(
      w.api.got.map(({ body }) => body.toString()),
      ['again', 'again'],
    );
    w.api.refused = w.api.got.at(-1).headers.authorization;
    const stream = await visitor.call('/api/refuses', { method: 'POST', body: Readable.from(['once']) });
    w.refused(stream, 503, 'temporarily_unavailable');
    assert.equal(stream.header('retry-after'), '1');
    assert.equal(w.api.got.length, 3);
    const another = await visitor.call('/api/refuses', { method: 'POST', body: Readable.from(['once']) });
    assert.equal(another.text, 'POST 4', 'the token is made new by then');
  });

  test(`${host.name}: pages of another origin of the site may call where that is configured, and only they`, async () => {
    const visitor = w.visitor();
    const asked = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'x-csrf' };
    const ours = await visitor.send('/api/hello', { method: 'OPTIONS', headers: { origin: w.url, ...asked } });
    assert.equal(ours.status, 204);
    assert.equal(ours.header('access-control-allow-origin'), w.url);
    assert.equal(ours.header('access-control-allow-headers'), 'x-csrf');
    const theirs = await visitor.send('/api/hello', { method: 'OPTIONS', headers: { origin: 'https://evil.example', ...asked } });
    w.refused(theirs, 403, 'foreign_origin');
    assert.equal(theirs.header('access-control-allow-origin'), undefined);
  });
};
