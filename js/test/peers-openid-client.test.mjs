// npm openid-client as a client of the project's authorization server, over HTTP, through its own
// calls.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import * as jose from 'jose';
import * as oidc from 'openid-client';
import { authserver } from './lib/process.mjs';
import { until } from './lib/provider.mjs';
import { alice } from './lib/user.mjs';

const CB = 'http://127.0.0.1:9/cb'; // nobody listens there: the test reads the answer from the redirect
const BYE = 'http://127.0.0.1:9/bye';
const options = { execute: [oidc.allowInsecureRequests] }; // http, on loopback

/**
 * The usual server; one that requires pushed requests and nonces in proofs; and one with the old
 * response types.
 */
let server, strict, loose;
before(async () => {
  server = await authserver('-open-registration', '-acr=low', '-acr=high', '-resource=https://api.example', CB, BYE);
  strict = await authserver('-open-registration', '-par', '-dpop-nonce=1h', CB);
  loose = await authserver('-open-registration', '-response-types=code id_token', '-response-types=id_token', CB);
});
after(async () => {
  for (const s of [server, strict, loose]) await s?.stop();
});

const publicClient = ({ issuer }) => oidc.discovery(new URL(issuer), 'app', undefined, oidc.None(), options);

/** A client that registers itself (RFC 7591). */
const register = ({ issuer }, metadata, authentication) =>
  oidc.dynamicClientRegistration(
    new URL(issuer),
    {
      redirect_uris: [CB],
      grant_types: ['authorization_code', 'refresh_token'],
      scope: 'openid profile email read offline_access',
      ...metadata,
    },
    authentication,
    options,
  );

/** One with its own key. */
const withKey = async (at, metadata) => {
  const { publicKey, privateKey } = await jose.generateKeyPair('ES256', { extractable: true });
  const key = { kid: 'k1', key: privateKey };
  const jwks = { keys: [{ ...(await jose.exportJWK(publicKey)), kid: 'k1', alg: 'ES256', use: 'sig' }] };
  const config = await register(at, { token_endpoint_auth_method: 'private_key_jwt', jwks, ...metadata }, oidc.PrivateKeyJwt(key));
  return { config, key };
};

/** The parts of an authorization request, and the checks of its answer. */
const attempt = async (more = {}) => {
  const [pkceCodeVerifier, expectedState, expectedNonce] = [oidc.randomPKCECodeVerifier(), oidc.randomState(), oidc.randomNonce()];
  const parameters = {
    redirect_uri: CB,
    scope: 'openid profile email',
    state: expectedState,
    nonce: expectedNonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    ...more,
  };
  return { parameters, checks: { pkceCodeVerifier, expectedState, expectedNonce } };
};

/** A complete sign-in; `via` makes the URL. */
const signIn = async (config, { more, visit = alice(), decision, DPoP, via = oidc.buildAuthorizationUrl } = {}) => {
  const { parameters, checks } = await attempt(more);
  const { url, form } = await visit(await via(config, parameters), decision);
  const reply = form ? new Request(url, { method: 'POST', body: form }) : url;
  return { ...(await oidc.authorizationCodeGrant(config, reply, checks, undefined, { DPoP })), url, visit };
};

/**
 * Checks that the call ends in a protocol error: of the token endpoint with a status, of the
 * redirect without.
 */
const fails = (promise, code, status) =>
  assert.rejects(promise, (error) => {
    assert.deepEqual([error.error, error.status], [code, status], error.stack);
    return true;
  });

test('A4 openid-client: discovery, code with PKCE, ID token, userinfo, refresh with a new refresh token', async () => {
  const config = await publicClient(server);
  const tokens = await signIn(config);
  const { sub } = jose.decodeJwt(tokens.id_token);
  assert.deepEqual([tokens.token_type, tokens.scope ?? 'openid profile email', sub], ['bearer', 'openid profile email', 'alice']);
  assert.deepEqual(await oidc.fetchUserInfo(config, tokens.access_token, sub), { sub, name: 'Alice', email: 'alice@example.com', email_verified: true });
  const fresh = await oidc.refreshTokenGrant(config, tokens.refresh_token);
  assert.notEqual(fresh.refresh_token, tokens.refresh_token);
  const narrow = await oidc.refreshTokenGrant(config, fresh.refresh_token, { scope: 'openid' });
  assert.equal(narrow.scope, 'openid');
  await fails(oidc.refreshTokenGrant(config, narrow.refresh_token, { scope: 'openid read' }), 'invalid_scope', 400);
});

test('A8 openid-client: a refresh token and a code that come twice end what was issued', async () => {
  const config = await publicClient(server);
  const tokens = await signIn(config);
  const fresh = await oidc.refreshTokenGrant(config, tokens.refresh_token);
  await fails(oidc.refreshTokenGrant(config, tokens.refresh_token), 'invalid_grant', 400);
  await fails(oidc.refreshTokenGrant(config, fresh.refresh_token), 'invalid_grant', 400);

  const { parameters, checks } = await attempt();
  const { url } = await alice()(oidc.buildAuthorizationUrl(config, parameters));
  const once = await oidc.authorizationCodeGrant(config, url, { ...checks });
  await fails(oidc.authorizationCodeGrant(config, url, { ...checks }), 'invalid_grant', 400);
  await fails(oidc.refreshTokenGrant(config, once.refresh_token), 'invalid_grant', 400);
});

test('A7 openid-client: the user who denies, a scope that is not the client’s, a code without its verifier', async () => {
  const config = await publicClient(server);
  await fails(signIn(config, { decision: 'deny' }), 'access_denied');
  await fails(signIn(config, { more: { scope: 'openid other' } }), 'invalid_scope');
  const { parameters, checks } = await attempt();
  const { url } = await alice()(oidc.buildAuthorizationUrl(config, parameters));
  await fails(oidc.authorizationCodeGrant(config, url, { ...checks, pkceCodeVerifier: oidc.randomPKCECodeVerifier() }), 'invalid_grant', 400);
});

test('A4 openid-client: pushed requests, and DPoP with nonces of the server, from the request to userinfo', async () => {
  const config = await publicClient(strict);
  const DPoP = oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair());
  const tokens = await signIn(config, { DPoP, via: (c, parameters) => oidc.buildAuthorizationUrlWithPAR(c, parameters, { DPoP }) });
  assert.equal(tokens.token_type, 'dpop');
  assert.equal((await oidc.fetchUserInfo(config, tokens.access_token, 'alice', { DPoP })).name, 'Alice');
  const api = await oidc.fetchProtectedResource(config, tokens.access_token, new URL(strict.issuer + '/api'), 'GET', undefined, undefined, { DPoP });
  assert.deepEqual(await api.json(), { user: 'alice', client_id: 'app' });
  const fresh = await oidc.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP });
  assert.equal(fresh.token_type, 'dpop');
  // Neither the access token nor the refresh token of a public client works without the key.
  const other = oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair());
  await fails(oidc.refreshTokenGrant(config, fresh.refresh_token, undefined, { DPoP: other }), 'invalid_grant', 400);
  await assert.rejects(oidc.fetchUserInfo(config, fresh.access_token, 'alice'), { code: 'OAUTH_WWW_AUTHENTICATE_CHALLENGE', status: 401 });
  // A request that was not pushed is refused.
  await fails(signIn(config), 'invalid_request');
});

test('A6 openid-client: private_key_jwt and client_secret_jwt, basic and post, each as registered', async () => {
  const { config } = await withKey(server);
  assert.equal((await signIn(config)).token_type, 'bearer');
  for (const [method, authentication] of [
    ['client_secret_basic', oidc.ClientSecretBasic],
    ['client_secret_post', oidc.ClientSecretPost],
    ['client_secret_jwt', oidc.ClientSecretJwt],
  ]) {
    const registered = await register(server, { token_endpoint_auth_method: method, grant_types: ['client_credentials'] }, undefined);
    const { client_id, client_secret } = registered.clientMetadata();
    const own = await oidc.discovery(new URL(server.issuer), client_id, {}, authentication(client_secret), options);
    const tokens = await oidc.clientCredentialsGrant(own, { scope: 'read' });
    assert.deepEqual([method, tokens.scope], [method, 'read']);
    const wrong = await oidc.discovery(new URL(server.issuer), client_id, {}, authentication('x'.repeat(43)), options);
    await assert.rejects(oidc.clientCredentialsGrant(wrong), { status: 401 }, method);
  }
});

test('A5 openid-client: signed answers (JARM) in the query, signed requests (JAR), and both', async () => {
  const { config, key } = await withKey(server, { require_signed_request_object: true });
  const signed = (c, parameters) => oidc.buildAuthorizationUrlWithJAR(c, parameters, key);
  await signIn(config, { via: signed });
  await fails(signIn(config), 'invalid_request');
  oidc.useJwtResponseMode(config);
  const tokens = await signIn(config, { via: signed });
  assert.deepEqual([...tokens.url.searchParams.keys()], ['response']);
  assert.equal(jose.decodeJwt(tokens.id_token).sub, 'alice');
});

test('A5 openid-client: form_post, and a fragment with the response type "code id_token" where it is switched on', async () => {
  const posted = await signIn(await publicClient(server), { more: { response_mode: 'form_post' } });
  assert.equal(posted.url.search, '');
  const config = await publicClient(loose);
  oidc.useCodeIdTokenResponseType(config);
  const hybrid = await signIn(config);
  assert.match(hybrid.url.hash, /code=.*id_token=/);
  const implicit = await publicClient(loose);
  oidc.useIdTokenResponseType(implicit);
  const nonce = oidc.randomNonce();
  const { url } = await alice()(oidc.buildAuthorizationUrl(implicit, { redirect_uri: CB, scope: 'openid', nonce, state: 's' }));
  assert.equal((await oidc.implicitAuthentication(implicit, url, nonce, { expectedState: 's' })).sub, 'alice');
  const off = await publicClient(server);
  oidc.useCodeIdTokenResponseType(off);
  const refused = await alice()(oidc.buildAuthorizationUrl(off, (await attempt()).parameters));
  assert.match(refused.url.href, /error=unsupported_response_type/);
});

test('A4 openid-client: userinfo signed, its signature checked with the server’s keys', async () => {
  const { config } = await withKey(server, { userinfo_signed_response_alg: 'ES256' });
  oidc.enableNonRepudiationChecks(config);
  const { access_token } = await signIn(config);
  const claims = await oidc.fetchUserInfo(config, access_token, 'alice');
  assert.deepEqual([claims.name, claims.iss], ['Alice', server.issuer]);
});

test('A6 openid-client: introspection and revocation, of unknown tokens too', async () => {
  const service = await oidc.discovery(new URL(server.issuer), 'service', undefined, oidc.ClientSecretBasic('a secret of the service, for tests'), options);
  const config = await publicClient(server);
  const tokens = await signIn(config, { more: { scope: 'openid read' } });
  const seen = await oidc.tokenIntrospection(service, tokens.access_token);
  assert.deepEqual([seen.active, seen.scope, seen.client_id, seen.sub, seen.iss], [true, 'openid read', 'app', 'alice', server.issuer]);
  await oidc.tokenRevocation(config, tokens.refresh_token);
  assert.deepEqual(await oidc.tokenIntrospection(service, tokens.access_token), { active: false });
  assert.deepEqual(await oidc.tokenIntrospection(service, 'unknown'), { active: false });
  await oidc.tokenRevocation(config, 'unknown');
});

test('A4 openid-client: signing out at the server and back, and the back channel tells', async (t) => {
  const told = [];
  const listener = createServer({ keepAliveTimeout: 0 }, async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    told.push(body);
    response.end();
  });
  await new Promise((resolve) => listener.listen(0, '127.0.0.1', resolve));
  t.after(() => listener.close());
  const { config } = await withKey(server, { post_logout_redirect_uris: [BYE], backchannel_logout_uri: `http://127.0.0.1:${listener.address().port}/told` });
  const { id_token, refresh_token, visit } = await signIn(config);
  const back = await visit(oidc.buildEndSessionUrl(config, { id_token_hint: id_token, post_logout_redirect_uri: BYE, state: 'over' }));
  assert.equal(back.url.href, BYE + '?state=over');
  await fails(oidc.refreshTokenGrant(config, refresh_token), 'invalid_grant', 400);
  await until(() => told.length, 'a logout token');
  const { logout_token } = Object.fromEntries(new URLSearchParams(told[0]));
  const keys = jose.createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri));
  const { payload } = await jose.jwtVerify(logout_token, keys, { issuer: server.issuer, audience: config.clientMetadata().client_id, typ: 'logout+jwt' });
  assert.equal(payload.sid, jose.decodeJwt(id_token).sid);
  assert.deepEqual(payload.events, { 'http://schemas.openid.net/event/backchannel-logout': {} });
});

test('A4 openid-client: a device that polls until the user says yes, and one whose user says no', async () => {
  const config = await publicClient(server);
  for (const decision of ['approve', 'deny']) {
    const shown = await oidc.initiateDeviceAuthorization(config, { scope: 'openid profile' });
    const polling = oidc.pollDeviceAuthorizationGrant(config, shown);
    const page = await alice()(shown.verification_uri_complete, decision);
    assert.match(page.text, decision === 'approve' ? /Device connected/ : /Access denied/);
    if (decision === 'deny') await fails(polling, 'access_denied', 400);
    else assert.equal(jose.decodeJwt((await polling).id_token).sub, 'alice');
  }
});

test('A4 openid-client: token exchange, resource indicators, and a stronger sign-in for a resource that asks for it', async () => {
  const config = await publicClient(server);
  const resource = server.issuer + '/api';
  const bound = await signIn(config, { more: { resource } });
  const call = (path, { access_token }) => oidc.fetchProtectedResource(config, access_token, new URL(resource + path), 'GET');
  assert.equal((await call('', bound)).status, 200);
  const elsewhere = await signIn(config, { more: { resource: 'https://api.example' }, visit: bound.visit });
  await assert.rejects(call('', elsewhere), { status: 401 });
  await fails(signIn(config, { more: { resource: 'https://other.example' } }), 'invalid_target');

  await assert.rejects(call('/strong', bound), (error) => {
    const [{ parameters }] = error.cause;
    assert.deepEqual([parameters.error, parameters.acr_values], ['insufficient_user_authentication', 'high']);
    return true;
  });
  const strong = await signIn(config, { more: { resource, acr_values: 'high' }, visit: bound.visit });
  assert.equal(jose.decodeJwt(strong.id_token).acr, 'high');
  assert.equal((await call('/strong', strong)).status, 200);

  const service = await oidc.discovery(new URL(server.issuer), 'service', undefined, oidc.ClientSecretPost('a secret of the service, for tests'), options);
  const { parameters, checks } = await attempt({ scope: 'read profile' });
  const { url } = await alice()(oidc.buildAuthorizationUrl(config, parameters));
  const plain = await oidc.authorizationCodeGrant(config, url, { ...checks, expectedNonce: undefined });
  const exchanged = await oidc.genericGrantRequest(service, 'urn:ietf:params:oauth:grant-type:token-exchange', {
    subject_token: plain.access_token,
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    scope: 'read',
  });
  assert.deepEqual([exchanged.issued_token_type, exchanged.scope], ['urn:ietf:params:oauth:token-type:access_token', 'read']);
  assert.equal((await oidc.tokenIntrospection(service, exchanged.access_token)).sub, 'alice');
});

test('A4 openid-client: prompt=none, max_age and prompt=login', async () => {
  const config = await publicClient(server);
  await fails(signIn(config, { more: { prompt: 'none' } }), 'login_required');
  const first = await signIn(config);
  const silent = await signIn(config, { more: { prompt: 'none', id_token_hint: first.id_token }, visit: first.visit });
  assert.equal(jose.decodeJwt(silent.id_token).sid, jose.decodeJwt(first.id_token).sid);
  await fails(signIn(config, { more: { prompt: 'none', scope: 'openid read' }, visit: first.visit }), 'consent_required');
  const { parameters, checks } = await attempt({ max_age: '0' });
  const { url } = await first.visit(oidc.buildAuthorizationUrl(config, parameters));
  const anew = await oidc.authorizationCodeGrant(config, url, { ...checks, maxAge: 60 });
  assert.ok(jose.decodeJwt(anew.id_token).auth_time >= jose.decodeJwt(first.id_token).auth_time);
});
