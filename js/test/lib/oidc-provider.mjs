// Starts npm oidc-provider, a certified authorization server of others, on a free loopback
// port and prints `ready: ISSUER`. Arguments are redirect URIs, of which those on loopback are
// valid for every port (RFC 8252 section 7.3). Clients: `public` (PKCE, no secret), `basic` and
// `post` (secret `a-secret-of-the-test`), each for the code and the device flow, and one like
// `public` for every algorithm that can sign ID tokens, of that name. Clients with a secret may use
// client credentials (RFC 6749 section 4.4) and exchange tokens. Every login name is an account.
// The redirect URIs are also valid after signing out. A POST to /rotate replaces the server's keys.
//
// This server has no token exchange of its own. The grant that is added here only does what RFC
// 8693 section 2 requires for an access token with an audience.
//
// Options, in seconds: --access-token and --device-code are lifetimes. --interval is sent to
// devices, which this server does not do by itself; --enforce answers slow_down to a device that
// polls sooner than that after its last poll. The server itself never answers slow_down, but it has
// the error class, and a deployment would use it in this way. --require-pushed requires pushed
// authorization requests (RFC 9126); --backchannel-logout is the URL to which all clients' logout
// tokens go. --fapi is the FAPI 2.0 Security Profile: pushed requests, proofs of possession with a
// nonce (RFC 9449) from every client, and the profile's assertions. --tls FILE serves https with
// the certificate and key in that PEM file, and requests client certificates (RFC 8705).
//
// A test that needs another client registers it at /reg (RFC 7591), which is open: with `jwks` and
// `private_key_jwt`, signed requests, signed answers of any kind, bound tokens. Answers are signed
// for clients that are registered so.
//
// --resource URL is another resource for which tokens can be requested.
//
// Before that line comes `resource: URL`: a protected resource for tokens of this server
// (protected-resource.mjs). Tokens can be requested for it with `resource` (RFC 8707).
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTLSServer } from 'node:https';
import { parseArgs } from 'node:util';
import { errors, Provider } from 'oidc-provider';
import { createMemoryAdapter } from 'oidc-provider/lib/adapters/memory_adapter.js';
import { newJwk } from './keys.mjs';
import { protectedResource } from './protected-resource.mjs';

const { values, positionals: redirect_uris } = parseArgs({
  allowPositionals: true,
  options: {
    'access-token': { type: 'string', default: '3600' },
    'device-code': { type: 'string', default: '600' },
    interval: { type: 'string' },
    enforce: { type: 'string', default: '0' },
    'require-pushed': { type: 'boolean', default: false },
    'backchannel-logout': { type: 'string' },
    fapi: { type: 'boolean', default: false },
    tls: { type: 'string' },
    resource: { type: 'string' },
  },
});

const pem = values.tls && readFileSync(values.tls);
// TLS accepts any certificate; the provider checks to whom it belongs.
const server = pem
  ? createTLSServer({ cert: pem, key: pem, requestCert: true, rejectUnauthorized: false, keepAliveTimeout: 0 })
  : createServer({ keepAliveTimeout: 0 });
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const issuer = `${pem ? 'https' : 'http'}://127.0.0.1:${server.address().port}`;

const algorithms = [...['RS', 'PS', 'ES'].flatMap((family) => [256, 384, 512].map((bits) => family + bits)), 'EdDSA', 'Ed25519'];

const tokenExchange = 'urn:ietf:params:oauth:grant-type:token-exchange';
const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token';

const client = (client_id, token_endpoint_auth_method, id_token_signed_response_alg = 'RS256') => ({
  client_id,
  ...(token_endpoint_auth_method !== 'none' && { client_secret: 'a-secret-of-the-test' }),
  application_type: 'native',
  redirect_uris,
  post_logout_redirect_uris: redirect_uris,
  ...(values['backchannel-logout'] && { backchannel_logout_uri: values['backchannel-logout'], backchannel_logout_session_required: true }),
  grant_types: [
    'authorization_code',
    'refresh_token',
    'urn:ietf:params:oauth:grant-type:device_code',
    ...(token_endpoint_auth_method === 'none' ? [] : ['client_credentials', tokenExchange]),
  ],
  response_types: ['code'],
  token_endpoint_auth_method,
  id_token_signed_response_alg,
  dpop_bound_access_tokens: values.fapi,
});

const resource = await protectedResource(issuer, async (token) => (await provider.AccessToken.find(token)) ?? provider.ClientCredentials.find(token));

/**
 * The known resources: the one of this server, and those at api.example that name the format of
 * their tokens (RFC 8707 section 2).
 */
const getResourceServerInfo = (_ctx, indicator) => {
  const [, accessTokenFormat] = /^https:\/\/api\.example\/(jwt|opaque)\b/.exec(indicator) ?? [];
  if (accessTokenFormat) return { scope: 'read write', audience: indicator, accessTokenFormat, jwt: { sign: { alg: 'RS256' } } };
  if (![resource, `${resource}/`, values.resource].includes(indicator)) throw new errors.InvalidTarget();
  return { scope: 'read write', accessTokenFormat: 'opaque', accessTokenTTL: Number(values['access-token']) };
};

const configuration = {
  adapter: createMemoryAdapter(),
  clients: [
    client('public', 'none'),
    client('basic', 'client_secret_basic'),
    client('post', 'client_secret_post'),
    ...algorithms.map((alg) => client(alg, 'none', alg)),
  ],
  enabledJWA: {
    ...Object.fromEntries(
      ['idToken', 'userinfo', 'introspection', 'authorization', 'requestObject', 'dPoP'].map((what) => [`${what}SigningAlgValues`, algorithms]),
    ),
    clientAuthSigningAlgValues: ['HS256', ...algorithms],
  },
  features: {
    revocation: { enabled: true },
    deviceFlow: { enabled: true },
    introspection: { enabled: true },
    clientCredentials: { enabled: true },
    backchannelLogout: { enabled: true },
    pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: values['require-pushed'] || values.fapi },
    dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => values.fapi },
    fapi: { enabled: values.fapi, profile: () => '2.0' },
    jwtResponseModes: { enabled: true },
    jwtUserinfo: { enabled: true },
    jwtIntrospection: { enabled: true },
    requestObjects: { enabled: true },
    registration: { enabled: true },
    claimsParameter: { enabled: true },
    resourceIndicators: { enabled: true, getResourceServerInfo, useGrantedResource: () => true, defaultResource: (_ctx, _client, all) => [all].flat()[0] },
    mTLS: {
      enabled: Boolean(pem),
      certificateBoundAccessTokens: true,
      selfSignedTlsClientAuth: true,
      getCertificate: (ctx) => ctx.socket.getPeerX509Certificate(),
    },
  },
  clientAuthMethods: [
    'none',
    'client_secret_basic',
    'client_secret_post',
    'client_secret_jwt',
    'private_key_jwt',
    ...(pem ? ['self_signed_tls_client_auth'] : []),
  ],
  scopes: ['openid', 'offline_access', 'read', 'write'],
  extraTokenClaims: (ctx) => ctx?.oidc.params?.audience && { audience: ctx.oidc.params.audience },
  // By default this server sends nothing to loopback, where a test listens for logout tokens.
  fetch: (url, { dispatcher: _, ...options }) => fetch(url, options),
  clientBasedCORS: () => true,
  clientDefaults: { application_type: 'native' },
  issueRefreshToken: async () => true,
  rotateRefreshToken: true,
  pkce: { required: () => true },
  findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id, name: 'A person' }) }),
  claims: { openid: ['sub'], profile: ['name'] },
  ttl: {
    AccessToken: Number(values['access-token']),
    DeviceCode: Number(values['device-code']),
    RefreshToken: 86400,
    Session: 3600,
    Interaction: 3600,
    Grant: 86400,
    IdToken: 3600,
  },
};

const polls = new Map();
const slowDown = async (ctx, next) => {
  await next();
  if (ctx.oidc?.route === 'device_authorization' && ctx.status === 200 && values.interval) ctx.body.interval = Number(values.interval);
  if (ctx.oidc?.route === 'token' && ctx.body?.error === 'authorization_pending') {
    const { device_code } = ctx.oidc.params;
    const sinceLast = Date.now() - (polls.get(device_code) ?? 0);
    polls.set(device_code, Date.now());
    if (sinceLast < Number(values.enforce) * 1000) {
      const { error, error_description } = new errors.SlowDown();
      ctx.body = { error, error_description };
    }
  }
};

const exchange = (provider) => async (ctx) => {
  const { subject_token, subject_token_type, requested_token_type = accessTokenType, audience } = ctx.oidc.params;
  if (subject_token_type !== accessTokenType || requested_token_type !== accessTokenType) throw new errors.InvalidRequest('only access tokens are exchanged');
  const subject = await provider.AccessToken.find(subject_token ?? '');
  if (!subject?.isValid) throw new errors.InvalidRequest('subject_token is not valid');
  if (!audience) throw new errors.InvalidTarget('audience is missing');
  const scopes = subject.scope.split(' ');
  const scope = ctx.oidc.params.scope ?? subject.scope;
  if (!scope.split(' ').every((one) => scopes.includes(one))) throw new errors.InvalidScope('more than the subject_token has', scope);
  const { accountId, grantId, claims, sessionUid, expiresWithSession, gty } = subject;
  const token = new provider.AccessToken({ client: ctx.oidc.client, accountId, grantId, claims, sessionUid, expiresWithSession, gty, scope });
  const access_token = await token.save();
  ctx.body = { access_token, issued_token_type: accessTokenType, token_type: token.tokenType, expires_in: token.expiration, scope };
};

const keys = () => {
  const kinds = [['rsa', { modulusLength: 2048 }], ...['P-256', 'P-384', 'P-521'].map((namedCurve) => ['ec', { namedCurve }]), ['ed25519']];
  return kinds.map(([type, options]) => ({ use: 'sig', ...newJwk(type, options) }));
};

/**
 * A provider's keys cannot be changed, so other keys need another provider, which continues with
 * the last one's data.
 */
let provider;
const handler = () => {
  provider = new Provider(issuer, { ...configuration, jwks: { keys: keys() } });
  provider.use(slowDown);
  provider.registerGrantType(tokenExchange, exchange(provider), ['subject_token', 'subject_token_type', 'requested_token_type', 'audience', 'scope']);
  return provider.callback();
};

let handle = handler();
server.on('request', (request, response) => {
  if (request.url !== '/rotate') return handle(request, response);
  handle = handler();
  response.end();
});
console.log(`resource: ${resource}`);
console.log(`ready: ${issuer}`);
