import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, beforeEach, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { library } from './lib/installed.mjs';
import { provider, signIn } from './lib/provider.mjs';

const { challengeOf, Host, openClient, OAuthError } = await library();

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc');
/** Lets the runtime collect garbage. */
const collect = async () => {
  for (let i = 0; i < 4; i++) await new Promise((resolve) => setImmediate(() => (gc(), resolve())));
};

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

test('Q13 a given fetch gets a Request for a resource, which follows no redirect, however it was asked for', async () => {
  const got = [];
  const own = await openClient({ ...server.config, name: 'given' }, { fetch: (input, init) => (got.push(input), fetch(input, init)) });
  await signIn(own);
  const url = `${server.url}/api/items`;
  class Init {
    method = 'PUT';
    get headers() {
      return { 'x-own': '1' };
    }
  }
  got.length = 0;
  for (const [input, init] of [[url], [new URL(url), { headers: { 'x-own': '1' } }], [url, { redirect: 'follow' }], [new Request(url)], [url, new Init()]]) {
    assert.equal((await own.fetch(input, init)).status, 200);
    const request = got.pop();
    assert.ok(request instanceof Request && got.length === 0);
    assert.equal(request.redirect, 'manual');
    assert.equal(request.headers.get('x-own') ?? '', init?.headers ? '1' : '');
    assert.equal(request.method, init?.method ?? 'GET');
    assert.match(request.headers.get('authorization'), /^Bearer /);
  }
  own.close();
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
    // One of them gets its answer only after the others have gone on.
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

const challenge =
  (text, status = 401) =>
  () => ({ status, headers: { 'www-authenticate': text }, body: { why: 'it says so' } });

test('Q13 what a resource wants is told with its answer, which stays as it is', async () => {
  const text = 'Basic realm="x", Bearer error="insufficient_user_authentication", error_description="sign in anew", acr_values="urn:a urn:b", max_age="60"';
  server.answers['/api'] = challenge(text);
  const response = await client.fetch(`${server.url}/api`);
  assert.deepEqual([response.status, await response.json()], [401, { why: 'it says so' }]);
  const wanted = { scheme: 'bearer', error: 'insufficient_user_authentication', error_description: 'sign in anew', acr_values: 'urn:a urn:b', max_age: 60 };
  assert.deepEqual(challengeOf(response), wanted);
  assert.equal(server.requests.length, 1, 'a refresh would give nothing stronger');
});

test('Q13 the challenge is that of the last answer; where there is none, nothing is told', async () => {
  let count = 0;
  server.answers['/api'] = () => challenge(`Bearer error="invalid_token", error_description="answer ${++count}"`)();
  const response = await client.fetch(`${server.url}/api`);
  assert.deepEqual(challengeOf(response), { scheme: 'bearer', error: 'invalid_token', error_description: 'answer 2' });
  server.answers['/api'] = () => ({ status: 401 });
  assert.equal(challengeOf(await client.fetch(`${server.url}/api`)), undefined);
  delete server.answers['/api'];
  assert.equal(challengeOf(await client.fetch(`${server.url}/api`)), undefined);
});

test('Q13 X10 what a refusal says is told where the body could be read only once, too, and the token is left alone', async () => {
  server.answers['/api'] = challenge('Bearer error="invalid_token"');
  const response = await client.fetch(`${server.url}/api`, { method: 'POST', body: new Blob(['x']).stream(), duplex: 'half' });
  assert.deepEqual([response.status, challengeOf(response)], [401, { scheme: 'bearer', error: 'invalid_token' }]);
  assert.equal(server.requests.length, 1);
});

/** A client whose tokens are bound to a key, and the proofs that the resource gets. */
const bound = async (t, answer) => {
  server.answers['/token'] = () => ({ body: { access_token: 'BOUND', token_type: 'DPoP', expires_in: 3600, refresh_token: 'R' } });
  const own = await openClient({ ...server.config, dpop: true });
  t.after(() => own.close());
  await signIn(own);
  const proofs = [];
  server.answers['/api'] = (request) => {
    const { htm, htu, nonce, jti } = JSON.parse(Buffer.from(request.headers.dpop.split('.')[1], 'base64url'));
    proofs.push({ htm, htu, nonce, jti });
    return answer(proofs.at(-1), request);
  };
  return { own, proofs };
};

test('Q13 a proof names the method and the URL without its query; each has a name of its own, and a resource’s nonce is taken over from any answer', async (t) => {
  const { own, proofs } = await bound(t, () => ({ headers: { 'dpop-nonce': `N${proofs.length}` }, body: {} }));
  await own.fetch(`${server.url}/api?q=1#f`);
  await own.fetch(new Request(`${server.url}/api?q=2`, { method: 'put', body: 'x' }));
  const said = proofs.map(({ jti, ...rest }) => rest);
  assert.deepEqual(said, [
    { htm: 'GET', htu: `${server.url}/api`, nonce: undefined },
    { htm: 'PUT', htu: `${server.url}/api`, nonce: 'N1' },
  ]);
  assert.notEqual(proofs[0].jti, proofs[1].jti);
});

test('Q13 a resource that never is content with a nonce is asked twice, with the body both times', async (t) => {
  const bodies = [];
  const { own, proofs } = await bound(t, (_, { body }) => {
    bodies.push(body);
    return { status: 401, headers: { 'dpop-nonce': `N${proofs.length}`, 'www-authenticate': 'DPoP error="use_dpop_nonce"' } };
  });
  const response = await own.fetch(`${server.url}/api`, { method: 'POST', body: 'twice' });
  assert.deepEqual([response.status, challengeOf(response)], [401, { scheme: 'dpop', error: 'use_dpop_nonce' }]);
  assert.deepEqual(
    [proofs.map(({ nonce }) => nonce), bodies],
    [
      [undefined, 'N1'],
      ['twice', 'twice'],
    ],
  );
});

test('Q13 a nonce that has ended and a token that has ended, one after the other', async (t) => {
  const refusals = ['use_dpop_nonce', 'invalid_token'];
  const { own, proofs } = await bound(t, () => {
    const error = refusals.shift();
    return error ? { status: 401, headers: { 'dpop-nonce': 'N', 'www-authenticate': `DPoP error="${error}"` } } : { body: { ok: true } };
  });
  assert.equal((await own.fetch(`${server.url}/api`)).status, 200);
  assert.deepEqual(
    proofs.map(({ nonce }) => nonce),
    [undefined, 'N', 'N'],
  );
});

test('the caller’s signal ends the request with its reason', async () => {
  server.answers['/api'] = () => new Promise(() => {});
  const reason = new Error('enough');
  await assert.rejects(client.fetch(`${server.url}/api`, { signal: AbortSignal.abort(reason) }), (error) => error === reason);
  const controller = new AbortController();
  setTimeout(() => controller.abort(reason), 100);
  await assert.rejects(client.fetch(`${server.url}/api`, { signal: controller.signal }), (error) => error === reason);
});

test('E15 a signal and a time-out hold though the runtime collects its garbage while a request is under way', async () => {
  const asked = (path) => new Promise((resolve) => (server.answers[path] = () => (resolve(), new Promise(() => {}))));
  const reason = new Error('enough');
  const controller = new AbortController();
  let under = asked('/api');
  const fetched = client.fetch(`${server.url}/api`, { signal: controller.signal });
  await under;
  await collect();
  controller.abort(reason);
  await assert.rejects(fetched, (error) => error === reason);
  // The package's own requests.
  under = asked('/token');
  const host = await Host.open({ module: readFileSync(new URL('../../wasm/oauth2-full.wasm', import.meta.url)), open: { kind: 'contract' } });
  const effect = {
    kind: 'http',
    stage: 'token',
    method: 'POST',
    url: `${server.url}/token`,
    headers: [],
    redirect: 'refuse',
    timeout_ms: 2_000,
    max_body: 1000,
  };
  const answered = host.run('perform', { effect });
  await under;
  await collect();
  assert.deepEqual(await answered, { answer: { failed: { kind: 'timeout' } } });
  host.close();
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
