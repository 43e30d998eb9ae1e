// npm oauth4webapi as a client of the project's authorization server, over HTTP, through its own
// calls.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import * as jose from 'jose';
import * as oauth from 'oauth4webapi';
import { authserver } from './lib/process.mjs';
import { alice } from './lib/user.mjs';

const CB = 'http://127.0.0.1:9/cb'; // nobody listens there: the test reads the answer from the redirect
const http = { [oauth.allowInsecureRequests]: true }; // on loopback
const app = { client_id: 'app' };
const service = { client_id: 'service', introspection_signed_response_alg: 'ES256' };
const secret = oauth.ClientSecretBasic('a secret of the service, for tests');

/** The usual server, and one that requires pushed requests and nonces in proofs. */
let server, strict;
before(async () => {
  server = await authserver('-open-registration', CB);
  strict = await authserver('-open-registration', '-par', '-dpop-nonce=1h', CB);
  for (const s of [server, strict]) s.as = await oauth.processDiscoveryResponse(new URL(s.issuer), await oauth.discoveryRequest(new URL(s.issuer), http));
});
after(async () => {
  for (const s of [server, strict]) await s?.stop();
});

/** Sends once more if a server requires its nonce in a proof, as in the package's documentation. */
const again = async (work) => {
  try {
    return await work();
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error;
    return work();
  }
};

/** The parts of an authorization request. */
const attempt = async (more) => {
  const [verifier, state, nonce] = [oauth.generateRandomCodeVerifier(), oauth.generateRandomState(), oauth.generateRandomNonce()];
  const parameters = new URLSearchParams({
    response_type: 'code',
    redirect_uri: CB,
    scope: 'openid profile email',
    state,
    nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    ...more,
  });
  return { verifier, state, nonce, parameters };
};

/** Redeems the code of an answer. */
const redeem = ({ as }, client, authentication, answer, { verifier, nonce }, options = {}) =>
  again(async () => {
    const response = await oauth.authorizationCodeGrantRequest(as, client, authentication, answer, CB, verifier, { ...http, ...options });
    const result = await oauth.processAuthorizationCodeResponse(as, client, response, { expectedNonce: nonce, requireIdToken: true });
    await oauth.validateApplicationLevelSignature(as, response, http);
    return result;
  });

const signIn = async (at, client = app, authentication = oauth.None(), more = {}) => {
  const begun = await attempt(more);
  begun.parameters.set('client_id', client.client_id);
  const { url } = await alice()(`${at.as.authorization_endpoint}?${begun.parameters}`);
  return redeem(at, client, authentication, oauth.validateAuthResponse(at.as, client, url, begun.state), begun);
};

const refusal = (error, code, status) => assert.deepEqual([error.error, error.status], [code, status], error.stack) ?? true;

test('A4 oauth4webapi: discovery, code with PKCE, an ID token whose signature is checked, userinfo, refresh', async () => {
  const { as } = server;
  const tokens = await signIn(server);
  const { sub, aud, iss } = oauth.getValidatedIdTokenClaims(tokens);
  assert.deepEqual([sub, aud, iss], ['alice', 'app', server.issuer]);
  const claims = await oauth.processUserInfoResponse(as, app, sub, await oauth.userInfoRequest(as, app, tokens.access_token, http));
  assert.equal(claims.name, 'Alice');
  const refresh = async (token) => oauth.processRefreshTokenResponse(as, app, await oauth.refreshTokenGrantRequest(as, app, oauth.None(), token, http));
  const fresh = await refresh(tokens.refresh_token);
  assert.notEqual(fresh.refresh_token, tokens.refresh_token);
  assert.equal(oauth.getValidatedIdTokenClaims(fresh).sub, sub);
  // A8: a refresh token that is used twice revokes its successors.
  await assert.rejects(refresh(tokens.refresh_token), (error) => refusal(error, 'invalid_grant', 400));
  await assert.rejects(refresh(fresh.refresh_token), (error) => refusal(error, 'invalid_grant', 400));
});

test('A7 oauth4webapi: the user who denies', async () => {
  const begun = await attempt({ client_id: 'app' });
  const { url } = await alice()(`${server.as.authorization_endpoint}?${begun.parameters}`, 'deny');
  assert.throws(() => oauth.validateAuthResponse(server.as, app, url, begun.state), { name: 'AuthorizationResponseError', error: 'access_denied' });
});

test('A4 oauth4webapi: the FAPI 2.0 Security Profile from end to end, with a client that registers itself', async () => {
  const { as } = strict;
  assert.deepEqual([as.require_pushed_authorization_requests, as.authorization_response_iss_parameter_supported], [true, true]);
  for (const [name, value] of [
    ['code_challenge_methods_supported', 'S256'],
    ['dpop_signing_alg_values_supported', 'ES256'],
    ['token_endpoint_auth_methods_supported', 'private_key_jwt'],
  ]) {
    assert.ok(as[name].includes(value), name);
  }
  const pair = await oauth.generateKeyPair('ES256', { extractable: true });
  const jwks = { keys: [{ ...(await jose.exportJWK(pair.publicKey)), kid: 'k1', alg: 'ES256', use: 'sig' }] };
  const client = await oauth.processDynamicClientRegistrationResponse(
    await oauth.dynamicClientRegistrationRequest(
      as,
      {
        redirect_uris: [CB],
        grant_types: ['authorization_code', 'refresh_token'],
        scope: 'openid profile email read',
        token_endpoint_auth_method: 'private_key_jwt',
        jwks,
        dpop_bound_access_tokens: true,
        require_pushed_authorization_requests: true,
      },
      http,
    ),
  );
  const authentication = oauth.PrivateKeyJwt({ key: pair.privateKey, kid: 'k1' });
  const DPoP = oauth.DPoP(client, await oauth.generateKeyPair('ES256'));
  const signed = { ...http, DPoP };

  /** Pushes a request and returns it with its answer. */
  const push = async () => {
    const begun = await attempt();
    const { request_uri } = await again(async () =>
      oauth.processPushedAuthorizationResponse(as, client, await oauth.pushedAuthorizationRequest(as, client, authentication, begun.parameters, signed)),
    );
    const { url } = await alice()(`${as.authorization_endpoint}?${new URLSearchParams({ client_id: client.client_id, request_uri })}`);
    return [oauth.validateAuthResponse(as, client, url, begun.state), begun];
  };
  // The code is bound to the key that pushed the request (RFC 9449 section 10).
  const stranger = oauth.DPoP(client, await oauth.generateKeyPair('ES256'));
  await assert.rejects(redeem(strict, client, authentication, ...(await push()), { DPoP: stranger }), (error) => refusal(error, 'invalid_grant', 400));

  const tokens = await redeem(strict, client, authentication, ...(await push()), { DPoP });
  assert.equal(tokens.token_type, 'dpop');
  const claims = await again(async () =>
    oauth.processUserInfoResponse(as, client, 'alice', await oauth.userInfoRequest(as, client, tokens.access_token, signed)),
  );
  assert.equal(claims.email, 'alice@example.com');
  const api = await again(() => oauth.protectedResourceRequest(tokens.access_token, 'GET', new URL(strict.issuer + '/api'), undefined, null, signed));
  assert.deepEqual(await api.json(), { user: 'alice', client_id: client.client_id });
  await assert.rejects(oauth.protectedResourceRequest(tokens.access_token, 'GET', new URL(strict.issuer + '/api'), undefined, null, http), {
    name: 'WWWAuthenticateChallengeError',
    status: 401,
  });
  const fresh = await again(async () =>
    oauth.processRefreshTokenResponse(as, client, await oauth.refreshTokenGrantRequest(as, client, authentication, tokens.refresh_token, signed)),
  );
  assert.equal(fresh.token_type, 'dpop');
  // A client that is registered for bound tokens gets no other.
  await assert.rejects(
    (async () => oauth.processRefreshTokenResponse(as, client, await oauth.refreshTokenGrantRequest(as, client, authentication, fresh.refresh_token, http)))(),
    (error) => refusal(error, 'invalid_dpop_proof', 400),
  );
});

test('A5 oauth4webapi: a signed request, and a signed answer', async () => {
  const { as } = server;
  const pair = await oauth.generateKeyPair('PS256', { extractable: true });
  const client = await oauth.processDynamicClientRegistrationResponse(
    await oauth.dynamicClientRegistrationRequest(
      as,
      {
        redirect_uris: [CB],
        scope: 'openid profile email',
        token_endpoint_auth_method: 'none',
        jwks: { keys: [{ ...(await jose.exportJWK(pair.publicKey)), kid: 'k1', alg: 'PS256', use: 'sig' }] },
        require_signed_request_object: true,
      },
      http,
    ),
  );
  const begun = await attempt({ response_mode: 'jwt' });
  begun.parameters.set('client_id', client.client_id);
  const request = await oauth.issueRequestObject(as, client, begun.parameters, { key: pair.privateKey, kid: 'k1' });
  const { url } = await alice()(`${as.authorization_endpoint}?${new URLSearchParams({ client_id: client.client_id, request })}`);
  assert.deepEqual([...url.searchParams.keys()], ['response']);
  const answer = await oauth.validateJwtAuthResponse(as, client, url, begun.state, http);
  const tokens = await redeem(server, client, oauth.None(), answer, begun);
  assert.equal(tokens.token_type, 'bearer');
});

test('A4 A6 oauth4webapi: client credentials, introspection as plain JSON and signed, revocation', async () => {
  const { as } = server;
  const tokens = await oauth.processClientCredentialsResponse(
    as,
    service,
    await oauth.clientCredentialsGrantRequest(as, service, secret, { scope: 'read' }, http),
  );
  const introspect = async (client, token) => {
    const response = await oauth.introspectionRequest(as, client, secret, token, http);
    const seen = await oauth.processIntrospectionResponse(as, client, response);
    if (client.introspection_signed_response_alg) await oauth.validateApplicationLevelSignature(as, response, http);
    return seen;
  };
  for (const client of [service, { client_id: 'service' }]) {
    const { active, scope, client_id } = await introspect(client, tokens.access_token);
    assert.deepEqual({ active, scope, client_id }, { active: true, scope: 'read', client_id: 'service' });
  }
  const revoke = async (token) => oauth.processRevocationResponse(await oauth.revocationRequest(as, service, secret, token, http));
  await revoke(tokens.access_token);
  await revoke('unknown');
  assert.equal((await introspect(service, tokens.access_token)).active, false);
  await assert.rejects(
    (async () =>
      oauth.processClientCredentialsResponse(as, service, await oauth.clientCredentialsGrantRequest(as, service, oauth.ClientSecretPost('wrong'), {}, http)))(),
    { status: 401 },
  );
});

test('A4 oauth4webapi: a device, and polling before and after the user’s yes', async () => {
  const { as } = server;
  const shown = await oauth.processDeviceAuthorizationResponse(
    as,
    app,
    await oauth.deviceAuthorizationRequest(as, app, oauth.None(), { scope: 'openid' }, http),
  );
  const poll = async () => oauth.processDeviceCodeResponse(as, app, await oauth.deviceCodeGrantRequest(as, app, oauth.None(), shown.device_code, http));
  await assert.rejects(poll(), (error) => refusal(error, 'authorization_pending', 400));
  await alice()(shown.verification_uri_complete);
  await new Promise((resolve) => setTimeout(resolve, shown.interval * 1000)); // as in RFC 8628 section 3.4
  assert.equal(oauth.getValidatedIdTokenClaims(await poll()).sub, 'alice');
});

test('A4 oauth4webapi: a resource says whose tokens it takes', async () => {
  const resource = new URL(server.issuer + '/api');
  const metadata = await oauth.processResourceDiscoveryResponse(resource, await oauth.resourceDiscoveryRequest(resource, http));
  assert.deepEqual(metadata.authorization_servers, [server.issuer]);
});
