// Tokens that are bound to a key of the session (RFC 9449), at the embedded server and at npm
// oidc-provider, with nonces if the server has them.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { holdsNone } from '../lib/disk.mjs';
import { read, thumbprint } from '../lib/jwt.mjs';
import { world } from '../lib/world.mjs';

/**
 * The lifetime of access tokens, in s: many concurrent requests are answered within it, also on a
 * busy machine.
 */
const LIFE = 15;
const flags = { embedded: ['-dpop-nonce', '1m', '-access-token', `${LIFE}s`], certified: ['--access-token', String(LIFE)] };

const at = (server) => (host) => {
  let w;
  before(async () => (w = await world(host, { server, direct: true, client: { dpop: true }, flags: flags[server] })));
  after(() => w?.stop());

  /** Waits until access tokens have expired. */
  const over = () => new Promise((resolve) => setTimeout(resolve, LIFE * 1000));

  /** Checks what the API got: the token, and a proof for that request and that token. */
  const proved = ({ method, url, headers }) => {
    const [, token] = /^DPoP (\S+)$/.exec(headers.authorization);
    const { header, claims } = read(headers.dpop);
    assert.equal(header.typ, 'dpop+jwt');
    assert.deepEqual(Object.keys(header.jwk).sort(), ['crv', 'kty', 'x', 'y']);
    assert.deepEqual([claims.htm, claims.htu], [method, w.api.url + url.split('?')[0]]);
    assert.equal(claims.ath, createHash('sha256').update(token).digest('base64url'));
    return { token, jwk: header.jwk, jkt: thumbprint(header.jwk), jti: claims.jti };
  };
  const hello = async (visitor, init) => {
    assert.equal((await visitor.call('/api/hello?a=b', init)).status, 200);
    return proved(w.api.got.at(-1));
  };
  /** What the resource server, which checks the proof, says about the token's key. */
  const keyAtServer = async (visitor, init) => {
    const answer = await visitor.call('/api/notes', init);
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.header('dpop-nonce'), undefined);
    return answer.json.jkt;
  };

  test(`${host.name}: ${server}: a session's tokens are bound to its key, also after a refresh and a restart, and nobody else's (Q10, Q13, X10)`, async () => {
    const visitor = w.visitor();
    await visitor.signIn();
    const first = await hello(visitor, { headers: { dpop: 'of the page', authorization: 'DPoP of-the-page' } });
    const second = await hello(visitor, { method: 'POST', headers: { 'content-length': 1 }, body: 'x' });
    assert.equal(second.jkt, first.jkt);
    assert.notEqual(second.jti, first.jti, 'each request has a proof of its own');
    for (const scheme of ['Bearer', 'DPoP'])
      assert.equal((await fetch(w.resource, { headers: { authorization: `${scheme} ${first.token}` } })).status, 401, `stolen, as ${scheme}`);
    for (let i = 0; i < 5; i++)
      assert.equal(await keyAtServer(visitor, i % 2 ? {} : { method: 'POST', headers: { 'content-length': 1 }, body: 'x' }), first.jkt);

    await over();
    assert.equal(await keyAtServer(visitor), first.jkt);
    const refreshed = await hello(visitor);
    assert.notEqual(refreshed.token, first.token);
    assert.equal(refreshed.jkt, first.jkt);

    await w.host.restart();
    assert.equal(await keyAtServer(visitor), first.jkt);
    await over();
    assert.equal(await keyAtServer(visitor), first.jkt, 'a refresh with the key that was stored');
    const restarted = await hello(visitor);
    assert.equal(restarted.jkt, first.jkt);

    const other = w.visitor();
    await other.signIn();
    assert.notEqual((await hello(other)).jkt, first.jkt);

    const key = Buffer.from(first.jwk.x, 'base64url');
    holdsNone(w.folder, [first.jwk.x, key, first.token, refreshed.token, restarted.token]);

    assert.equal((await visitor.call('/auth/logout', { method: 'POST' })).status, 200);
    assert.equal((await visitor.session()).status, 401);
    assert.equal((await fetch(w.resource, { headers: { authorization: `DPoP ${restarted.token}` } })).status, 401);
    assert.equal((await other.session()).status, 200);
  });

  test(`${host.name}: ${server}: many at once on a session that is over make one refresh, and each has a proof of its own (X9)`, async () => {
    const visitor = w.visitor();
    await visitor.signIn();
    const { token, jkt } = await hello(visitor);
    await over();
    w.api.got.length = 0;
    const began = Date.now();
    const answers = await Promise.all(Array.from({ length: 20 }, () => visitor.copy().call('/api/hello')));
    assert.deepEqual(
      answers.map(({ status }) => status),
      Array(20).fill(200),
    );
    const all = w.api.got.map(proved);
    assert.deepEqual([all.length, new Set(all.map(({ jti }) => jti)).size], [20, 20]);
    assert.ok(all.every((one) => one.jkt === jkt && one.token !== token));
    // A token is used until a quarter of its lifetime is left. If the machine is so busy that this
    // time passes meanwhile, another refresh is right.
    const refreshes = 1 + Math.floor((Date.now() - began) / (LIFE * 750));
    assert.ok(new Set(all.map((one) => one.token)).size <= refreshes, `more than ${refreshes} tokens`);
  });
};

export default (host) => {
  // In parallel, because they mostly wait until tokens expire.
  describe('servers', { concurrency: true }, () => {
    for (const server of ['embedded', 'certified']) describe(server, { concurrency: 1 }, () => at(server)(host));
  });
};
