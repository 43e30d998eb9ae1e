// Limits for requests before their sender is known, and headers that identify the caller, over
// HTTP.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { dial } from '../lib/visitor.mjs';
import { world } from '../lib/world.mjs';

const FORM = 'content-type: application/x-www-form-urlencoded';
const many = (count) => Array.from({ length: count }, (_, i) => `x-${i}: 1`);

export default (host) => {
  let w;
  before(async () => {
    const callers = [{ client_id: 'svc', secret_sha256: 'x'.repeat(43), grant_types: ['client_credentials'], scope: 'read' }];
    w = await world(host, { config: { callers } });
  });
  after(() => w?.stop());

  const signedIn = async () => {
    const visitor = w.visitor();
    await visitor.signIn();
    return visitor;
  };
  /** The answer to a head without a body, whatever its headers say about one. */
  const answerTo = async (head) => {
    const line = await dial(w.url);
    line.socket.write(head);
    while (!line.said.includes('\r\n\r\n') && !line.socket.readableEnded) await Promise.race([once(line.socket, 'data'), line.over]);
    line.socket.destroy();
    return line.said;
  };
  const status = (said) => Number(/^HTTP\/1\.1 (\d+)/.exec(said)?.[1]);

  test(`${host.name}: thousands of headers are refused, and everybody else is served; so is an answer with as many (S30)`, async () => {
    const visitor = await signedIn();
    for (const count of [250, 2500, 6000]) {
      const calls = w.api.got.length;
      const [said, other] = await Promise.all([answerTo(visitor.head('GET', '/api/hello', ...many(count))), visitor.call('/auth/session')]);
      if (host.headers < count) assert.ok([400, 431].includes(status(said)), `${count}: ${said.slice(0, 200)}`);
      else {
        assert.equal(status(said), 431, `${count}: ${said.slice(0, 200)}`);
        assert.match(said, /x-content-type-options: nosniff/i, 'it is ours, and not the API’s');
      }
      assert.equal(other.status, 200);
      assert.equal(w.api.got.length, calls);
    }
    assert.equal(status(await answerTo(visitor.head('GET', '/api/hello', `connection: ${'a,'.repeat(10_000)}`))), 431);
    assert.equal(status(await answerTo(visitor.head('GET', '/api/hello', ...many(Math.min(150, (host.headers ?? 200) - 20))))), 200);
    for (const count of [250, 2500]) assert.equal((await visitor.call(`/api/headers?count=${count}`)).status, 502, `${count}`);
    assert.equal((await visitor.call('/api/headers?count=100')).status, 200);
  });

  test(`${host.name}: who may not call is told so before a byte of the body has come (S31)`, async () => {
    const visitor = await signedIn();
    const stranger = w.visitor();
    const long = 'content-length: 16000';
    const without = (head, line) =>
      head
        .split('\r\n')
        .filter((other) => !other.startsWith(line))
        .join('\r\n');
    const basic = `authorization: Basic ${Buffer.from('svc:no').toString('base64')}`;
    const plain = (to, ...lines) => without(without(stranger.head('POST', to, ...lines), 'origin'), 'x-csrf');
    for (const [about, head, expected] of [
      ['no header of a page', without(visitor.head('POST', '/api/body', long), 'x-csrf'), 403],
      ['another origin', visitor.head('POST', '/api/body', long).replace(/origin: .*/, 'origin: https://evil.example'), 403],
      ['no origin', without(visitor.head('POST', '/api/body', long), 'origin'), 403],
      ['nobody is signed in', stranger.head('POST', '/api/body', long), 401],
      ['nobody is signed in, in chunks', stranger.head('POST', '/api/body', 'transfer-encoding: chunked'), 401],
      ['a sign-out', stranger.head('POST', '/auth/logout', long), 200],
      ['no such method', plain('/auth/login', FORM, long), 405],
      ['nothing there', plain('/auth/nothing', FORM, long), 404],
      ['a logout token that is no form', plain('/auth/backchannel_logout', 'content-type: application/json', long), 400],
      ['a logout token that is too long', plain('/auth/backchannel_logout', FORM, 'content-length: 65000'), 413],
      ['a callback without an attempt', plain('/auth/callback', FORM, long), 400],
      ['a caller with a wrong secret', plain('/auth/exchange', FORM, long, basic), 401],
      ['a caller that is too long to be named inside', plain('/auth/exchange', FORM, 'content-length: 65000'), 413],
    ]) {
      assert.equal(status(await answerTo(head)), expected, about);
    }
    assert.equal((await visitor.session()).status, 200);
  });

  test(`${host.name}: a length beside chunks counts for nothing: what passes is what came, and what is bounded is, too; or it is refused (S32)`, async () => {
    const visitor = await signedIn();
    const both = ['content-length: 5', 'transfer-encoding: chunked'];
    const chunk = (text) => `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
    const said = status(await answerTo(visitor.head('POST', '/api/body', ...both) + chunk('x'.repeat(32))));
    if (said === 400) return; // a server may refuse it (RFC 9112 section 6.3)
    assert.equal(said, 200);
    const { body, headers } = w.api.got.at(-1);
    assert.deepEqual([String(body), headers['content-length']], ['x'.repeat(32), undefined]);
    assert.equal(
      status(await answerTo(w.visitor().head('POST', '/auth/backchannel_logout', FORM, ...both) + chunk(`logout_token=${'x'.repeat(60_000)}`))),
      413,
    );
  });

  test(`${host.name}: what reaches the API is what is listed, and the token, whatever the wire says (S37)`, async () => {
    const visitor = await signedIn();
    const forged = [
      'remote-user: admin',
      'remote_user: admin',
      'x-auth-request-user: admin',
      'x-amzn-oidc-identity: admin',
      'x-ms-client-principal: admin',
      'x-goog-authenticated-user-email: admin',
      'x-forwarded-user: admin',
      'x-forwarded-for: 127.0.0.1',
      'forwarded: for=127.0.0.1',
      'cf-connecting-ip: 127.0.0.1',
      'true-client-ip: 127.0.0.1',
      'client-cert: x',
      'x-middleware-subrequest: middleware',
      'x-http-method-override: DELETE',
      'x-original-url: /admin',
      'content_type: text/html',
      'if_match: x',
      'x_of_the_api: 1',
      'user-agent: me',
      'authorization: Bearer mine',
      'dpop: x',
      'expect_: x',
      'connection: close,\tif-none-match',
      'if-none-match: "hop"',
    ];
    const listed = [
      'accept: text/plain',
      'accept-language: de',
      'if-match: "1"',
      'range: bytes=0-1',
      'prefer: wait=1',
      'traceparent: 00-1-2-01',
      'x-request-id: 7',
      'idempotency-key: k',
      'x-of-the-api: 1',
    ];
    const said = await answerTo(visitor.head('GET', '/api/hello', ...forged, ...listed));
    assert.equal(status(said), 200, said);
    const { headers } = w.api.got.at(-1);
    const own = ['host', 'connection', 'authorization', 'accept-encoding'];
    const names = Object.keys(headers).filter((name) => !own.includes(name) && headers[name] !== '');
    assert.deepEqual(names.sort(), listed.map((line) => line.split(':')[0]).sort());
    assert.match(headers.authorization, /^Bearer (?!mine)/);
  });

  test(`${host.name}: what the API says of caches, types, accelerators and the page is not what the browser hears (S38)`, async () => {
    const visitor = await signedIn();
    const says = (...headers) => visitor.call(`/api/says?headers=${Buffer.from(JSON.stringify(headers)).toString('base64url')}`);
    const answer = await says(
      ['content-type', 'text/html'],
      ['x-content-type-options', 'sniff'],
      ['cache-control', 'public, max-age=600, s-maxage=600'],
      ['surrogate-control', 'max-age=600'],
      ['cdn-cache-control', 'max-age=600'],
      ['cloudflare-cdn-cache-control', 'max-age=600'],
      ['x-accel-redirect', '/internal'],
      ['x-accel-expires', '600'],
      ['x-sendfile', '/etc/passwd'],
      ['refresh', '0; url=https://evil.example'],
      ['clear-site-data', '"*"'],
      ['access-control-allow-origin', '*'],
      ['x-middleware-rewrite', '/x'],
      ['service-worker-allowed', '/'],
      ['etag', '"1"'],
      ['x-of-the-api', 'mine'],
    );
    assert.equal(answer.status, 200);
    assert.equal(
      answer.headers
        .filter(([name]) => name === 'x-content-type-options')
        .map(([, value]) => value)
        .join('|'),
      'nosniff',
    );
    assert.equal(
      answer.headers
        .filter(([name]) => name === 'cache-control')
        .map(([, value]) => value)
        .join('|'),
      'private, max-age=600',
    );
    assert.equal(answer.header('access-control-allow-origin'), w.url);
    assert.deepEqual([answer.header('etag'), answer.header('x-of-the-api'), answer.header('content-type')], ['"1"', 'mine', 'text/html']);
    for (const name of [
      'surrogate-control',
      'cdn-cache-control',
      'cloudflare-cdn-cache-control',
      'x-accel-redirect',
      'x-accel-expires',
      'x-sendfile',
      'refresh',
      'clear-site-data',
      'x-middleware-rewrite',
      'service-worker-allowed',
    ]) {
      assert.equal(answer.header(name), undefined, name);
    }
    assert.equal((await says(['content-type', 'text/plain'])).header('cache-control'), 'no-store');
  });

  test(`${host.name}: sign-ins that another site begins end none of ours, and all of them stay under 4 KB (S40, S41)`, async () => {
    const visitor = w.visitor();
    const callback = await visitor.begin('?return_to=%2Fmine');
    const elsewhere = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
    const seen = new Set();
    for (let i = 0; i < 8; i += 1)
      seen.add((await visitor.send(`/auth/login?return_to=%2F${'x'.repeat(100 * i)}`, { headers: elsewhere })).location.includes('error=too_many_attempts'));
    assert.deepEqual(seen, new Set([false, true]), 'they find room, or they are refused');
    assert.ok([...visitor.jar()].reduce((sum, pair) => sum + pair.join('=; ').length, 0) < 4096);
    w.refused(await visitor.send('/auth/login', { headers: { ...elsewhere, 'sec-fetch-dest': 'iframe' } }), 403, 'foreign_origin');
    assert.equal((await visitor.send('/auth/login')).status, 303, 'ours finds room');
    assert.ok([...visitor.jar()].reduce((sum, pair) => sum + pair.join('=; ').length, 0) < 4096);
    assert.equal((await visitor.send(callback)).location, `${w.url}/mine`);
  });
};
