// Signed out by the server: back-channel logout, at the embedded server and at npm oidc-provider.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { send } from '../lib/visitor.mjs';
import { world } from '../lib/world.mjs';

/** Waits for what somebody else brings about. */
const until = async (holds) => {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
};

const at = (server) => (host) => {
  let w;
  /** Logout tokens as they come, before the backend has them. */
  before(async () => (w = await world(host, { server })));
  after(() => w?.stop());

  const signOutThere = async (visitor) => {
    const { page } = await visitor.agree(w.metadata.end_session_endpoint);
    assert.equal(page.status, 200, page.text);
  };

  test(`${host.name}: ${server}: signs in, calls the API, refreshes, signs out at both (Q10, Q12, Q13)`, async () => {
    const visitor = w.visitor();
    w.gate.expiresIn = 1;
    await visitor.signIn();
    const { claims } = (await visitor.session()).json;
    assert.equal(claims.iss, w.issuer);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    assert.equal((await visitor.call('/api/hello')).status, 200);
    assert.equal(w.gate.count('refresh_token'), 1);
    const { url } = (await visitor.call('/auth/logout?return_to=%2F', { method: 'POST' })).json;
    assert.equal((await visitor.agree(url)).url, `${w.url}/`);
    assert.equal((await visitor.session()).status, 401);
    w.gate.open();
  });

  test(`${host.name}: ${server}: who signs out at the server is signed out here, and nobody else (X10)`, async () => {
    const [one, other] = [w.visitor(), w.visitor()];
    await one.signIn();
    await other.signIn();
    const before = one.copy();
    await signOutThere(one);
    await until(async () => (await before.copy().session()).status === 401);
    w.refused(await before.call('/api/hello'), 401, 'not_signed_in');
    assert.equal((await other.session()).status, 200, 'the same user, in another session of the server');
    await w.host.restart();
    w.refused(await one.session(), 401, 'not_signed_in');
    assert.equal((await other.session()).status, 200);
  });

  test(`${host.name}: ${server}: a logout token that is none ends nothing (X10)`, async () => {
    const visitor = w.visitor();
    await visitor.signIn();
    const { value: idToken } = w.gate.tokens.findLast(({ name }) => name === 'id_token');
    const [head, body, signature] = idToken.split('.');
    const unsigned = Buffer.from('{"alg":"none","typ":"logout+jwt"}').toString('base64url');
    for (const token of ['', 'x', idToken, `${unsigned}.${body}.`, `${head}.${body}.${signature.slice(1)}`]) {
      const form = String(new URLSearchParams({ logout_token: token }));
      const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': form.length };
      const answer = await send(w.url, '/auth/backchannel_logout', { method: 'POST', headers, body: form });
      w.refused(answer, 400, 'invalid_request');
    }
    assert.equal((await visitor.session()).status, 200);
  });
};

export default (host) => {
  for (const server of ['embedded', 'certified']) describe(server, () => at(server)(host));
};
