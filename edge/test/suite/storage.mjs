// Many requests at once, and the process ends in the middle.
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, afterEach, before, test } from 'node:test';
import { world } from '../lib/world.mjs';

export default (host) => {
  let w;
  before(async () => (w = await world(host, { flags: ['-grace', '1m'] })));
  after(() => w?.stop());
  afterEach(() => w.gate.open());

  /** A user whose access token has expired. */
  const expired = async () => {
    w.gate.expiresIn = 1;
    const visitor = w.visitor();
    await visitor.signIn();
    w.gate.expiresIn = undefined;
    await new Promise((resolve) => setTimeout(resolve, 1000));
    return visitor;
  };

  test(`${host.name}: 50 requests at once on a session that is over make one refresh, and none fails (X9)`, async () => {
    const visitor = await expired();
    const before = w.gate.count('refresh_token');
    const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => visitor.copy().call(`/api/many?${i}`)));
    assert.deepEqual(
      answers.map(({ status }) => status),
      Array(50).fill(200),
    );
    assert.equal(w.gate.count('refresh_token'), before + 1);
    const fresh = `Bearer ${w.gate.tokens.findLast(({ name }) => name === 'access_token').value}`;
    const sent = w.api.got.filter(({ url }) => url.startsWith('/many'));
    assert.equal(sent.length, 50);
    assert.ok(sent.every(({ headers }) => headers.authorization === fresh));
  });

  test(`${host.name}: what many ask at once goes out with the token of each, and comes back to each (X10)`, async () => {
    const visitors = [];
    for (let i = 0; i < 4; i++) {
      const visitor = w.visitor();
      await visitor.signIn();
      const { value } = w.gate.tokens.findLast(({ name }) => name === 'access_token');
      visitors.push({ visitor, token: `Bearer ${value}` });
    }
    assert.equal(new Set(visitors.map(({ token }) => token)).size, 4);
    await Promise.all(
      Array.from({ length: 48 }, async (_, i) => {
        const who = i % 4;
        const { visitor } = visitors[who];
        if (i % 3 === 0) {
          const { status, json } = await visitor.copy().call('/auth/session');
          assert.deepEqual([status, typeof json.claims.sub], [200, 'string']);
        } else if (i % 3 === 1) {
          w.refused(await w.visitor().call('/api/hello'), 401, 'not_signed_in');
        } else {
          assert.equal((await visitor.copy().call(`/api/mixed?who=${who}&n=${i}`)).status, 200);
        }
      }),
    );
    const sent = w.api.got.filter(({ url }) => url.startsWith('/mixed?'));
    assert.equal(sent.length, 16);
    for (const { url, headers } of sent) assert.equal(headers.authorization, visitors[/who=(\d)/.exec(url)[1]].token);
  });

  test(`${host.name}: nobody waits for a refresh that was refused (X8, X9)`, { timeout: 25_000 }, async () => {
    const visitor = w.visitor();
    await visitor.signIn();
    assert.equal((await visitor.call('/api/notes')).status, 200);
    await w.revoke('refresh_token'); // and with it the access token
    // A lock that is kept until its lease is over holds up each of those behind it for 15 s.
    const answers = await Promise.all(Array.from({ length: 8 }, () => visitor.copy().call('/api/notes')));
    assert.deepEqual(
      answers.map(({ status }) => status),
      Array(8).fill(401),
    );
  });

  test(`${host.name}: the API refuses a token while the server is away: try again later, and the session lives; a refused refresh ends it at once (S50, S51)`, async () => {
    const visitor = w.visitor();
    await visitor.signIn();
    await w.revoke('access_token');
    w.gate.before = () => false;
    const answer = await visitor.call('/api/notes');
    w.refused(answer, 503, 'temporarily_unavailable');
    assert.match(answer.header('retry-after'), /^[1-9]\d*$/);
    assert.equal((await visitor.session()).status, 200);
    w.gate.open();
    assert.equal((await visitor.call('/api/notes')).status, 200);
    await w.revoke('refresh_token'); // and with it the access token
    w.refused(await visitor.call('/api/notes'), 401, 'not_signed_in');
    w.refused(await visitor.session(), 401, 'not_signed_in');
  });

  test(`${host.name}: what hangs holds up those who need it, and nobody else (S73)`, async () => {
    const [refreshing, leaving, reading, other] = [await expired(), w.visitor(), w.visitor(), await expired()];
    for (const visitor of [leaving, reading]) await visitor.signIn();
    let held = 0;
    let release;
    const released = new Promise((resolve) => (release = resolve));
    const arrived = new Promise((resolve) => {
      // The first refresh and the first revocation do not come back.
      w.gate.before = (form) => {
        if (held === 2 || form.get('grant_type') === 'authorization_code') return undefined;
        if (++held === 2) resolve();
        return released;
      };
    });
    const waiting = [refreshing.copy().call('/api/hello'), leaving.call('/auth/logout', { method: 'POST' })];
    const silent = reading
      .copy()
      .call('/api/silent')
      .catch(() => 'cut off');
    await arrived;
    // While the token endpoint owes one answer, the revocation endpoint another, and the API a
    // third:
    assert.equal((await refreshing.session()).status, 200, 'the session of who waits is known');
    assert.equal((await reading.call('/api/hello')).status, 200, 'the API answers others, and the same session');
    assert.equal((await other.call('/api/hello')).status, 200, 'others refresh');
    const newcomer = w.visitor();
    await newcomer.signIn();
    assert.equal((await newcomer.call('/api/hello')).status, 200, 'others sign in');
    release();
    assert.deepEqual(
      (await Promise.all(waiting)).map(({ status }) => status),
      [200, 200],
    );
    void silent; // ends with the host's patience, or with the host
  });

  test(`${host.name}: a refresh goes on when the page that began it has left (X9)`, async () => {
    const visitor = await expired();
    const before = w.gate.count('refresh_token');
    let go;
    const arrived = new Promise((resolve) => (w.gate.before = () => new Promise((held) => ((go = held), resolve()))));
    const cookie = [...visitor.jar()].map((pair) => pair.join('=')).join('; ');
    const { host: authority, port } = new URL(w.url);
    const leaving = request({ host: '127.0.0.1', port, path: '/api/hello', headers: { host: authority, cookie, 'x-csrf': '1' }, agent: false });
    leaving.on('error', () => {}).end();
    await arrived;
    leaving.destroy();
    const waiting = visitor.call('/api/hello');
    go();
    assert.equal((await waiting).status, 200);
    assert.equal(w.gate.count('refresh_token'), before + 1);
  });

  test(`${host.name}: the process is killed: no session is lost, none comes back (X9, X10)`, async () => {
    const visitors = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const visitor = w.visitor();
        await visitor.signIn();
        return visitor;
      }),
    );
    const [gone, ...staying] = visitors;
    const before = gone.copy();
    await gone.call('/auth/logout', { method: 'POST' });
    const attempt = w.visitor();
    const callback = await attempt.begin();
    // In the middle of what everybody does at once.
    const busy = staying.flatMap((visitor) =>
      Array.from({ length: 5 }, () =>
        visitor
          .copy()
          .call('/api/hello')
          .catch(() => 'cut off'),
      ),
    );
    await w.host.kill();
    await Promise.all(busy);
    await w.host.restart();
    for (const visitor of staying) assert.equal((await visitor.call('/api/hello')).status, 200);
    w.refused(await before.session(), 401, 'not_signed_in');
    assert.equal((await attempt.send(callback)).status, 303, 'who was about to sign in does');
    w.refused(await before.call('/api/hello'), 401, 'not_signed_in');
  });

  for (const [when, phase] of [
    ['before the server had it', 'before'],
    ['after the server had answered', 'after'],
  ]) {
    test(`${host.name}: the process is killed during a refresh, ${when}: the session goes on (X9)`, async () => {
      const visitor = await expired();
      const held = new Promise((resolve) => (w.gate[phase] = () => new Promise((go) => resolve(go))));
      const cut = visitor
        .copy()
        .call('/api/hello')
        .catch(() => 'cut off');
      const go = await held;
      await w.host.kill();
      go(false);
      assert.equal(await cut, 'cut off');
      w.gate[phase] = undefined;
      await w.host.restart();
      assert.equal((await visitor.call('/api/hello')).status, 200);
    });
  }

  test(`${host.name}: a callback that was used before the process was killed is used after it (Q22)`, async () => {
    const visitor = w.visitor();
    const callback = await visitor.begin();
    const before = visitor.copy();
    assert.equal((await visitor.send(callback)).status, 303);
    await w.host.restart();
    w.refused(await before.send(callback), 400, 'already_used');
    assert.equal((await visitor.session()).status, 200);
  });
};
