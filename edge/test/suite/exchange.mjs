// The token endpoint for services (RFC 8693, RFC 6749 sections 4.1.3 and 4.4), at the embedded
// server and at npm oidc-provider.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, afterEach, before, describe, test } from 'node:test';
import { send } from '../lib/visitor.mjs';
import { world } from '../lib/world.mjs';

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
/** An audience that the caller may name, but for which the embedded server issues no tokens. */
const UNKNOWN = 'https://unknown.example';

const hash = (secret) => createHash('sha256').update(secret).digest('base64url');
const basic = (id, secret) => `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`;

/** The scope of a user's token at the resource, and of a service's own token. */
const scopes = {
  embedded: { user: 'notes.read', whole: 'openid profile email notes.read', own: 'notes.read' },
  certified: { user: 'openid', whole: 'openid offline_access', own: 'read' },
};

const at = (server) => (host) => {
  let w;
  const scope = scopes[server];
  const secrets = { orders: randomBytes(32).toString('base64url'), batch: randomBytes(32).toString('base64url'), app: randomBytes(32).toString('base64url') };
  before(async () => {
    const config = ({ url, resource }) => ({
      callers: [
        { client_id: 'orders', grant_types: [EXCHANGE], audience: [resource, 'https://orders.example', UNKNOWN], scope: scope.user },
        { client_id: 'batch', grant_types: ['client_credentials'], scope: scope.own },
        { client_id: 'app', grant_types: ['authorization_code'], scope: scope.whole, redirect_uris: [`${url}/app`] },
      ].map((caller) => ({ ...caller, secret_sha256: hash(secrets[caller.client_id]) })),
    });
    w = await world(host, { server, config });
  });
  after(() => w?.stop());
  afterEach(() => w.gate.open());

  const post = (form, headers) => {
    const body = String(new URLSearchParams(form));
    return send(w.url, '/auth/exchange', {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', 'content-length': body.length, ...headers },
      body,
    });
  };
  const ask = (caller, form) => post(form, { authorization: basic(caller, secrets[caller]) });
  const count = () => w.gate.asked.length;

  /** The access token that an API gets for a signed-in user. */
  const subjectToken = async () => {
    const visitor = w.visitor();
    await visitor.signIn();
    await visitor.call('/api/hello');
    return w.api.got.at(-1).headers.authorization.slice('Bearer '.length);
  };
  const exchanging = (subject_token, more) => ({ grant_type: EXCHANGE, subject_token, subject_token_type: ACCESS_TOKEN, audience: w.resource, ...more });

  /** Checks an issued token: exactly the members of RFC 6749 section 5.1. */
  const given = (answer, members) => {
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.header('cache-control'), 'no-store');
    assert.equal(answer.header('content-type'), 'application/json');
    assert.deepEqual(answer.cookies, []);
    assert.deepEqual(Object.keys(answer.json).sort(), [...members, 'access_token', 'expires_in', 'token_type'].sort());
    assert.equal(answer.json.token_type, 'Bearer');
    assert.ok(answer.json.expires_in > 0);
    return answer.json;
  };
  const atResource = async (token) => {
    const answer = await fetch(w.resource, { headers: { authorization: `Bearer ${token}` } });
    return [answer.status, await answer.json()];
  };

  test(`${host.name}: ${server}: a token is exchanged for one that is good elsewhere, for less and kept for the next time`, async () => {
    const subject = await subjectToken();
    const first = given(await ask('orders', exchanging(subject)), ['issued_token_type', 'scope']);
    assert.equal(first.issued_token_type, ACCESS_TOKEN);
    assert.equal(first.scope, scope.user, 'where none is named, the caller’s own');
    assert.notEqual(first.access_token, subject);
    const [status, about] = await atResource(first.access_token);
    assert.deepEqual([status, about.user ?? about.sub, about.scope], [200, 'alice', scope.user]);
    const sent = w.gate.asked.at(-1).form;
    assert.deepEqual([sent.get('audience'), sent.get('scope'), sent.get('subject_token')], [w.resource, scope.user, subject]);

    const before = count();
    const again = given(await ask('orders', exchanging(subject)), ['issued_token_type', 'scope']);
    assert.equal(again.access_token, first.access_token);
    assert.ok(again.expires_in <= first.expires_in);
    assert.equal(count(), before, 'the server was not asked');
    const inBody = await post({ ...exchanging(subject, { scope: scope.user }), client_id: 'orders', client_secret: secrets.orders });
    assert.equal(given(inBody, ['issued_token_type', 'scope']).access_token, first.access_token);
    assert.equal(count(), before);

    const elsewhere = given(await ask('orders', exchanging(subject, { audience: 'https://orders.example' })), ['issued_token_type', 'scope']);
    const other = given(await ask('orders', exchanging(await subjectToken())), ['issued_token_type', 'scope']);
    assert.equal(new Set([first, elsewhere, other].map(({ access_token }) => access_token)).size, 3, 'not kept for another audience or user');
    if (server === 'embedded') assert.equal((await atResource(elsewhere.access_token))[0], 401, 'it is for another resource');
  });

  test(`${host.name}: ${server}: what is kept ends with the session that it came of (S61)`, async () => {
    const visitor = w.visitor();
    await visitor.signIn();
    await visitor.call('/api/hello');
    const subject = w.api.got.at(-1).headers.authorization.slice('Bearer '.length);
    given(await ask('orders', exchanging(subject)), ['issued_token_type', 'scope']);
    const before = count();
    given(await ask('orders', exchanging(subject)), ['issued_token_type', 'scope']);
    assert.equal(count(), before, 'it is kept');
    assert.equal((await visitor.call('/auth/logout', { method: 'POST' })).status, 200);
    const asked = w.gate.count(EXCHANGE);
    const answer = await ask('orders', exchanging(subject));
    assert.equal(w.gate.count(EXCHANGE), asked + 1, 'the server is asked');
    assert.equal(answer.status, 400, answer.text);
  });

  test(`${host.name}: ${server}: no parameter is dropped without a word: an actor's token goes to the server, what is unknown is refused (S60)`, async () => {
    const subject = await subjectToken();
    const before = count();
    const unknown = await ask('orders', exchanging(subject, { may_act: 'x' }));
    w.refused(unknown, 400, 'invalid_request');
    assert.match(unknown.json.error_description, /may_act/);
    w.refused(await ask('orders', exchanging(subject, { actor_token: 'x' })), 400, 'invalid_request');
    assert.equal(count(), before);
    const actor_token = await subjectToken();
    const asked = count();
    await ask('orders', exchanging(subject, { actor_token, actor_token_type: ACCESS_TOKEN }));
    assert.equal(count(), asked + 1);
    const { form } = w.gate.asked.at(-1);
    assert.deepEqual([form.get('actor_token'), form.get('actor_token_type')], [actor_token, ACCESS_TOKEN]);
  });

  test(`${host.name}: ${server}: a token that was kept is given out no longer than it lives`, async () => {
    const subject = await subjectToken();
    const times = async () => {
      const before = w.gate.count(EXCHANGE);
      const tokens = [await ask('orders', exchanging(subject)), await ask('orders', exchanging(subject))].map(
        (answer) => given(answer, ['issued_token_type', 'scope']).access_token,
      );
      return [new Set(tokens).size, w.gate.count(EXCHANGE) - before];
    };
    w.gate.expiresIn = 20;
    assert.deepEqual(await times(), [2, 2], 'one that is nearly over is not kept');
    w.gate.expiresIn = 31;
    const kept = (await ask('orders', exchanging(subject))).json.access_token;
    await new Promise((resolve) => setTimeout(resolve, 1100));
    w.gate.expiresIn = undefined;
    assert.notEqual((await ask('orders', exchanging(subject))).json.access_token, kept);
    assert.deepEqual(await times(), [1, 0]);
  });

  test(`${host.name}: ${server}: a caller that is none is refused, and the server not asked (A7)`, async () => {
    const subject = await subjectToken();
    const before = count();
    const form = exchanging(subject);
    for (const [name, headers, more] of [
      ['nobody', {}, {}],
      ['a wrong secret', { authorization: basic('orders', secrets.batch) }, {}],
      ['no secret', { authorization: basic('orders', '') }, {}],
      ['an unknown caller', { authorization: basic('nobody', secrets.orders) }, {}],
      ['two ways at once', { authorization: basic('orders', secrets.orders) }, { client_secret: secrets.orders }],
      ['a wrong secret in the body', {}, { client_id: 'orders', client_secret: 'x'.repeat(43) }],
      ['the hash of the secret', { authorization: basic('orders', hash(secrets.orders)) }, {}],
      ['the client of the server', { authorization: basic(w.given.config.client.client_id, w.given.secrets.CLIENT_SECRET) }, {}],
      ['no Basic', { authorization: `Bearer ${secrets.orders}` }, {}],
    ]) {
      const answer = await post({ ...form, ...more }, headers);
      w.refused(answer, 401, 'invalid_client');
      assert.equal(answer.header('www-authenticate'), 'Basic realm="exchange"', name);
      assert.ok(!answer.text.includes(subject));
    }
    // It is not for pages, either.
    w.refused(await post(form, { authorization: basic('orders', secrets.orders), origin: w.url }), 400, 'invalid_request');
    assert.equal(count(), before);
  });

  test(`${host.name}: ${server}: what a caller may not have is refused by the codes of the RFCs, and the server not asked (A7)`, async () => {
    const subject = await subjectToken();
    const before = count();
    const form = exchanging(subject);
    const without = (name) => Object.entries(form).filter(([other]) => other !== name);
    for (const [caller, asked, code] of [
      ['orders', exchanging(subject, { audience: 'https://elsewhere.example' }), 'invalid_target'],
      ['orders', [...Object.entries(form), ['audience', 'https://orders.example']], 'invalid_target'],
      ['orders', [...Object.entries(form), ['resource', 'https://elsewhere.example']], 'invalid_target'],
      ['orders', exchanging(subject, { scope: 'write' }), 'invalid_scope'],
      ['orders', exchanging(subject, { scope: `${scope.user} write` }), 'invalid_scope'],
      ['orders', { grant_type: 'client_credentials' }, 'unauthorized_client'],
      ['batch', form, 'unauthorized_client'],
      ['app', form, 'unauthorized_client'],
      ['orders', { ...form, grant_type: 'password' }, 'unsupported_grant_type'],
      ['orders', { ...form, grant_type: 'refresh_token' }, 'unsupported_grant_type'],
      ['orders', without('grant_type'), 'invalid_request'],
      ['orders', without('subject_token'), 'invalid_request'],
      ['orders', without('subject_token_type'), 'invalid_request'],
      ['orders', without('audience'), 'invalid_request'],
      ['orders', [...Object.entries(form), ['subject_token', 'another']], 'invalid_request'],
      ['batch', { grant_type: 'client_credentials', scope: 'openid' }, 'invalid_scope'],
      ['batch', { grant_type: 'client_credentials', audience: w.resource }, 'invalid_target'],
      ['app', { grant_type: 'authorization_code', code: 'x', code_verifier: 'v'.repeat(43), redirect_uri: `${w.base}/callback` }, 'invalid_request'],
      ['app', { grant_type: 'authorization_code', code: 'x', redirect_uri: `${w.url}/app` }, 'invalid_request'],
    ]) {
      const answer = await ask(caller, asked);
      w.refused(answer, 400, code);
      assert.ok(!answer.text.includes(subject));
    }
    for (const headers of [{ 'content-type': 'application/json' }, { 'content-type': 'text/plain' }]) {
      w.refused(await post(form, { authorization: basic('orders', secrets.orders), ...headers }), 400, 'invalid_request');
    }
    w.refused(await send(w.url, '/auth/exchange', { headers: { authorization: basic('orders', secrets.orders) } }), 405, 'method_not_allowed');
    assert.equal(count(), before);
  });

  test(`${host.name}: ${server}: what the server refuses is passed on by its code, and a server that is down is no refusal (A7, H5)`, async () => {
    const subject = await subjectToken();
    w.refused(await ask('orders', exchanging('nobody’s')), 400, 'invalid_request');
    if (server === 'embedded') w.refused(await ask('orders', exchanging(subject, { audience: UNKNOWN })), 400, 'invalid_target');
    w.gate.before = () => false;
    w.refused(await ask('orders', exchanging(subject)), 503, 'temporarily_unavailable');
    w.refused(await ask('batch', { grant_type: 'client_credentials' }), 503, 'temporarily_unavailable');
    w.gate.open();
    given(await ask('orders', exchanging(subject)), ['issued_token_type', 'scope']);
  });

  test(`${host.name}: ${server}: a service gets a token of its own, the same until it is over (A4)`, async () => {
    const first = given(await ask('batch', { grant_type: 'client_credentials' }), ['scope']);
    assert.equal(first.scope, scope.own);
    assert.equal((await atResource(first.access_token))[0], 200);
    const before = count();
    assert.equal(given(await ask('batch', { grant_type: 'client_credentials', scope: scope.own }), ['scope']).access_token, first.access_token);
    assert.equal(count(), before);
    await w.host.restart();
    assert.equal(given(await ask('batch', { grant_type: 'client_credentials' }), ['scope']).access_token, first.access_token, 'it is stored');
    assert.equal(count(), before);
  });

  test(`${host.name}: ${server}: an application's code is changed for an access token, once, with its verifier, and for nothing else (A8, Q23)`, async () => {
    const visitor = w.visitor();
    /** A code at the application's own redirect URI. */
    const newCode = async () => {
      const verifier = randomBytes(32).toString('base64url');
      const nonce = randomBytes(16).toString('base64url');
      const query = new URLSearchParams({
        client_id: w.given.config.client.client_id,
        response_type: 'code',
        redirect_uri: `${w.url}/app`,
        scope: `openid ${scope.user}`,
        nonce,
        code_challenge: hash(verifier),
        code_challenge_method: 'S256',
      });
      const { url } = await visitor.agree(`${w.metadata.authorization_endpoint}?${query}`);
      return { grant_type: 'authorization_code', code: new URL(url).searchParams.get('code'), redirect_uri: `${w.url}/app`, code_verifier: verifier, nonce };
    };
    const code = await newCode();
    const token = given(await ask('app', code), ['scope']);
    const [status, about] = await atResource(token.access_token);
    assert.deepEqual([status, about.user ?? about.sub], [200, 'alice']);
    w.refused(await ask('app', code), 400, 'invalid_grant');
    w.refused(await ask('app', { ...(await newCode()), code_verifier: 'v'.repeat(43) }), 400, 'invalid_grant');
    const { nonce } = await newCode();
    const other = await ask('app', { ...(await newCode()), nonce });
    assert.equal(other.status, 502, 'the ID token has another nonce');
    w.keepsQuiet(other);
    assert.equal(visitor.jar().size, 0, 'none of this is a session');
  });
};

export default (host) => {
  for (const server of ['embedded', 'certified']) describe(server, () => at(server)(host));
};
