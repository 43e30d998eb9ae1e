import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { library } from './lib/installed.mjs';
import { provider, signIn, until } from './lib/provider.mjs';
import { storeKey } from './lib/store.mjs';

const { ConflictError, memoryStore, OAuthError, openClient } = await library();

let server;
before(async () => (server = await provider()));
after(() => server.stop());
beforeEach(() => {
  server.requests.length = 0;
  for (const path in server.answers) delete server.answers[path];
});

/** The events that a client fires, as [type, detail]. */
const heard = (client) => {
  const events = [];
  for (const type of ['status', 'granted', 'request_failed', 'server_error', 'not_persisted', 'session_refused', 'restarted']) {
    client.addEventListener(type, (event) => events.push([type, event.detail]));
  }
  return events;
};

test('Q21 H4 parameters may be pairs, a record or URLSearchParams', async () => {
  for (const parameters of [
    [
      ['prompt', 'login'],
      ['resource', 'a'],
      ['resource', 'b'],
    ],
    new URLSearchParams('prompt=login&resource=a&resource=b'),
  ]) {
    const client = await openClient({ ...server.config, parameters: { display: 'page' } });
    const { searchParams } = new URL((await client.authorize({ parameters })).url);
    assert.deepEqual([searchParams.get('prompt'), searchParams.getAll('resource'), searchParams.get('display')], ['login', ['a', 'b'], 'page']);
  }
});

test('Q4 H9 X1 the state on the wire is new each time, and the caller gets its own back', async () => {
  const client = await openClient(server.config);
  const first = await client.authorize({ app_state: 'page 7' });
  const second = await client.authorize({ app_state: 'page 7' });
  assert.notEqual(first.state, second.state);
  assert.ok(!first.url.includes('page'));
  const status = await client.handleRedirect(`${server.config.redirect_uri}?code=c&state=${first.state}`);
  assert.equal(status.status, 'granted');
  assert.equal(status.app_state, 'page 7');
});

test('Q22 a callback that is delivered twice sends one token request', async () => {
  const client = await openClient(server.config);
  const { redirect } = await signIn(client);
  const again = await client.handleRedirect(redirect);
  assert.deepEqual([again.status, again.handled_elsewhere], ['granted', true]);
  assert.equal(server.count('/token'), 1);
  // Another store, where the attempt is and the session is not.
  const pendingStore = memoryStore();
  const first = await openClient(server.config, { pendingStore });
  const used = (await signIn(first)).redirect;
  const second = await openClient(server.config, { pendingStore });
  await assert.rejects(second.handleRedirect(used), { kind: 'callback_not_verified', code: 'already_used', message: /handled elsewhere/ });
});

test('Q41 handleRedirect says whether the URL was for it', async () => {
  const client = await openClient(server.config);
  for (const url of [
    'https://app.example/cb',
    'https://app.example/cb?page=2',
    'https://app.example/cbs?code=1&state=2',
    'https://other.example/cb?code=1&state=2',
  ]) {
    assert.equal(await client.handleRedirect(url), null, url);
  }
  await assert.rejects(client.handleRedirect('https://app.example/cb?code=1&state=2'), { kind: 'callback_not_verified', code: 'wrong_state' });
  assert.equal(server.requests.length, 0);
});

test('Q41 matches says for whom a URL is, by the redirect URI and all of its query', async () => {
  const client = await openClient({ ...server.config, redirect_uri: 'https://app.example/cb?app=1' });
  for (const [url, matches] of [
    ['https://app.example/cb?app=1&code=c&state=s', true],
    ['https://app.example/cb?error=access_denied&app=1', true],
    ['https://app.example/cb?code=c&state=s', false],
    ['https://app.example/cb?app=2&code=c&state=s', false],
    ['https://app.example/cb?app=1', false],
    ['http://app.example/cb?app=1&code=c&state=s', false],
  ]) {
    assert.equal(await client.matches(url), matches, url);
    assert.equal(await client.matches(new URL(url)), matches, url);
  }
});

test('Q42 a user pastes the URL, its query, or the code alone', async () => {
  const client = await openClient(server.config);
  for (const paste of [(state) => `${server.config.redirect_uri}?code=C&state=${state}`, (state) => `code=C&state=${state}`, () => ' C\n']) {
    const { state } = await client.authorize({ app_state: 'mine' });
    const status = await client.callback({ pasted: paste(state), state });
    assert.deepEqual([status.status, status.app_state], ['granted', 'mine']);
  }
  assert.match(server.requests.at(-1).body, /code=C&/);
  await assert.rejects(client.callback({ pasted: 'C' }), { kind: 'callback_not_verified', code: 'missing_state' });
});

test('H9 a server that gets the response posted hands its parameters over', async () => {
  const client = await openClient(server.config);
  const { state } = await client.authorize();
  assert.equal((await client.callback({ parameters: new URLSearchParams({ code: 'c', state }) })).status, 'granted');
});

test('H7 the profile is read as configured; an id keeps all its digits', async () => {
  server.answers['/userinfo'] = () => ({ body: '{"user":{"id":90071992547409931234,"mail":"a@example.com"}}' });
  const client = await openClient({ ...server.config, profile: { id: 'user.id', email: 'user.mail' } });
  await signIn(client);
  const { issuer: _, ...profile } = await client.profile();
  assert.deepEqual(profile, { id: '90071992547409931234', email: 'a@example.com', email_verified: false });
});

test('H7 a token is changed for a long-lived one', async () => {
  const client = await openClient({ ...server.config, long_lived_grant_type: 'fb_exchange_token' });
  await signIn(client);
  const before = (await client.token()).access_token;
  assert.equal((await client.extend()).status, 'granted');
  assert.notEqual((await client.token()).access_token, before);
  assert.match(server.requests.at(-1).body, /grant_type=fb_exchange_token/);
});

test('Q34 an error says how long the server asked to wait', async () => {
  const client = await openClient(server.config);
  await signIn(client);
  server.answers['/token'] = () => ({ status: 503, headers: { 'retry-after': '7' }, body: {} });
  await assert.rejects(client.refresh(), { kind: 'server', status: 503, retryable: true, retry_after_ms: 7000 });
});

test('the log names events and the commands that results are of', async () => {
  const log = [];
  const client = await openClient(server.config, { onEffect: ({ kind, name }) => name && log.push(`${kind} ${name}`) });
  await signIn(client);
  await until(() => log.length === 7);
  assert.deepEqual(log, ['event current', 'result authorize', 'result matches', 'event current', 'event status', 'event granted', 'result callback']);
});

test('Q2 H5 a refusal of the server is server_error, then request_failed, and the rejection', async () => {
  const client = await openClient(server.config);
  const events = heard(client);
  const { state } = await client.authorize();
  const reply = `${server.config.redirect_uri}?error=access_denied&error_description=not+today&state=${state}`;
  const error = await client.handleRedirect(reply).catch((error) => error);
  assert.ok(error instanceof OAuthError);
  assert.deepEqual([error.kind, error.op, error.error, error.error_description], ['server', 'handle_redirect', 'access_denied', 'not today']);
  assert.equal(error.message, 'oauth2-wasm: handle_redirect: oauth error (access_denied: not today)');
  assert.deepEqual(
    events.map(([type]) => type),
    ['server_error', 'request_failed'],
  );
  assert.ok(events.every(([, detail]) => detail instanceof OAuthError && detail.error === 'access_denied'));
});

test('Q1 a status event fires only on change, a granted event on every entry', async () => {
  const client = await openClient(server.config);
  const events = heard(client);
  await signIn(client);
  await client.refresh();
  assert.deepEqual(
    events.map(([type, detail]) => (type === 'status' ? detail.status : type)),
    ['granted', 'granted', 'refreshing', 'granted', 'granted'],
  );
  assert.equal(events[1][1].scope, 'read');
});

test('Q5 H6 H10 status, token and userinfo', async () => {
  const client = await openClient({ ...server.config, name: 'work' });
  await signIn(client);
  const status = await client.status();
  assert.deepEqual([status.name, status.status, status.scope, status.requested_scope, status.refreshable], ['work', 'granted', 'read', 'read', true]);
  const token = await client.token();
  assert.match(token.access_token, /^ACCESS-/);
  assert.ok(Math.abs(token.expires_at - Date.now() - 3_600_000) < 60_000);
  assert.deepEqual(await client.userinfo(), { sub: 'alice' });
});

test('H2 H3 revoke and signOut', async () => {
  const client = await openClient(server.config);
  await signIn(client);
  await client.revoke({ token: 'access_token' });
  assert.match(server.requests.at(-1).body, /token=ACCESS-.*token_type_hint=access_token/);
  assert.deepEqual(await client.signOut(), { revoked: true });
  assert.equal((await client.status()).status, 'not_authenticated');
  await assert.rejects(client.token(), { code: 'not_signed_in' });
});

test('H2 H4 signOut goes where the session at the server ends', async () => {
  const client = await openClient({ ...server.config, end_session_endpoint: `${server.url}/end` });
  const after = { post_logout_redirect_uri: 'https://app.example/bye', state: 'a b' };
  await signIn(client);
  const visited = [];
  const ended = await client.signOut({ ...after, navigate: (url) => visited.push(url) });
  assert.equal(ended.revoked, true);
  assert.deepEqual(visited, [ended.url]);
  const url = new URL(ended.url);
  assert.equal(url.origin + url.pathname, `${server.url}/end`);
  assert.deepEqual(Object.fromEntries(url.searchParams), { client_id: 'app', ...after });
});

test('Q23 a token for elsewhere: what is asked for is sent, and what comes is not kept', async () => {
  const client = await openClient(server.config);
  await signIn(client);
  const { access_token } = await client.token();
  const issued_token_type = 'urn:ietf:params:oauth:token-type:access_token';
  server.answers['/token'] = () => ({ body: { access_token: 'ELSEWHERE', token_type: 'Bearer', issued_token_type } });
  try {
    const exchanged = await client.tokenExchange({ audience: 'other', parameters: { tenant: 'a' } });
    assert.deepEqual([exchanged.access_token, exchanged.issued_token_type], ['ELSEWHERE', issued_token_type]);
  } finally {
    delete server.answers['/token'];
  }
  const sent = new URLSearchParams(server.requests.at(-1).body);
  const names = ['grant_type', 'subject_token', 'audience', 'tenant'];
  assert.deepEqual(
    names.map((name) => sent.get(name)),
    ['urn:ietf:params:oauth:grant-type:token-exchange', access_token, 'other', 'a'],
  );
  assert.equal((await client.token()).access_token, access_token);
});

test('Q23 a session by an assertion that somebody signed', async () => {
  const client = await openClient(server.config);
  const { status, scope } = await client.jwtBearer({ assertion: 'e30.e30.c2ln', scope: 'read', parameters: { audience: 'api' } });
  assert.deepEqual([status, scope], ['granted', 'read']);
  const { grant_type, ...sent } = Object.fromEntries(new URLSearchParams(server.requests[0].body));
  assert.equal(grant_type, 'urn:ietf:params:oauth:grant-type:jwt-bearer');
  assert.deepEqual([sent.assertion, sent.scope, sent.audience], ['e30.e30.c2ln', 'read', 'api']);
  assert.equal((await client.fetch(`${server.url}/api`)).status, 200);
});

test('Q21 what may be asked of the server when the user signs in', async () => {
  const client = await openClient(server.config);
  const asked = {
    prompt: 'login consent',
    login_hint: 'alice@example.org',
    id_token_hint: 'e30.e30.c2ln',
    ui_locales: 'de en',
    acr_values: 'urn:a urn:b',
    response_mode: 'form_post',
  };
  const claims = { id_token: { acr: { essential: true } } };
  const authorization_details = [{ type: 'payment', amount: '1.5' }];
  const { searchParams } = new URL((await client.authorize({ ...asked, max_age: 60, claims, authorization_details })).url);
  for (const [name, value] of Object.entries(asked)) assert.equal(searchParams.get(name), value, name);
  assert.equal(searchParams.get('max_age'), '60');
  assert.deepEqual(JSON.parse(searchParams.get('claims')), claims);
  assert.deepEqual(JSON.parse(searchParams.get('authorization_details')), authorization_details);
});

test('Q23 a code from elsewhere, and tokens from elsewhere', async () => {
  const client = await openClient(server.config);
  assert.equal((await client.exchange({ code: 'x', code_verifier: 'v'.repeat(43) })).status, 'granted');
  const other = await openClient(server.config);
  assert.equal((await other.setToken({ access_token: 'T', token_type: 'Bearer', expires_in: '60' })).status, 'granted');
  assert.equal((await other.token()).access_token, 'T');
});

test('X9 callers that ask at once share one refresh; one that gives up does not end it', async () => {
  const client = await openClient(server.config);
  await signIn(client);
  server.requests.length = 0;
  let go;
  server.answers['/token'] = () => new Promise((resolve) => (go = () => resolve({ body: { access_token: 'NEW', token_type: 'Bearer', refresh_token: 'R2' } })));
  const first = new AbortController();
  const reason = new Error('changed my mind');
  const given = client.token({ force: true, signal: first.signal });
  const others = [client.token({ force: true }), client.refresh()];
  await until(() => go, 'the refresh');
  first.abort(reason);
  await assert.rejects(given, (error) => error === reason);
  go();
  assert.equal((await others[0]).access_token, 'NEW');
  await others[1];
  assert.equal(server.count('/token'), 1);
});

test('X9 clients of one store refresh once, and adopt what the other got', async () => {
  const store = memoryStore();
  const clients = await Promise.all([1, 2, 3].map(() => openClient(server.config, { store })));
  await signIn(clients[0]);
  server.requests.length = 0;
  const tokens = await Promise.all(clients.map((client) => client.token({ force: true })));
  assert.equal(server.count('/token'), 1);
  assert.equal(new Set(tokens.map((token) => token.access_token)).size, 1);
});

test('a signal that has aborted sends nothing; one given at open closes the client', async () => {
  const reason = new Error('no');
  const client = await openClient(server.config);
  await assert.rejects(client.authorize({ signal: AbortSignal.abort(reason) }), (error) => error === reason);
  await assert.rejects(openClient(server.config, { signal: AbortSignal.abort(reason) }), (error) => error === reason);
  const controller = new AbortController();
  const closing = await openClient(server.config, { signal: controller.signal });
  controller.abort();
  await assert.rejects(closing.status(), { kind: 'cancelled', code: 'closed' });
});

test('close rejects what is under way', async () => {
  const client = await openClient(server.config);
  await signIn(client);
  server.answers['/userinfo'] = () => new Promise(() => {});
  const waiting = client.userinfo();
  await until(() => server.count('/userinfo'), 'the request');
  client.close();
  client.close();
  await assert.rejects(waiting, { kind: 'cancelled', code: 'closed', op: 'userinfo' });
});

test('Q4 H1 a refused configuration names the member', async () => {
  await assert.rejects(openClient({ client_id: 'a', authorization_endpoint: 'http://as.example/' }), {
    name: 'OAuthError',
    kind: 'client',
    code: 'not_https',
    op: 'open',
    field: 'authorization_endpoint',
    message: 'oauth2-wasm: open: not https: authorization_endpoint: expected https, or http on loopback, came http://as.example/',
  });
  await assert.rejects(openClient({ client_id: 'a', clientSecret: 's' }), { code: 'unknown_member', field: 'clientSecret' });
});

test('X6 D1 neither errors nor the log hold a secret, and an effect is in it when it is asked for and when it is answered', async () => {
  const secret = 'VERY-SECRET';
  const log = [];
  const client = await openClient({ ...server.config, client_secret: secret }, { onEffect: (entry) => log.push(entry) });
  const events = heard(client);
  await signIn(client);
  server.answers['/token'] = () => ({ status: 400, body: { error: 'invalid_grant', error_description: `bad ${secret}`, access_token: secret } });
  const error = await client.refresh().catch((error) => error);
  assert.equal(error.error, 'invalid_grant');
  await until(() => log.some(({ stage, status }) => stage === 'refresh' && status));
  const all = JSON.stringify([log, { ...error }, error.message, error.stack, events.map(([, detail]) => [detail, detail.message])]);
  for (const word of [secret, 'ACCESS-', 'REFRESH-', 'THE-CODE', 'code_verifier']) assert.ok(!all.includes(word), word);
  const [asked, answered] = log.filter(({ kind }) => kind === 'http').map((entry) => JSON.parse(JSON.stringify(entry)));
  assert.deepEqual(asked, { id: asked.id, kind: 'http', stage: 'token', method: 'POST', url: `${server.url}/token` });
  assert.deepEqual({ ...answered, ms: 0 }, { ...asked, status: 200, ms: 0 });
  assert.ok(answered.ms >= 0);
});

test('Q3 H8 hooks change parameters and requests of the stages that they are for', async () => {
  const told = [];
  const client = await openClient(server.config, {
    hooks: {
      parameters: {
        authorization: (parameters, stage) => {
          told.push(stage);
          parameters.set('audience', 'api');
        },
        token: async (parameters, stage) => {
          told.push(stage);
          return new URLSearchParams([...parameters, ['extra', '1']]);
        },
      },
      request: {
        token: (request, stage) => {
          told.push(stage);
          request.headers.push(['x-hook', 'yes']);
        },
      },
    },
  });
  const { url } = await client.authorize();
  assert.equal(new URL(url).searchParams.get('audience'), 'api');
  await signIn(client);
  const { body, headers } = server.requests.at(-1);
  assert.equal(new URLSearchParams(body).get('extra'), '1');
  assert.equal(headers['x-hook'], 'yes');
  assert.deepEqual([...new Set(told)], ['authorization', 'token']);
});

test('Q3 a hook that throws fails the operation', async () => {
  const fail = () => {
    throw new Error('no');
  };
  const client = await openClient(server.config, { hooks: { parameters: { authorization: fail } } });
  await assert.rejects(client.authorize(), { kind: 'client', code: 'hook_failed', field: 'authorization' });
});

test('a session goes through export and open', async () => {
  const client = await openClient(server.config);
  assert.equal(await client.export(), '');
  await signIn(client);
  const session = await client.export();
  const { access_token } = await client.token();
  client.close();
  const again = await openClient(server.config, { session });
  assert.equal((await again.token()).access_token, access_token);
  await assert.rejects(openClient({ ...server.config, client_id: 'other' }, { session }), { code: 'wrong_configuration', field: 'session' });
});

for (const from of ['a store', 'bytes']) {
  test(`Q1 a listener that is added right after open hears of the session restored from ${from}`, async () => {
    const store = memoryStore();
    const before = await openClient(server.config, { store });
    await signIn(before);
    const client = await openClient(server.config, from === 'bytes' ? { session: await before.export() } : { store });
    const events = heard(client);
    await until(() => events.length === 2);
    assert.deepEqual(
      events.map(([type, detail]) => [type, detail.status]),
      [
        ['status', 'granted'],
        ['granted', undefined],
      ],
    );
  });
}

test('E20 what another configuration stored under the same name is left alone', async () => {
  const store = memoryStore();
  await signIn(await openClient(server.config, { store }));
  const before = await store.load(storeKey(server.config));
  const client = await openClient({ ...server.config, client_id: 'other' }, { store });
  const events = heard(client);
  assert.equal((await client.status()).status, 'not_authenticated');
  assert.deepEqual(events, []);
  assert.deepEqual(await store.load(storeKey(server.config)), before);
});

test('X9 a store that fails keeps the tokens in memory and says so', async () => {
  const store = {
    load: () => ({ version: '' }),
    store: () => {
      throw new Error('full');
    },
  };
  const client = await openClient(server.config, { store, pendingStore: memoryStore() });
  const events = heard(client);
  const { status } = await signIn(client);
  assert.deepEqual([status.status, status.not_persisted], ['granted', true]);
  assert.deepEqual(
    events.map(([type]) => type),
    ['not_persisted', 'status', 'granted'],
  );
});

test('a conflict is known by its name, whoever made the class', async () => {
  class Theirs extends Error {
    name = 'ConflictError';
  }
  for (const conflict of [new ConflictError('x'), new Theirs('x')]) {
    const kept = memoryStore();
    let failing = 1;
    const store = {
      load: (key) => kept.load(key),
      store: (...args) => {
        if (failing-- > 0) throw conflict;
        return kept.store(...args);
      },
    };
    const client = await openClient(server.config, { store, pendingStore: memoryStore() });
    const { status } = await signIn(client);
    assert.deepEqual([status.status, status.not_persisted], ['granted', false]);
  }
});

test('parameters that no JSON text can carry, or too many, are the caller’s error', async () => {
  const client = await openClient(server.config);
  await assert.rejects(client.authorize({ app_state: '\ud800' }), { kind: 'client', code: 'unreadable', op: 'authorize' });
  await assert.rejects(client.authorize({ app_state: 'x'.repeat(1 << 20) }), { kind: 'client', code: 'too_large', op: 'authorize' });
  assert.equal((await client.status()).status, 'not_authenticated');
});

test('listeners run after the effects are drained, and may call the client', async () => {
  const client = await openClient(server.config);
  const order = [];
  client.addEventListener('granted', () => {
    order.push('granted');
    void client.status().then(() => order.push('status'));
  });
  await signIn(client);
  await until(() => order.length === 2);
  assert.deepEqual(order, ['granted', 'status']);
});
