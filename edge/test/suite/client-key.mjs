// A client without a secret, which authenticates with a key (private_key_jwt, RFC 7523), at the
// embedded server and at npm oidc-provider.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { newKey, read } from '../lib/jwt.mjs';
import { world } from '../lib/world.mjs';

const at = (server) => (host) => {
  let w;
  const clientKey = newKey('of the client');
  before(async () => (w = await world(host, { server, clientKey })));
  after(() => w?.stop());

  test(`${host.name}: ${server}: the client proves who it is by its key at every request, each time anew (H1, H5, Q10)`, async () => {
    const visitor = w.visitor();
    w.gate.expiresIn = 1;
    await visitor.signIn();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    assert.equal((await visitor.call('/api/hello')).status, 200);
    assert.equal((await visitor.call('/auth/logout', { method: 'POST' })).status, 200);
    w.gate.open();
    const asked = w.gate.asked.filter(({ path }) => path !== '/backchannel_logout');
    assert.deepEqual(
      asked.map(({ path, form, status }) => [path, form.get('grant_type'), status]),
      [
        ['/token', 'authorization_code', 200],
        ['/token', 'refresh_token', 200],
        ['/revoke', null, 200],
      ],
    );
    const seen = new Set();
    for (const { form, authorization } of asked) {
      assert.equal(authorization, undefined);
      assert.equal(form.get('client_secret'), null);
      assert.equal(form.get('client_assertion_type'), 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer');
      const { header, claims } = read(form.get('client_assertion'), clientKey);
      assert.deepEqual([header.alg, header.kid], ['ES256', clientKey.kid]);
      const { client_id } = w.given.config.client;
      assert.deepEqual([claims.iss, claims.sub, claims.aud], [client_id, client_id, w.issuer]);
      assert.ok(claims.exp - Date.now() / 1000 <= 300);
      seen.add(claims.jti);
    }
    assert.equal(seen.size, 3);
  });

  test(`${host.name}: ${server}: a key that is not the client's is refused, and nothing of it told (X6)`, async () => {
    const wrong = newKey(clientKey.kid);
    await w.host.restart({ secrets: { ...w.given.secrets, CLIENT_KEY: JSON.stringify(wrong) } });
    const visitor = w.visitor();
    const answer = await visitor.send(await visitor.begin());
    assert.deepEqual([answer.status, answer.location], [303, `${w.url}/?error=invalid_client`]);
    assert.equal((await visitor.session()).status, 401);
    for (const secret of [wrong.d, wrong.x]) assert.ok(!(answer.text + answer.headers).includes(secret));
    await w.host.restart();
    await visitor.signIn();
    assert.equal((await visitor.session()).status, 200);
  });
};

export default (host) => {
  for (const server of ['embedded', 'certified']) describe(server, () => at(server)(host));
};
