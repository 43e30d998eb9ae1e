// Lists of attacks, over HTTP: URLs that lead elsewhere, paths that leave the API's, and one thing
// used many times at once.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { root } from '../../dev/workerd.mjs';
import { message, raw } from '../lib/raw.mjs';
import { api } from '../lib/upstream.mjs';
import { world } from '../lib/world.mjs';

const SESSION = '__Host-oauth2';
/** The lists that also test the engine (core/bff). */
const list = (name) => JSON.parse(readFileSync(join(root, `core/contract/bff/${name}.json`), 'utf8'));

/**
 * The ways in which a server may read a path: decoded once or twice, without parameters, with
 * slashes for backslashes.
 */
const readings = (path) => {
  const decode = (text) => text.replace(/%([0-9a-f]{2})/gi, (_, digits) => String.fromCharCode(parseInt(digits, 16)));
  const four = (text) => text.replace(/%u([0-9a-f]{4})/gi, (_, digits) => String.fromCharCode(parseInt(digits, 16)));
  const known = new Set([path]);
  for (const read of [four, decode, decode, (text) => text.replace(/;[^/]*/g, ''), (text) => text.replaceAll('\\', '/'), (text) => text.split('\0')[0]])
    for (const text of [...known]) known.add(read(text));
  // Dots are resolved as in the URL standard.
  return [...known].map((text) => new URL(text.replace(/[?#]/g, '_').replace(/^\/+/, '/'), 'http://api').pathname);
};

export default (host) => {
  let w;
  let behind;
  before(async () => {
    behind = await api();
    w = await world(host, { config: { proxy: [{ path: '/api', target: `${behind.url}/base/v1` }] } });
  });
  after(async () => {
    await w?.stop();
    behind?.stop();
  });

  const signedIn = async () => {
    const visitor = w.visitor();
    await visitor.signIn();
    return visitor;
  };
  const cookie = (visitor) => [...visitor.jar()].map((pair) => pair.join('=')).join('; ');
  const send = (...request) => raw(Number(new URL(w.url).port), message(new URL(w.url).host, ...request), { patience: 10_000 });

  test(`${host.name}: a path brings nobody out of the API's own, however it is written and read (S112)`, async () => {
    const mine = [
      ['cookie', cookie(await signedIn())],
      ['x-csrf', '1'],
      ['origin', w.url],
    ];
    let passed = 0;
    for (const path of list('paths')) {
      behind.got.length = 0;
      const [answer] = await send('GET', path, mine);
      for (const { url } of behind.got) {
        passed += 1;
        for (const reading of readings(url.split('?')[0])) assert.match(reading, /^\/base\/v1(\/|$)/, `${path} comes as ${url}, which is ${reading} to some`);
      }
      const own = host.ownPaths ? [308, 500] : [];
      if (!behind.got.length) assert.ok([400, 404, 405, 421, 505, undefined, ...own].includes(answer?.status), `${path}: ${answer?.status}`);
    }
    assert.ok(passed > 0, 'some of them are harmless');
  });

  test(`${host.name}: a text in return_to leads a browser to pages of ours or nowhere (S111)`, async () => {
    const visitor = await signedIn();
    for (const text of list('redirects')) {
      for (const query of [`?return_to=${encodeURIComponent(text)}`, `?return_to=${text.replace(/[^!-~]|#/g, (c) => encodeURIComponent(c))}`]) {
        const [login] = await send('GET', `/auth/login${query}`);
        const out = await visitor
          .copy()
          .call('/auth/logout' + query.replace(/[^!-~]/g, ''), { method: 'POST' })
          .catch(() => undefined);
        if (login?.status === 303) {
          const { location } = await w.visitor().signIn(query);
          assert.equal(new URL(location, w.base).origin, w.url, `${query} leads to ${location}`);
          assert.ok(text.startsWith('/'), `${query} is no path`);
        } else {
          assert.ok([400, undefined].includes(login?.status), `${query}: ${login?.status}`);
        }
        if (out?.status === 200 && out.json.url) assert.ok(out.json.url.startsWith(`${w.base}/logout?ticket=`), query);
        if (out?.status === 200) await visitor.signIn();
      }
    }
  });

  test(`${host.name}: a code that comes 50 times at once is used once, and makes one session (S117)`, async () => {
    const visitor = w.visitor();
    const callback = await visitor.begin();
    const before = w.gate.count('authorization_code');
    const answers = await Promise.all(Array.from({ length: 50 }, () => visitor.copy().send(callback)));
    assert.equal(answers.filter(({ cookies }) => cookies.some((line) => line.startsWith(`${SESSION}=`) && !line.includes('Max-Age=0'))).length, 1);
    for (const answer of answers.filter(({ status }) => status !== 303)) w.refused(answer, 400, 'already_used');
    assert.equal(answers.filter(({ status }) => status === 303).length, 1);
    assert.equal(w.gate.count('authorization_code'), before + 1);
  });

  test(`${host.name}: signing out 50 times at once, and a ticket that is taken 50 times at once: one leads to the server (S117)`, async () => {
    const visitor = await signedIn();
    const outs = await Promise.all(Array.from({ length: 50 }, () => visitor.copy().call('/auth/logout', { method: 'POST' })));
    assert.deepEqual([...new Set(outs.map(({ status }) => status))], [200]);
    w.refused(await visitor.session(), 401, 'not_signed_in');
    const other = await signedIn();
    const { url } = (await other.call('/auth/logout', { method: 'POST' })).json;
    const led = await Promise.all(Array.from({ length: 50 }, () => w.visitor().send(url.slice(w.url.length))));
    assert.equal(led.filter(({ location }) => location.startsWith(w.metadata.end_session_endpoint)).length, 1);
    assert.equal(led.filter(({ location }) => location === `${w.url}/`).length, 49);
  });

  test(`${host.name}: what is planted in a Cookie header makes nobody the attacker (S113)`, async () => {
    const mine = (await signedIn()).jar().get(SESSION);
    for (const planted of [
      `__host-oauth2=${mine}`,
      `__Secure-oauth2=${mine}`,
      `=${SESSION}=${mine}`,
      `a=${SESSION}=${mine}`,
      `"${SESSION}"=${mine}`,
      `a=b, ${SESSION}=${mine}`,
      `${SESSION}x=${mine}`,
      `${SESSION}="${mine}"`,
      `${SESSION}=x; ${SESSION}=${mine}`,
      `${SESSION}=${'A'.repeat(7000)}`,
      `${'a=b; '.repeat(1000)}`,
      `${SESSION}.AAAAAAAAAAAA=${mine}`,
      `${SESSION}=${mine.slice(0, -2)}`,
      `$Version=1; ${SESSION}=x`,
      `${SESSION}=\xff${mine}`,
    ]) {
      const [answer] = await send('GET', '/auth/session', [
        ['x-csrf', '1'],
        ['cookie', planted],
      ]);
      assert.ok([400, 401, 431].includes(answer.status), `${planted.slice(0, 60)}: ${answer.status}`);
    }
    // In separate headers, which HTTP/2 allows: the first counts.
    const [answer] = await send('GET', '/auth/session', [
      ['x-csrf', '1'],
      ['cookie', `${SESSION}=x`],
      ['cookie', `${SESSION}=${mine}`],
    ]);
    assert.equal(answer.status, 401);
  });
};
