// The server signs users out: back-channel logout, at the embedded server and at npm oidc-provider.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { jwt, newKey } from '../lib/jwt.mjs';
import { send } from '../lib/visitor.mjs';
import { world } from '../lib/world.mjs';

/** Waits until a condition holds. */
const until = async (holds) => {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
};

const at = (server) => (host) => {
  let w;
  /** The key of the embedded server, so that a test can sign tokens that the server would not. */
  const signingKey = newKey();
  before(async () => (w = await world(host, { server, ...(server === 'embedded' && { signingKey }) })));
  after(() => w?.stop());

  const deliver = (logout_token) => {
    const form = String(new URLSearchParams({ logout_token }));
    return send(w.url, '/auth/backchannel_logout', {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', 'content-length': form.length },
      body: form,
    });
  };

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
      w.refused(await deliver(token), 400, 'invalid_request');
    }
    assert.equal((await visitor.session()).status, 200);
  });

  test(`${host.name}: ${server}: a logout token counts once, after a restart too (X10)`, async () => {
    const visitor = w.visitor();
    await visitor.signIn();
    await signOutThere(visitor);
    const delivered = () => w.gate.asked.findLast(({ path }) => path === '/backchannel_logout');
    await until(() => delivered()?.status);
    assert.equal(delivered().status, 200);
    const token = delivered().form.get('logout_token');
    w.refused(await deliver(token), 400, 'invalid_request');
    await w.host.restart();
    const again = await deliver(token);
    w.refused(again, 400, 'invalid_request');
    assert.ok(!again.text.includes(token.slice(-20)));
  });

  if (server !== 'embedded') return;

  const kid = async () => (await (await fetch(w.metadata.jwks_uri)).json()).keys[0].kid;
  const event = 'http://schemas.openid.net/event/backchannel-logout';
  /**
   * The claims of a logout token as the server makes it (OpenID Connect Back-Channel Logout section
   * 2.4).
   */
  const claims = (more) => {
    const now = Math.floor(Date.now() / 1000);
    return { iss: w.issuer, aud: w.given.config.client.client_id, iat: now, exp: now + 120, jti: crypto.randomUUID(), events: { [event]: {} }, ...more };
  };
  const signed = async (members, header, key = signingKey, sealWith) =>
    jwt({ alg: 'ES256', typ: 'logout+jwt', kid: await kid(), ...header }, members, key, sealWith);
  const signedIn = async () => {
    const visitor = w.visitor();
    await visitor.signIn();
    return { visitor, ...(await visitor.session()).json.claims };
  };
  const alive = async (...list) => (await Promise.all(list.map(({ visitor }) => visitor.session()))).map(({ status }) => status === 200);

  test(`${host.name}: a logout token ends the session of its sid, or all of its sub, and what comes later goes on (X10)`, async () => {
    const [one, two, three] = [await signedIn(), await signedIn(), await signedIn()];
    assert.equal(new Set([one, two, three].map(({ sid }) => sid)).size, 3);
    assert.equal((await deliver(await signed(claims({ sid: one.sid })))).status, 200);
    assert.deepEqual(await alive(one, two, three), [false, true, true]);
    assert.equal((await deliver(await signed(claims({ sid: two.sid, sub: two.sub })))).status, 200);
    assert.deepEqual(await alive(one, two, three), [false, false, true]);
    const four = await signedIn();
    const whole = await signed(claims({ sub: 'alice' }));
    assert.equal((await deliver(whole)).status, 200);
    assert.deepEqual(await alive(three, four), [false, false]);
    // A second later, because a session of the same second would be ended, too.
    await new Promise((resolve) => setTimeout(resolve, 1100));
    const five = await signedIn();
    w.refused(await deliver(whole), 400, 'invalid_request');
    assert.equal((await deliver(await signed(claims({ sub: 'somebody else' })))).status, 200, 'there is nobody to be ended');
    assert.equal((await deliver(await signed(claims({ sid: 'of nobody' })))).status, 200);
    assert.deepEqual(await alive(five), [true]);
    const twice = await signed(claims({ sid: five.sid }));
    const answers = await Promise.all([deliver(twice), deliver(twice), deliver(twice)]);
    assert.ok(answers.some(({ status }) => status === 200));
    assert.deepEqual(await alive(five), [false]);
  });

  test(`${host.name}: a logout token of another issuer, for another client, signed otherwise, good for years, or without what it has to have, ends nothing (X7, X10, S59)`, async () => {
    const session = await signedIn();
    const { sid, sub } = session;
    const right = (more) => claims({ sid, sub, ...more });
    const mac = (secret) => (text) => createHmac('sha256', secret).update(text).digest();
    const now = Math.floor(Date.now() / 1000);
    for (const [name, token] of [
      ['another issuer', await signed(right({ iss: 'https://login.example' }))],
      ['no issuer', await signed(right({ iss: undefined }))],
      ['another client', await signed(right({ aud: 'another' }))],
      ['no client', await signed(right({ aud: undefined }))],
      ['alg none', await signed(right(), { alg: 'none' }, signingKey, () => Buffer.alloc(0))],
      ['signed with the client’s secret', await signed(right(), { alg: 'HS256' }, signingKey, mac(w.given.secrets.CLIENT_SECRET))],
      ['signed with the public key as a secret', await signed(right(), { alg: 'HS256' }, signingKey, mac(signingKey.x))],
      ['another key under the kid', await signed(right(), {}, newKey())],
      ['an unknown key', await signed(right(), { kid: 'another' }, newKey())],
      ['its own key in the header', await signed(right(), { kid: undefined, jwk: { ...newKey(), d: undefined } }, newKey())],
      ['an ID token', await signed(right({ events: undefined, nonce: 'n' }), { typ: 'JWT' })],
      ['an access token', await signed(right(), { typ: 'at+jwt' })],
      ['a nonce', await signed(right({ nonce: 'n' }))],
      ['no event', await signed(right({ events: {} }))],
      ['no events', await signed(right({ events: undefined }))],
      ['an event that is no object', await signed(right({ events: { [event]: true } }))],
      ['no jti', await signed(right({ jti: undefined }))],
      ['neither sid nor sub', await signed(right({ sid: undefined, sub: undefined }))],
      ['over', await signed(right({ iat: now - 600, exp: now - 300 }))],
      ['no end', await signed(right({ exp: undefined }))],
      ['no beginning', await signed(right({ iat: undefined }))],
      ['good until 2286', await signed(right({ exp: 9_999_999_999 }))],
      ['of the future', await signed(right({ iat: now + 3600, exp: now + 3700 }))],
    ]) {
      const answer = await deliver(token);
      assert.equal(answer.status, 400, name);
      w.refused(answer, 400, 'invalid_request');
    }
    assert.deepEqual(await alive(session), [true]);
    assert.equal((await deliver(await signed(right()))).status, 200, 'the same without a fault');
    assert.deepEqual(await alive(session), [false]);
  });
};

export default (host) => {
  for (const server of ['embedded', 'certified']) describe(server, () => at(server)(host));
};
