// The FAPI 2.0 Security Profile and related specifications, against npm oidc-provider and a
// resource that checks every proof: pushed requests, tokens bound to a key, nonces of both, clients
// that authenticate with a key, signed requests and signed answers. In Node; dpop.test.mjs tests
// pages.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { launch, pages } from './lib/browser.mjs';
import { checkPushed, claims, fapiProvider } from './lib/fapi.mjs';
import { library } from './lib/installed.mjs';
import { decide } from './lib/oidc-pages.mjs';
import { serve } from './lib/serve.mjs';

const APP = '/pages/app.html';
const USER = '248289761001';

let browser, site, server, issuer, resource;
before(async () => {
  site = await serve(pages());
  server = await fapiProvider(site.url + APP);
  ({ issuer, resource } = server);
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.stop();
  site?.stop();
});

/** A non-extractable key, and a client that is registered with it. */
const keyed = async (metadata, algorithm = { name: 'ECDSA', namedCurve: 'P-256' }) => {
  const { privateKey, publicKey } = await crypto.subtle.generateKey(algorithm, false, ['sign', 'verify']);
  return { client_key: privateKey, ...(await server.register(await crypto.subtle.exportKey('jwk', publicKey), metadata)) };
};

const open = async (t, config, options) => {
  const client = await (await library()).openClient({ ...server.config, ...config }, options);
  t.after(() => client.close());
  return client;
};

/** Goes through the server's pages, and returns the URL to which the browser comes back. */
const reply = async (client, parameters) => (await decide((await client.authorize(parameters)).url, 'approve')).url;
const signIn = async (client, parameters) => client.callback({ url: await reply(client, parameters) });

test('H1 Q13 Q23 A6 Node, known by a key: sign-in, proofs with the nonces of both servers, a challenge, refresh, introspection, sign-out', async (t) => {
  const { challengeOf } = await library();
  const sent = [];
  const known = await keyed();
  const client = await open(t, known, {
    fetch: async (...args) => {
      const request = new Request(...args);
      sent.push({ url: request.url, proof: request.headers.get('dpop'), form: new URLSearchParams(await request.clone().text()) });
      return fetch(request);
    },
  });
  const { url } = await client.authorize();
  checkPushed(url, known.client_id);
  const status = await client.callback({ url: (await decide(url, 'approve')).url });
  assert.deepEqual([status.token_type, status.claims.iss, status.claims.sub], ['DPoP', issuer, USER]);
  assert.equal((await client.userinfo()).sub, USER);

  sent.length = 0;
  const proved = new Set();
  for (let i = 0; i < 8; i++) {
    const response = await client.fetch(`${resource}/accounts?page=${i}`, { method: i % 2 ? 'POST' : 'GET' });
    const { sub, scheme, jkt } = await response.json();
    assert.deepEqual([response.status, sub, scheme], [200, USER, 'DPoP']);
    proved.add(jkt);
  }
  assert.equal(proved.size, 1, 'one key a session');
  // The first request was refused because it had no nonce; later nonces come with answers.
  assert.equal(sent.length, 9);
  assert.equal(new Set(sent.map(({ proof }) => claims(proof).jti)).size, 9);
  assert.ok(new Set(sent.map(({ proof }) => claims(proof).nonce)).size >= 3);

  sent.length = 0;
  const strong = await client.fetch(`${resource}/strong`);
  assert.equal(strong.status, 401);
  assert.deepEqual(challengeOf(strong), {
    scheme: 'dpop',
    error: 'insufficient_user_authentication',
    acr_values: 'urn:test:strong',
    max_age: 5,
    resource_metadata: `${resource}/.well-known/oauth-protected-resource`,
  });
  assert.equal(sent.length, 1, 'no refresh gives a stronger sign-in');

  const before = await client.token();
  await client.refresh();
  assert.notEqual((await client.token()).access_token, before.access_token);
  const { active, client_id, cnf } = await client.introspect();
  assert.deepEqual([active, client_id, cnf.jkt], [true, known.client_id, [...proved][0]]);
  assert.equal((await client.logOut()).revoked, true);

  const assertions = sent.map(({ form }) => form.get('client_assertion')).filter(Boolean);
  assert.equal(new Set(assertions.map((assertion) => claims(assertion).jti)).size, assertions.length);
  assert.ok(assertions.length >= 3 && assertions.every((assertion) => claims(assertion).aud === issuer));
});

const algorithms = {
  ES384: { name: 'ECDSA', namedCurve: 'P-384' },
  PS256: { name: 'RSA-PSS', hash: 'SHA-256', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) },
  RS512: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-512', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) },
  EdDSA: { name: 'Ed25519' },
};
for (const [alg, algorithm] of Object.entries(algorithms)) {
  test(`H1 everything that a client signs, with ${alg}: assertions, authorization requests, proofs`, async (t) => {
    const known = await keyed({ token_endpoint_auth_signing_alg: alg, request_object_signing_alg: alg, require_signed_request_object: true }, algorithm);
    const client = await open(t, { ...known, token_endpoint_auth_signing_alg: alg, request_object_signing_alg: alg, dpop_signing_alg: alg });
    assert.equal(
      (await signIn(client, { prompt: 'login', max_age: 600, ui_locales: 'de', claims: { id_token: { auth_time: { essential: true } } } })).claims.sub,
      USER,
    );
    assert.equal((await client.fetch(resource)).status, 200);
  });
}

test('a key that does not fit the algorithm is an error of the client', async (t) => {
  const known = await keyed({}, algorithms.ES384);
  const client = await open(t, known);
  await assert.rejects(client.authorize(), { kind: 'client', code: 'no_key' });
});

test('Q22 X1 a signed reply (JARM): taken once, refused where it was changed, unsigned where it has to be signed', async (t) => {
  const known = await keyed({ authorization_signed_response_alg: 'ES256' });
  const client = await open(t, known);
  const mode = { response_mode: 'query.jwt', app_state: 'page 7' };
  const url = new URL(await reply(client, mode));
  assert.deepEqual([...url.searchParams.keys()], ['response']);
  const [header, payload, signature] = url.searchParams.get('response').split('.');
  const forged = new URL(url);
  const other = Buffer.from(JSON.stringify({ ...claims(`.${payload}`), code: 'stolen' })).toString('base64url');
  forged.searchParams.set('response', [header, other, signature].join('.'));
  await assert.rejects(client.callback({ url: forged.href }), { code: 'bad_signature' });
  const { code, state, iss } = claims(`.${payload}`);
  await assert.rejects(client.callback({ parameters: { code, state, iss } }), { kind: 'callback_not_verified', code: 'wrong_response_mode' });
  const status = await client.callback({ url: url.href });
  assert.deepEqual([status.claims.sub, status.app_state], [USER, 'page 7']);
  assert.equal((await client.callback({ url: url.href })).handled_elsewhere, true);
});

/** An app's server, which finishes posted replies. */
const app = async (t, finish) => {
  const server = createServer({ keepAliveTimeout: 0 }, async (request, response) => {
    if (request.method !== 'POST') return response.writeHead(404).end();
    const posted = Object.fromEntries(new URLSearchParams(await text(request)));
    response.end(await finish(posted).catch(({ code }) => code));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return `http://127.0.0.1:${server.address().port}/callback`;
};

for (const response_mode of ['form_post', 'form_post.jwt']) {
  test(`A5 H9 the browser posts the reply to a server of the app: ${response_mode}`, async (t) => {
    let client, names;
    const redirect_uri = await app(t, async (parameters) => {
      names = Object.keys(parameters).sort();
      return (await client.callback({ parameters })).claims.sub;
    });
    client = await open(t, { ...(await keyed({ redirect_uris: [redirect_uri], authorization_signed_response_alg: 'ES256' })), redirect_uri });
    // The server answers with a page that posts itself, so this needs a browser.
    const { url } = await client.authorize({ response_mode });
    const context = await browser.newContext();
    t.after(() => context.close());
    const page = await context.newPage();
    await page.goto(url);
    for (const step of ['login', 'consent']) {
      if (step === 'login') {
        await page.fill('input[name=login]', USER);
        await page.fill('input[name=password]', 'any');
      }
      await page.click('button[type=submit]');
    }
    await page.waitForURL(redirect_uri);
    assert.equal(await page.textContent('body'), USER);
    assert.deepEqual(names, response_mode === 'form_post' ? ['code', 'iss', 'state'] : ['response']);
  });
}

test('Q13 tokens are asked for by resource: good there, and another resource is refused by the server', async (t) => {
  const client = await open(t, { ...(await keyed()), scope: 'openid read', resource: [resource] });
  await signIn(client);
  for (const step of ['signed in', 'refreshed']) {
    if (step === 'refreshed') await client.refresh();
    const { aud, scope } = await (await client.fetch(resource)).json();
    assert.deepEqual([aud, scope], [resource, 'read'], step);
  }
  const other = await open(t, { ...(await keyed()), resource: ['https://other.example/'] });
  await assert.rejects(other.authorize(), { kind: 'server', error: 'invalid_target' });
});

test('Q12 A6 signed userinfo, and signed introspection where it is wanted', async (t) => {
  const known = await keyed({ userinfo_signed_response_alg: 'ES384', introspection_signed_response_alg: 'PS256' });
  const client = await open(t, { ...known, introspection_signed_response_alg: 'PS256' });
  await signIn(client);
  const { sub, name } = await client.userinfo();
  assert.deepEqual([sub, name], [USER, 'A person']);
  const { active, client_id } = await client.introspect();
  assert.deepEqual([active, client_id], [true, known.client_id]);
  const config = { ...known, introspection_signed_response_alg: 'ES256' }; // the server signs with another algorithm
  const strict = await open(t, config, { session: await client.export() });
  await assert.rejects(strict.introspect(), { kind: 'id_token_not_verified', code: 'alg_not_allowed' });
});

test('A4 Node signs in as itself, by its key: a token that is bound to another', async (t) => {
  const client = await open(t, { ...(await keyed({ grant_types: ['client_credentials'], redirect_uris: [], response_types: [] })), scope: 'read' });
  assert.equal((await client.clientCredentials()).token_type, 'DPoP');
  assert.equal((await client.fetch(resource)).status, 200);
});

test('H1 a secret that is never sent (client_secret_jwt), and registration by the client itself, found from the resource', async (t) => {
  const client_metadata = {
    redirect_uris: [site.url + APP],
    token_endpoint_auth_method: 'client_secret_jwt',
    grant_types: ['authorization_code', 'refresh_token'],
    id_token_signed_response_alg: 'ES256',
    dpop_bound_access_tokens: true,
  };
  const unknown = await (await library()).openClient({ client_metadata });
  const where = { url: `${resource}/accounts`, resource_metadata: `${resource}/.well-known/oauth-protected-resource` };
  const { resource: name, authorization_servers } = await unknown.resourceMetadata(where);
  assert.deepEqual([name, authorization_servers], [resource, [issuer]]);
  await assert.rejects(unknown.authorize(), { kind: 'client', code: 'missing', field: 'client_id' });
  unknown.close();

  const applying = await (await library()).openClient({ client_metadata, issuer: authorization_servers[0], registration_endpoint: `${issuer}/reg` });
  t.after(() => applying.close());
  const { client_id, client_secret, dpop_bound_access_tokens } = await applying.register();
  assert.ok(client_id && client_secret && dpop_bound_access_tokens);

  const client = await open(t, { client_id, client_secret, token_endpoint_auth_method: 'client_secret_jwt' });
  assert.equal((await signIn(client)).claims.aud, client_id);
  assert.equal((await client.fetch(resource)).status, 200);
});

test('H2 the server ends the session in a frame: only with its own sid, and its key is gone with it', async (t) => {
  const { memoryKeys } = await library();
  const kept = memoryKeys();
  const names = new Set();
  const keys = { ...kept, add: (name, pair) => (names.add(name), kept.add(name, pair)) };
  const known = await keyed({ backchannel_logout_uri: `${site.url}/logout`, backchannel_logout_session_required: true });
  const client = await open(t, known, { keys });
  const { sid } = (await signIn(client)).claims;
  assert.ok(sid);
  const [name] = names;
  assert.equal(names.size, 1);
  const url = (parameters) => `${site.url}/bye?${new URLSearchParams(parameters)}`;
  for (const wrong of [{ iss: issuer, sid: 'other' }, { iss: 'https://other.example', sid }, { iss: issuer }, { sid }]) {
    assert.equal(await client.frontChannelLogout(url(wrong)), false);
  }
  assert.equal((await client.status()).status, 'granted');
  assert.equal(kept.load(name).privateKey.extractable, false);
  assert.equal(await client.frontChannelLogout(url({ iss: issuer, sid })), true);
  assert.equal((await client.status()).status, 'not_authenticated');
  assert.equal(kept.load(name), undefined);
});
