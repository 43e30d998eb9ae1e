// Forged, replayed, foreign or broken requests: their status, a clear body, and no secret in it.
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { after, afterEach, before, test } from 'node:test';
import { sealKey, world } from '../lib/world.mjs';

const SESSION = '__Host-oauth2';

/**
 * How long an upstream server may be silent, in ms: every other answer here has to begin in that
 * time, also on a busy machine.
 */
const SILENCE = 10_000;

export default (host) => {
  let w;
  before(async () => (w = await world(host, { proxyTimeoutMs: SILENCE })));
  after(() => w?.stop());
  afterEach(() => w.gate.open());

  const signedIn = async () => {
    const visitor = w.visitor();
    await visitor.signIn();
    return visitor;
  };
  const attemptOf = (visitor) => [...visitor.jar()].find(([name]) => name !== SESSION);

  test(`${host.name}: a session cookie that is forged, cut, changed, sealed for something else or sealed elsewhere is none (X10)`, async () => {
    const visitor = await signedIn();
    await visitor.begin();
    const [, attempt] = attemptOf(visitor);
    const cookie = visitor.jar().get(SESSION);
    const [id, body] = cookie.split('.');
    const middle = body.length >> 1;
    const changed = (at) => `${id}.${body.slice(0, at)}${body[at] === 'A' ? 'B' : 'A'}${body.slice(at + 1)}`;
    for (const [name, forged] of [
      ['garbage', 'x'],
      ['empty parts', '.'],
      ['no key of the ring', `other.${body}`],
      ['no id', body],
      ['cut', cookie.slice(0, -1)],
      ['half', `${id}.${body.slice(0, middle)}`],
      ['longer', `${cookie}AAAA`],
      ['nonce changed', changed(0)],
      ['text changed', changed(middle)],
      ['tag changed', changed(body.length - 3)],
      ['an attempt', attempt],
      ['plain', Buffer.from('{"id":"x","at":9999999999999}').toString('base64url')],
      ['4,000 characters', 'x'.repeat(4000)],
    ]) {
      const other = w.visitor();
      other.jar().set(SESSION, forged);
      const answer = await other.session();
      assert.equal(answer.status, 401, name);
      w.refused(answer, 401, 'not_signed_in');
    }
    assert.equal((await visitor.session()).status, 200);
  });

  test(`${host.name}: a cookie from before the sign-out is worth nothing after it (X10)`, async () => {
    const visitor = await signedIn();
    const before = visitor.copy();
    assert.equal((await visitor.call('/auth/logout', { method: 'POST' })).status, 200);
    for (const path of ['/auth/session', '/api/hello']) w.refused(await before.copy().call(path), 401, 'not_signed_in');
  });

  test(`${host.name}: a page without the header, or of another origin, may nothing, signing out included (X10)`, async () => {
    const visitor = await signedIn();
    const calls = w.api.got.length;
    for (const [path, method] of [
      ['/auth/session', 'GET'],
      ['/auth/logout', 'POST'],
      ['/api/hello', 'GET'],
      ['/api/hello', 'POST'],
    ]) {
      w.refused(await visitor.send(path, { method, headers: { origin: w.url } }), 403, 'missing_header');
      for (const origin of ['https://evil.example', 'null', w.url.replace('localhost', 'localhost.evil.example'), w.url.replace('http:', 'https:')]) {
        w.refused(await visitor.call(path, { method, headers: { origin } }), 403, 'foreign_origin');
      }
    }
    w.refused(await visitor.send('/auth/logout', { method: 'POST', headers: { 'x-csrf': '1' } }), 403, 'foreign_origin');
    assert.equal((await visitor.call('/auth/logout')).location, `${w.url}/`, 'a link signs nobody out');
    assert.equal(w.api.got.length, calls);
    assert.equal((await visitor.session()).status, 200, 'nobody was signed out');
  });

  test(`${host.name}: a host name that is not ours is not answered for (X10)`, async () => {
    w.refused(await w.visitor().send('/auth/session', { headers: { host: 'evil.example', 'x-csrf': '1' } }), 421, 'wrong_host');
  });

  test(`${host.name}: nobody is sent to where nobody is sent (X10)`, async () => {
    const visitor = await signedIn();
    for (const to of [
      '//evil.example',
      '/\\evil.example',
      '\\\\evil.example',
      'https://evil.example/',
      `${w.url}@evil.example/`,
      `${w.url}.evil.example/`,
      'javascript:alert(1)',
      '/a\r\nset-cookie: a=b',
      '/\tevil',
      ' //evil.example',
      'data:text/html,x',
    ]) {
      const query = `?return_to=${encodeURIComponent(to)}`;
      const login = await visitor.send(`/auth/login${query}`);
      w.refused(login, 400, 'bad_return_to');
      assert.deepEqual(login.cookies, []);
      w.refused(await visitor.call(`/auth/logout${query}`, { method: 'POST' }), 400, 'bad_return_to');
    }
    assert.equal((await visitor.session()).status, 200);
  });

  test(`${host.name}: a callback in a browser that did not begin it asks the server nothing (X10, Q22)`, async () => {
    const [mallory, victim] = [w.visitor(), w.visitor()];
    const callback = await mallory.begin();
    const asked = w.gate.asked.length;
    w.refused(await victim.send(callback), 400, 'unknown_attempt');
    // A browser with an attempt of its own did not begin this one, either.
    await victim.begin();
    w.refused(await victim.send(callback), 400, 'unknown_attempt');
    // Its attempt is not accepted under the other's name, either.
    const [theirs] = attemptOf(mallory);
    victim.jar().set(theirs, attemptOf(victim)[1]);
    const answer = await victim.send(callback);
    assert.deepEqual([answer.status, answer.location], [303, `${w.url}/?error=wrong_state`]);
    w.keepsQuiet(answer);
    assert.equal(w.gate.asked.length, asked);
    assert.ok(!victim.jar().has(SESSION));
    assert.equal((await mallory.send(callback)).location, `${w.url}/`, 'and whoever began it can finish');
  });

  test(`${host.name}: an attempt that is forged, cut or changed is none (X10)`, async () => {
    const visitor = w.visitor();
    const callback = await visitor.begin();
    const [name, value] = attemptOf(visitor);
    const asked = w.gate.asked.length;
    for (const forged of ['x', value.slice(0, -4), value.slice(0, value.length >> 1), `other.${value.split('.')[1]}`]) {
      const other = w.visitor();
      other.jar().set(name, forged);
      w.refused(await other.send(callback), 400, 'unknown_attempt');
    }
    assert.equal(w.gate.asked.length, asked);
  });

  test(`${host.name}: a callback counts once: again, with the cookies of before, and twice at once (Q22)`, async () => {
    const visitor = w.visitor();
    const callback = await visitor.begin();
    const before = visitor.copy();
    const codes = w.gate.count('authorization_code');
    assert.equal((await visitor.send(callback)).status, 303);
    w.refused(await visitor.send(callback), 400, 'unknown_attempt');
    w.refused(await before.send(callback), 400, 'already_used');
    assert.equal(w.gate.count('authorization_code'), codes + 1);
    assert.equal((await visitor.session()).status, 200, 'the session goes on');

    const other = w.visitor();
    const twice = await other.begin();
    const answers = await Promise.all([1, 2, 3].map(() => other.copy().send(twice)));
    assert.deepEqual(answers.map(({ status }) => status).sort(), [303, 400, 400]);
    for (const answer of answers) if (answer.status === 400) w.refused(answer, 400, 'already_used');
    assert.equal(w.gate.count('authorization_code'), codes + 2);
  });

  test(`${host.name}: what the server refuses is told to the page by its code, and nothing gets into a header (X6)`, async () => {
    const visitor = w.visitor();
    await visitor.send('/auth/login');
    const refusal = async (error) => {
      const { location } = await visitor.send('/auth/login');
      const state = new URL(location).searchParams.get('state');
      return visitor.send(`/auth/callback?error=${encodeURIComponent(error)}&state=${state}&iss=${encodeURIComponent(w.issuer)}`);
    };
    const denied = await refusal('access_denied');
    assert.deepEqual([denied.status, denied.location], [303, `${w.url}/?error=access_denied`]);
    const split = await refusal('x\r\nset-cookie: evil=1\r\n\r\n<script>');
    assert.ok([303, 400].includes(split.status));
    assert.equal(split.headers.filter(([, value]) => value.startsWith('evil')).length, 0);
    assert.doesNotMatch(split.text + (split.location ?? ''), /[\r\n<]/);
    const hinted = await visitor.send(`/auth/login?login_hint=${encodeURIComponent('a\r\nx-evil: 1')}&ui_locales=${encodeURIComponent('\r\n\r\n')}`);
    assert.equal(hinted.header('x-evil'), undefined);
    assert.doesNotMatch(hinted.location ?? '', /[\r\n]/);
  });

  test(`${host.name}: a server behind that resets, or breaks off (X5)`, async () => {
    const visitor = await signedIn();
    w.refused(await visitor.call('/api/reset'), 502, 'upstream_network');
    // An answer that has begun cannot be taken back, so the page notices that it is truncated.
    await assert.rejects(visitor.call('/api/half'));
    assert.equal((await visitor.call('/api/hello')).status, 200);
  });

  test(`${host.name}: a server behind is given up when it is silent; a slow browser makes no silent server, and an answer that has begun takes its time (X5)`, async () => {
    const visitor = await signedIn();
    /** 64 KiB and more in pieces, over a longer time than a server may be silent. */
    const slowly = async function* () {
      for (let i = 0; i < 5; i += 1) {
        await new Promise((resolve) => setTimeout(resolve, SILENCE / 4));
        yield Buffer.alloc(20_000, 'x');
      }
    };
    const upload = (path, headers = {}) => visitor.copy().call(path, { method: 'POST', headers, body: Readable.from(slowly()) });
    const slow = async (headers) => {
      const path = `/api/slow?with=${Object.keys(headers)}`;
      const { status, text } = await upload(path, headers);
      assert.deepEqual([status, text], [200, 'POST 100000']);
      const { headers: sent } = w.api.got.find(({ url }) => path.endsWith(url));
      assert.equal(sent['content-length'], headers['content-length'] && '100000');
    };
    const early = async (headers) => assert.equal((await upload('/api/early', headers)).text, 'begun 100000');
    // In parallel, because they only wait.
    await Promise.all([
      ...[{}, { 'content-length': 100_000 }].flatMap((headers) => [slow(headers), early(headers)]),
      visitor
        .copy()
        .call('/api/silent')
        .then((answer) => w.refused(answer, 504, 'upstream_timeout')),
      upload('/api/silent').then((answer) => w.refused(answer, 504, 'upstream_timeout')),
    ]);
  });

  test(`${host.name}: with the token endpoint down a sign-in is begun again, and a session waits until it is back (H5, Q8)`, async () => {
    const visitor = w.visitor();
    const callback = await visitor.begin();
    w.gate.before = () => false;
    // Nobody knows whether the code is used up, so the page gets an error and begins again.
    const answer = await visitor.send(callback);
    assert.deepEqual([answer.status, answer.location], [303, `${w.url}/?error=network`]);
    w.keepsQuiet(answer);
    assert.equal(visitor.jar().size, 0);
    w.gate.before = undefined;
    await visitor.signIn();
    assert.equal((await visitor.session()).status, 200);

    w.gate.expiresIn = 1;
    const other = await signedIn();
    w.gate.expiresIn = undefined;
    await new Promise((resolve) => setTimeout(resolve, 1000));
    w.gate.before = () => false;
    w.refused(await other.call('/api/hello'), 503, 'temporarily_unavailable');
    assert.equal((await other.session()).status, 200);
    w.gate.before = undefined;
    assert.equal((await other.call('/api/hello')).status, 200);
  });

  test(`${host.name}: a session whose refresh token is refused is over (Q8)`, async () => {
    w.gate.expiresIn = 1;
    const visitor = await signedIn();
    w.gate.expiresIn = undefined;
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await w.revoke('refresh_token');
    w.refused(await visitor.call('/api/hello'), 401, 'not_signed_in');
    w.refused(await visitor.session(), 401, 'not_signed_in');
  });

  test(`${host.name}: bodies that are no form, methods that are none, paths that are none`, async () => {
    const visitor = w.visitor();
    w.refused(
      await visitor.send('/auth/callback', { method: 'POST', headers: { 'content-type': 'application/json', 'content-length': 2 }, body: '{}' }),
      400,
      'bad_body',
    );
    w.refused(await visitor.send('/auth/backchannel_logout', { method: 'POST', headers: { 'content-length': 1 }, body: 'x' }), 400, 'invalid_request');
    w.refused(await visitor.send('/auth/login', { method: 'PUT' }), 405, 'method_not_allowed');
    w.refused(await visitor.call('/auth/token'), 404, 'not_found');
    w.refused(await visitor.call('/auth/exchange', { method: 'POST', headers: { 'content-length': 0 } }), 404, 'not_found');
    if (!host.ownQuery) w.refused(await visitor.call('/auth/session?x=%'), 400, 'bad_query');
  });

  test(`${host.name}: keys change without anybody being signed out, and a key that is gone reads nothing (X10)`, async () => {
    const visitor = await signedIn();
    const [old, next] = [w.given.secrets.SEAL_KEYS, sealKey('second')];
    const secrets = (SEAL_KEYS) => ({ secrets: { ...w.given.secrets, SEAL_KEYS } });
    await w.host.restart(secrets(`${next},${old}`));
    assert.equal((await visitor.session()).status, 200);
    const later = await signedIn();
    assert.match(later.jar().get(SESSION), /^second\./);
    await w.host.restart(secrets(next));
    w.refused(await visitor.session(), 401, 'not_signed_in');
    assert.equal((await later.session()).status, 200);
  });
};
