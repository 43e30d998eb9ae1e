import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { library } from './lib/installed.mjs';
import { provider, signIn } from './lib/provider.mjs';

const { openClient, OAuthError } = await library();

let server, other, client;
before(async () => {
  [server, other] = await Promise.all([provider(), provider()]);
  client = await openClient(server.config);
  await signIn(client);
});
after(() => {
  server.stop();
  other.stop();
});
beforeEach(() => {
  server.requests.length = 0;
  for (const path in server.answers) delete server.answers[path];
});

test('Q13 the access token is sent to a configured resource', async () => {
  const response = await client.fetch(`${server.url}/api/items?q={a}|b#part`, { headers: { 'x-own': '1' } });
  assert.equal(response.status, 200);
  const { headers, path } = server.requests[0];
  assert.match(headers.authorization, /^Bearer ACCESS-/);
  assert.equal(headers['x-own'], '1');
  assert.ok(path.startsWith('/api/items?q='));
});

test('Q13 a Request is taken too, with its method, headers and body', async () => {
  const request = new Request(`${server.url}/api`, { method: 'POST', body: 'hello', headers: { 'content-type': 'text/plain' } });
  assert.equal((await (await client.fetch(request)).json()).body, 'hello');
});

const foreign = {
  'another origin': () => `${other.url}/api`,
  'another path': () => `${server.url}/apix`,
  'a path that climbs out': () => `${server.url}/api/../secret`,
  'a path that climbs out, escaped': () => `${server.url}/api/%2e%2e/secret`,
  'an encoded slash': () => `${server.url}/api/..%2fsecret`,
  'a host that begins alike': () => `${server.url.replace(/:\d+$/, '')}.evil.example/api`,
  'another scheme': () => 'data:text/plain,x',
};
for (const [name, url] of Object.entries(foreign)) {
  test(`X10 nothing is sent to ${name}`, async () => {
    const error = await client.fetch(url()).catch((error) => error);
    assert.ok(error instanceof OAuthError, String(error));
    assert.equal(error.code, 'resource_not_allowed');
    assert.equal(server.requests.length + other.requests.length, 0);
  });
}

test('X10 user information in a URL is refused', async () => {
  await assert.rejects(client.fetch(`${server.url.replace('://', '://user:secret@')}/api`));
  assert.equal(server.requests.length, 0);
});

for (const status of [301, 302, 303, 307, 308]) {
  test(`X6 X10 a redirect is an error and not followed: ${status}`, async () => {
    server.answers['/api'] = () => ({ status, headers: { location: `${other.url}/api` } });
    await assert.rejects(client.fetch(`${server.url}/api`, { redirect: 'follow' }), { name: 'OAuthError', code: 'redirect', op: 'fetch' });
    assert.equal(other.requests.length, 0);
  });
}

test('after a 401 the token is refreshed and the request sent once more', async () => {
  let first = true;
  const usual = ({ body }) => ({ body: { body } });
  server.answers['/api'] = (request) => (first ? ((first = false), { status: 401 }) : usual(request));
  const response = await client.fetch(`${server.url}/api`, { method: 'POST', body: 'again' });
  assert.equal((await response.json()).body, 'again');
  assert.deepEqual(
    server.requests.map(({ path }) => path),
    ['/api', '/token', '/api'],
  );
  assert.notEqual(server.requests[0].headers.authorization, server.requests[2].headers.authorization);
});

test('Q13 requests that come back 401 together share one refresh; a token that is newer than the refused is tried as it is', async () => {
  const refused = (await client.token()).access_token;
  server.requests.length = 0;
  let late;
  const first = new Promise((resolve) => (late = resolve));
  server.answers['/api'] = async ({ headers, path }) => {
    if (headers.authorization !== `Bearer ${refused}`) return { body: { ok: true } };
    // One of them hears of it only after the others have gone on.
    if (path.endsWith('late')) await first;
    return { status: 401 };
  };
  const slow = client.fetch(`${server.url}/api?late`);
  const responses = await Promise.all([1, 2, 3].map((n) => client.fetch(`${server.url}/api?${n}`)));
  late();
  for (const response of [...responses, await slow]) assert.equal(response.status, 200);
  assert.equal(server.count('/token'), 1);
  assert.equal(server.count('/api'), 8);
});

test('Q13 a provider that wants the token in a header of its own gets it there, after a 401 too', async () => {
  const own = await openClient({ ...server.config, token_header: 'x-token' });
  await signIn(own);
  const seen = [];
  server.answers['/api'] = ({ headers }) => {
    seen.push([headers['x-token'], headers.authorization]);
    return seen.length > 1 ? { body: {} } : { status: 401 };
  };
  assert.equal((await own.fetch(`${server.url}/api`)).status, 200);
  assert.match(seen[0][0], /^ACCESS-/);
  assert.notEqual(seen[0][0], seen[1][0]);
  assert.deepEqual([seen[0][1], seen[1][1]], [undefined, undefined]);
});

test('a second 401 is the answer', async () => {
  server.answers['/api'] = () => ({ status: 401 });
  assert.equal((await client.fetch(`${server.url}/api`)).status, 401);
  assert.equal(server.count('/api'), 2);
});

test('a body that can be read only once is not sent again', async () => {
  server.answers['/api'] = () => ({ status: 401 });
  const response = await client.fetch(`${server.url}/api`, { method: 'POST', body: new Blob(['x']).stream(), duplex: 'half' });
  assert.equal(response.status, 401);
  assert.deepEqual(
    server.requests.map(({ path }) => path),
    ['/api'],
  );
});

test('where the refresh fails, the 401 is the answer', async () => {
  const bare = await openClient(server.config);
  await bare.setToken({ access_token: 'T', token_type: 'Bearer' });
  server.answers['/api'] = () => ({ status: 401, body: { why: 'expired' } });
  const response = await bare.fetch(`${server.url}/api`);
  assert.deepEqual([response.status, await response.json()], [401, { why: 'expired' }]);
  assert.equal(server.requests.length, 1);
});

test('the caller’s signal ends the request with its reason', async () => {
  server.answers['/api'] = () => new Promise(() => {});
  const reason = new Error('enough');
  await assert.rejects(client.fetch(`${server.url}/api`, { signal: AbortSignal.abort(reason) }), (error) => error === reason);
  const controller = new AbortController();
  setTimeout(() => controller.abort(reason), 100);
  await assert.rejects(client.fetch(`${server.url}/api`, { signal: controller.signal }), (error) => error === reason);
});

test('H8 the fetch that a client is given sends everything', async () => {
  const sent = [];
  const own = await openClient(server.config, {
    fetch: (...args) => {
      sent.push(new Request(...args).url);
      return fetch(...args);
    },
  });
  await signIn(own);
  await own.fetch(`${server.url}/api`);
  assert.deepEqual(sent, [`${server.url}/token`, `${server.url}/api`]);
});

test('without a session nothing is sent', async () => {
  const out = await openClient(server.config);
  await assert.rejects(out.fetch(`${server.url}/api`), { code: 'not_signed_in' });
  assert.equal(server.requests.length, 0);
});
