// Configuration errors, response hooks, and a client's output as its input, through the package.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { launch, openPage, pages, strictPolicy } from './lib/browser.mjs';
import { library } from './lib/installed.mjs';
import { provider, signIn } from './lib/provider.mjs';
import { serve } from './lib/serve.mjs';

const { OAuthError, openClient } = await library();

let server;
before(async () => (server = await provider()));
after(() => server.stop());
beforeEach(() => {
  server.requests.length = 0;
  for (const path in server.answers) delete server.answers[path];
});

test('E50 E51 E52 the text of a refused configuration says what was meant, what was expected and what came', async () => {
  for (const [config, message] of [
    [{ clientId: 'app' }, 'oauth2-wasm: open: unknown member: clientId: expected client_id'],
    [{ ...server.config, scopes: 'read' }, 'oauth2-wasm: open: unknown member: scopes: expected scope'],
    [{ ...server.config, profile: { mail: 'x' } }, 'oauth2-wasm: open: unknown member: profile: expected email, came mail'],
    [
      { client_id: 'app', issuer: 'https://as.example' },
      'oauth2-wasm: open: missing: discovery: expected discovery: true, or authorization_endpoint and token_endpoint, came issuer without endpoints',
    ],
    [
      { ...server.config, token_endpoint: 'http://as.example/token' },
      'oauth2-wasm: open: not https: token_endpoint: expected https, or http on loopback, came http://as.example/token',
    ],
    [{ ...server.config, client_secret: 's3cret\n' }, 'oauth2-wasm: open: bad value: client_secret: expected printable ASCII'],
  ]) {
    await assert.rejects(openClient(config), (error) => error instanceof OAuthError && error.message === message, message);
  }
});

test('E53 the op of an error is the method that was called', async () => {
  const client = await openClient({ ...server.config, device_authorization_endpoint: `${server.url}/device` });
  const { redirect_uri } = server.config;
  const redirect = `${redirect_uri}?code=c&state=nobody`;
  server.answers['/device'] = () => ({ status: 400, body: { error: 'invalid_client' } });
  const cause = new Error('refused');
  const lost = await openClient(server.config, { fetch: () => Promise.reject(cause) });
  await lost.setToken({ access_token: 'a', token_type: 'Bearer', refresh_token: 'r', expires_in: -1 });
  const navigate = () => {};
  for (const [op, call] of [
    ['sign_in', () => client.signIn({ navigate, max_age: -1 })],
    ['authorize', () => client.authorize({ max_age: -1 })],
    ['handle_redirect', () => client.handleRedirect(redirect)],
    ['callback', () => client.callback({ url: redirect })],
    ['sign_out', () => client.signOut({ navigate, post_logout_redirect_uri: 'not a URL' })],
    ['log_out', () => client.logOut({ post_logout_redirect_uri: 'not a URL' })],
    ['device_sign_in', () => client.deviceSignIn({ show() {} })],
    ['device_resume', () => client.deviceResume({ show() {} })],
    ['fetch', () => client.fetch('https://elsewhere.example/')],
    ['fetch', () => lost.fetch(`${server.url}/api`)],
    ['client_credentials', () => client.clientCredentials()],
    ['open', () => openClient({})],
  ]) {
    await assert.rejects(call(), (error) => error instanceof OAuthError && error.op === op && error.message.startsWith(`oauth2-wasm: ${op}: `), op);
  }
  await assert.rejects(lost.fetch(`${server.url}/api`), (error) => error.cause === cause && error.stage === 'refresh');
  await assert.rejects(client.signIn({ navigate, signal: AbortSignal.abort('mine') }), (reason) => reason === 'mine');
});

test('E63 a hook changes an answer before it is checked, and the checks hold for what it gives', async () => {
  server.answers['/token'] = () => ({ headers: { 'content-type': 'text/html', 'x-odd': 'yes' }, body: { data: { token: 'INNER' } } });
  const seen = [];
  let given = (token) => ({ access_token: token, token_type: 'Bearer' });
  const client = await openClient(server.config, {
    hooks: {
      response: {
        token: async (response, stage) => {
          seen.push([stage, response.status, response.headers.find(([name]) => name === 'x-odd')[1]]);
          const { token } = JSON.parse(response.body.text).data;
          return { status: 200, headers: [['content-type', 'application/json']], body: { text: JSON.stringify(given(token)) } };
        },
        userinfo: (response) => void (response.status = 503),
      },
    },
  });
  await signIn(client);
  assert.equal((await client.token()).access_token, 'INNER');
  assert.deepEqual(seen, [['token', 200, 'yes']]);
  await assert.rejects(client.userinfo(), { kind: 'server', code: 'http_error', status: 503, retryable: true });
  given = () => ({ access_token: 'a' });
  await assert.rejects(signIn(client), { kind: 'server', code: 'missing_token_type' });
  given = () => {
    throw new Error('no');
  };
  await assert.rejects(signIn(client), { kind: 'client', code: 'hook_failed', field: 'token' });
  await assert.rejects(openClient(server.config, { hooks: { response: { discovery() {} } } }), { code: 'bad_value', field: 'response_hooks' });
});

test('E60 E66 a client is opened with what register gave', async () => {
  server.answers['/register'] = () => ({
    status: 201,
    body: {
      client_id: 'new',
      client_secret: null,
      token_endpoint_auth_method: 'none',
      client_id_issued_at: 1,
      redirect_uris: ['https://app.example/cb'],
      grant_types: ['authorization_code'],
      'x-y': { z: [1] },
    },
  });
  const { client_id, redirect_uri, ...rest } = server.config;
  const unknown = await openClient({ ...rest, client_metadata: {}, registration_endpoint: `${server.url}/register` });
  const client = await openClient({ ...rest, registration: await unknown.register() });
  const { status } = await signIn(client);
  assert.equal(status.status, 'granted');
  assert.equal(new URLSearchParams(server.requests.at(-1).body).get('client_id'), 'new');
});

test('E61 E66 setToken takes what token gave, and refuses a time that cannot be right', async () => {
  const client = await openClient(server.config);
  await signIn(client);
  const token = await client.token();
  const other = await openClient({ ...server.config, name: 'other' });
  await other.setToken(token);
  assert.deepEqual(await other.token(), token);
  for (const expires_at of [Math.floor(Date.now() / 1000) + 3600, 3600, 0, Date.now() * 1000, new Date().toISOString()]) {
    await assert.rejects(other.setToken({ access_token: 'a', token_type: 'Bearer', expires_at }), {
      kind: 'client',
      code: 'bad_value',
      field: 'expires_at',
      expected: 'Unix time in milliseconds',
      came: String(expires_at),
    });
  }
});

test('E64 a callback gives out what else came, by name and unverified', async () => {
  const client = await openClient({ ...server.config, callback_parameters: ['user'] });
  const { state } = await client.authorize();
  const { unverified } = await client.callback({ parameters: { code: 'c', state, user: '{"name":"Zoë"}', other: '1' } });
  assert.deepEqual(unverified, { user: '{"name":"Zoë"}' });
  assert.equal((await client.status()).unverified, undefined);
});

test('E62 a server takes unprotected origins, a page is refused', async () => {
  const config = { client_id: 'app', token_endpoint: 'http://keycloak:8080/token', client_secret: 's', insecure_http_origins: ['http://keycloak:8080'] };
  const asked = [];
  const client = await openClient(config, {
    fetch: async (request) => {
      asked.push(String(request.url ?? request));
      return Response.json({ access_token: 'a', token_type: 'Bearer' });
    },
  });
  await client.clientCredentials();
  assert.deepEqual(asked, ['http://keycloak:8080/token']);
  const site = await serve(pages(), { headers: strictPolicy() });
  const browser = await launch();
  try {
    const page = await openPage(await browser.newContext(), `${site.url}/pages/app.html`);
    const { client_secret, ...rest } = config;
    const outcome = (given) =>
      page.evaluate(
        (given) =>
          oauth.openClient(given).then(
            () => 'open',
            ({ kind, code, op }) => [kind, code, op],
          ),
        given,
      );
    assert.deepEqual(await outcome(rest), ['client', 'http_in_page', 'open']);
    assert.deepEqual(await outcome({ ...rest, insecure_http_origins: undefined }), ['client', 'not_https', 'open']);
  } finally {
    await browser.close();
    site.stop();
  }
});
