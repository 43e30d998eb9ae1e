// Callers' code, checked against the package's types. It is compiled, never run.
import {
  challengeOf,
  type Client,
  ConflictError,
  Host,
  insecureSessionStore,
  type KeyStore,
  memoryKeys,
  memoryStore,
  OAuthError,
  openClient,
  type Store,
} from 'oauth2-wasm';
import { insecureIndexedDBStore } from 'oauth2-wasm/indexeddb';
import { type Answer, openMcp, type SignIn } from 'oauth2-wasm/mcp';
import { finishPopup, signInPopup } from 'oauth2-wasm/popup';
import { qrSvg } from 'oauth2-wasm/qr';
import { instantiate, Trap } from 'oauth2-wasm/wasm_exec.js';

const store: Store = {
  async load(key) {
    return key ? { value: 'text', version: '1' } : { version: '' };
  },
  async store(key, version, value) {
    if (version !== key) throw new ConflictError('changed');
    return value === null ? '' : '2';
  },
};

const { privateKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify']);
const pairs = new Map<string, CryptoKeyPair>();
const keys: KeyStore = {
  load: async (name) => pairs.get(name),
  add: (name, pair) => pairs.get(name) ?? (pairs.set(name, pair), pair),
  delete: (name) => void pairs.delete(name),
  insecureExtractable: true,
};

const client: Client = await openClient(
  {
    name: 'work',
    client_id: 'app',
    authorization_endpoint: 'https://as.example/authorize',
    token_endpoint: 'https://as.example/token',
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: 'ES256',
    client_key: privateKey,
    client_key_id: 'k1',
    request_object_signing_alg: 'PS256',
    introspection_signed_response_alg: 'RS512',
    dpop: true,
    dpop_signing_alg: 'Ed25519',
    resource: ['https://api.example/'],
    registration_endpoint: 'https://as.example/register',
    redirect_uri: 'https://app.example/callback',
    scope: 'openid read',
    issuer: 'https://as.example/common/v2.0',
    issuer_template: 'https://as.example/{tenantid}/v2.0',
    discovery: true,
    jwks_uri: 'https://as.example/jwks',
    id_token_signed_response_alg: ['ES256', 'EdDSA'],
    insecure_id_token_unverified: false,
    token_destinations: ['https://api.example/v1'],
    parameters: { audience: 'api' },
    pkce_verifier_length: 64,
    retry_window_ms: 0,
    introspection_endpoint: 'https://as.example/introspect',
    end_session_endpoint: 'https://as.example/logout',
    pushed_authorization_request_endpoint: 'https://as.example/par',
    pushed_authorization_requests: 'required',
    device_authorization_endpoint: 'https://{tenant}.as.example/device',
    variables: { tenant: 'a' },
    clock_skew_ms: 5000,
    auto_refresh: true,
    refresh_lead_ms: 60_000,
    token_header: 'x-token',
    bearer_token_types: ['user'],
    token_response_path: 'authed_user',
    access_token_optional: true,
    refresh_with_scope: true,
    callback_parameters: ['user'],
    metadata_url: 'https://as.example/policy/meta',
    insecure_http_origins: ['http://keycloak:8080'],
    long_lived_grant_type: 'fb_exchange_token',
    profile: { id: 'user.id', emails_endpoint: 'https://as.example/emails' },
  },
  {
    store,
    keys,
    pendingStore: insecureSessionStore(),
    locks: navigator.locks,
    fetch: (input, init) => fetch(input, init),
    hooks: {
      parameters: { token: (parameters, stage) => parameters.set('stage', stage) },
      request: { refresh: async (request) => ({ ...request, headers: [...request.headers, ['x-a', 'b']] }) },
      response: { token: (response, stage) => ({ ...response, body: { text: stage } }), userinfo: (response) => void (response.status = 200) },
    },
    signal: AbortSignal.timeout(1000),
    onEffect: ({ kind, name, stage, method, url, ms }) => console.log(kind, name, stage, method, url, ms),
  },
);

client.addEventListener('granted', ({ detail }) => console.log(detail.scope.split(' '), detail.expires_at?.toFixed()));
client.addEventListener('status', ({ detail }) => detail.status === 'refreshing');
client.addEventListener('request_failed', function ({ detail }) {
  if (detail.retryable) void this.refresh();
});
client.addEventListener('about_to_expire', ({ detail }) => new Date(detail.expires_at));
client.addEventListener('authorize_with_user_code', ({ detail }) => console.log(detail.user_code, detail.verification_uri_complete?.length));
client.addEventListener('device', ({ detail }) => console.log(detail.polling, detail.user_code?.length));

const { signal } = new AbortController();
const { url, state }: { url: string; state: string } = await client.authorize({
  scope: 'read',
  app_state: 'page 7',
  parameters: [['prompt', 'login']],
  signal,
});
await client.authorize({
  prompt: 'login consent',
  max_age: 60,
  login_hint: 'alice',
  id_token_hint: 'e30.e30.',
  ui_locales: 'de en',
  acr_values: 'urn:a urn:b',
  claims: { id_token: { acr: { essential: true } } },
  authorization_details: [{ type: 'payment' }],
  response_mode: 'form_post.jwt',
});
await client.signIn({ navigate: (url) => console.log(url, state) });
const status = await client.handleRedirect(url, { signal });
if (status) console.log(status.app_state?.length, status.scope, status.extra?.['user']);
if (status?.claims) console.log(status.claims.iss + status.claims.sub, new Date(status.claims.exp * 1000), status.claims.name, status.claims.groups?.length);
const signed: { scope: string } = await client.deviceSignIn({
  scope: 'read',
  signal,
  show: async ({ user_code, verification_uri, verification_uri_complete, expires_at, interval_ms, polling, pause, resume, cancel }) => {
    console.log(user_code, new Date(expires_at), interval_ms, polling, qrSvg(verification_uri_complete ?? verification_uri, { title: user_code }));
    await (polling ? pause() : resume());
    await cancel();
  },
});
if (status?.device) await client.deviceResume({ show: ({ user_code }) => console.log(user_code, signed.scope) });
console.log(await client.matches(location.href), (await client.callback({ pasted: 'code', state })).status);
const { id, email = 'none', email_verified }: { id: string; email?: string; email_verified: boolean } = await client.profile();
console.log(id, email, email_verified, (await client.extend()).expires_at);
console.log((await signInPopup(client, { app_state: 'x', features: 'popup', signal })).app_state, await finishPopup());
await openClient({ client_id: 'app' }, { store: insecureIndexedDBStore('app') });
await client.exchange({ code: 'c', code_verifier: 'v', nonce: 'n' });
const { access_token, expires_at = 0 } = await client.token({ force: true, signal });
console.log(access_token, new Date(expires_at));
await client.setToken({ access_token: 'a', token_type: 'Bearer', expires_in: '60' });
await client.revoke({ token: 'refresh_token' });
console.log((await client.userinfo()).sub, (await client.refresh()).expired, (await client.signOut()).revoked);
const { revoked, url: end = '/' } = await client.logOut({ post_logout_redirect_uri: 'https://app.example/bye', state: 's', signal });
console.log(revoked, end.length, (await client.signOut({ post_logout_redirect_uri: end, navigate: (url) => console.log(url) })).url);
const { iss, sub = '', sid = '', jti } = await client.logoutToken('e30.e30.', { signal });
console.log(iss + sub + sid + jti, (await client.clientCredentials({ scope: 'read', parameters: { resource: 'https://api.example' } })).scope);
const exchanged = await client.tokenExchange({ audience: 'api', requested_token_type: 'urn:ietf:params:oauth:token-type:access_token' });
console.log(exchanged.access_token, exchanged.issued_token_type);
const { active, ...said } = await client.introspect({ token: exchanged.access_token, token_type_hint: 'access_token' });
console.log(active, said.sub);
const response: Response = await client.fetch(new URL('https://api.example/v1/me'), { method: 'POST', body: '{}' });
const challenge = challengeOf(response);
if (challenge?.error === 'insufficient_user_authentication') {
  const { acr_values, max_age } = challenge;
  await client.signIn({ ...(acr_values && { acr_values }), ...(max_age !== undefined && { max_age }) });
}
const { authorization_servers = [] } = await client.resourceMetadata({ url: response.url, signal });
console.log(response.ok, authorization_servers[0]?.length, (await client.jwtBearer({ assertion: 'e30.e30.', scope: 'read' })).scope);
console.log(await client.frontChannelLogout(), await client.frontChannelLogout('https://app.example/?iss=a&sid=b', { signal }));
const unknown = await openClient(
  { client_metadata: { redirect_uris: [location.href] }, registration_endpoint: 'https://as.example/register' },
  { keys: memoryKeys() },
);
const { client_id, client_secret } = await unknown.register({ initial_access_token: 'i' });
await openClient({ issuer: 'https://as.example', discovery: true, registration: await unknown.register() });
await client.setToken(await client.token());
console.log((await client.status()).unverified?.['user']);
console.log(client_id + client_secret);

const session: string = await client.export();
await openClient({ client_id: 'app' }, { session, store: memoryStore(), module: fetch('/oauth2.wasm') });

try {
  await client.token();
} catch (error) {
  if (error instanceof OAuthError && (error.kind === 'server' || error.kind === 'id_token_not_verified'))
    console.log(error.code, error.status, error.error_description, error.retry_after_ms);
}
client.close();

const instance = await instantiate(fetch('/oauth2.wasm'));
console.log(instance.open('{}'), instance.effect(1), instance.memoryBytes, new Trap().message);
const host = await Host.open({ module: instance.module, open: { kind: 'contract' }, onEvent: ({ event }) => console.log(event) });
await host.run('perform', { effect: { kind: 'timer', ms: 1 } }, signal);

await openClient({ issuer: 'https://as.example', discovery: true, registration: { client_id: 'kept', client_secret: null, client_id_issued_at: 1 } });

// This server's own claims are declared once.
declare module 'oauth2-wasm' {
  interface Claims {
    groups?: string[];
  }
}
client.addEventListener('expired', ({ detail }) => detail.expires_at);
client.addEventListener('granted', { handleEvent: ({ detail }) => detail.scope }, { once: true });
// @ts-expect-error: no such event
client.addEventListener('grantd', () => {});
// @ts-expect-error: a claim that nobody declared
console.log(status?.claims?.emial);
// @ts-expect-error: the same of userinfo, introspection, registration, metadata, a token response
console.log((await client.userinfo()).emial);
// @ts-expect-error
console.log((await client.introspect()).activ);
// @ts-expect-error
console.log((await unknown.register()).clientId);
// @ts-expect-error
console.log((await client.resourceMetadata({ url: '' })).authorisation_servers);
// @ts-expect-error
await client.setToken({ accessToken: 'a' });
// @ts-expect-error: no such command
await host.run('athorize', {}, signal);
// @ts-expect-error: no such parameter
await host.run('authorize', { responseMode: 'query' }, signal);
// @ts-expect-error: a name for a key, where the key itself is wanted
await openClient({ client_id: 'app', client_key: 'k1' });
// @ts-expect-error: no such mode
await client.authorize({ response_mode: 'fragment' });
// @ts-expect-error: a client id is needed
await openClient({});
// @ts-expect-error: an option that is none
await openClient({ client_id: 'app', clientSecret: 's' });
// @ts-expect-error: no such method of client authentication
await openClient({ client_id: 'app', token_endpoint_auth_method: 'basic' });
// @ts-expect-error: no such mode
await openClient({ client_id: 'app', pushed_authorization_requests: 'on' });
// @ts-expect-error: what anybody can sign
await openClient({ client_id: 'app', id_token_signed_response_alg: ['none'] });
// @ts-expect-error: a store without versions
await openClient({ client_id: 'app' }, { store: { load: () => 'text', store: () => {} } });
// @ts-expect-error: nobody would see the code
await client.deviceSignIn({});
// @ts-expect-error: no such token
await client.revoke({ token: 'id_token' });
// @ts-expect-error: not made by callers
Client.open;

const mcp = await openMcp(
  {
    redirect_uri: 'http://127.0.0.1:1/cb',
    client_id: 'https://app.example/c.json',
    client_metadata: { client_name: 'x' },
    clients: [{ issuer: 'https://as.example', client_id: 'x', client_secret: 's' }],
    client: { dpop: true, auto_refresh: true },
  },
  { store, keys, signIn: async (signIn: SignIn) => void (await signIn.finish((await signIn.begin({ redirect_uri: 'http://127.0.0.1:2/cb' })).url)) },
);
const answer: Answer = { url: 'https://mcp.example/mcp', status: 401, headers: { 'www-authenticate': 'Bearer' } };
const wanted: SignIn | null = await mcp.challenged(answer, { sent: 'Bearer x', operation: 'tools/list' });
const there: string | undefined = (await mcp.token('https://mcp.example/mcp'))?.access_token ?? wanted?.scope;
const answered: Response = await mcp.fetch(new URL('https://mcp.example/mcp'), { method: 'POST', body: there ?? null });
const issued: string | undefined = (await client.grant({ grant_type: 'urn:x', parameters: { pin: '1' } })).issued_token_type;
const kept: string = (await client.grant({ grant_type: 'urn:x', keep: true })).status + (await client.crossAppAccess({ subject_token: 'x' })).status;
void [answered, issued, kept];
