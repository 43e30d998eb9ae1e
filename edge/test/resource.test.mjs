// The Worker that is a protected resource, in workerd: what it accepts and refuses, with proofs in
// Durable Objects and many requests at once.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { signer } from '../../js/test/suite/guard.js';
import { freePort, root, workerd } from '../dev/workerd.mjs';
import { work } from './lib/world.mjs';

const seconds = () => Math.floor(Date.now() / 1000);

let folder, running, begin, origin, server, issuer, rsa, own;
const asked = {};
const opaque = new Map();
before(async () => {
  [rsa, own] = await Promise.all([signer('RS256', 'rsa'), signer('ES256')]);
  server = createServer({ keepAliveTimeout: 0 }, async (request, response) => {
    asked[request.url] = (asked[request.url] ?? 0) + 1;
    let body = '';
    for await (const chunk of request) body += chunk;
    const answers = {
      '/.well-known/oauth-authorization-server': { issuer, jwks_uri: `${issuer}/jwks`, introspection_endpoint: `${issuer}/introspect` },
      '/jwks': { keys: [rsa.jwk] },
      '/introspect': opaque.get(new URLSearchParams(body).get('token')) ?? { active: false },
    };
    response.writeHead(answers[request.url] ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(answers[request.url] ?? {}));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  issuer = `http://127.0.0.1:${server.address().port}`;
  mkdirSync(work, { recursive: true });
  folder = mkdtempSync(join(work, 'resource-'));
  const port = await freePort();
  origin = `http://127.0.0.1:${port}`;
  begin = await workerd({
    folder,
    port,
    entry: join(root, 'edge/resource/index.ts'),
    object: ['REPLAYS', 'Replays'],
    variables: { RESOURCE: { resource: `${origin}/notes`, authorization_servers: [{ issuer, client_id: 'notes' }] } },
    secrets: { CLIENT_SECRET: 'of the resource' },
  });
  running = await begin();
});
after(async () => {
  await running?.stop();
  server?.closeAllConnections();
  server?.close();
  rmSync(folder, { recursive: true, force: true });
});

const token = (changes) =>
  rsa.sign(
    { typ: 'at+jwt', alg: 'RS256', kid: 'rsa' },
    {
      iss: issuer,
      sub: 'u1',
      aud: `${origin}/notes`,
      client_id: 'app',
      scope: 'read',
      iat: seconds(),
      exp: seconds() + 600,
      jti: crypto.randomUUID(),
      ...changes,
    },
  );
const get = async (headers, path = '/notes', method = 'GET') => {
  const response = await fetch(origin + path, { method, headers: { connection: 'close', ...headers } });
  return { status: response.status, challenge: response.headers.get('www-authenticate') ?? '', body: await response.text() };
};

test('R45 R46 many requests at once, of which none waits for another: all are let in, and then no server is asked any more', async () => {
  const at = await token();
  const first = await Promise.all(Array.from({ length: 20 }, () => get({ authorization: `Bearer ${at}` })));
  assert.deepEqual(
    first.map(({ status }) => status),
    Array(20).fill(200),
    running.said.join('\n'),
  );
  const before = asked['/jwks'];
  assert.ok(before >= 1 && before <= 20);
  const next = await Promise.all(Array.from({ length: 30 }, () => get({ authorization: `Bearer ${at}` })));
  assert.deepEqual(
    next.map(({ status }) => status),
    Array(30).fill(200),
  );
  assert.equal(asked['/jwks'], before);
  assert.deepEqual(JSON.parse(next[0].body), { scheme: 'Bearer', sub: 'u1', client_id: 'app' });
});

test('R46 what an attacker would send is refused, with the challenge', async () => {
  assert.match((await get({})).challenge, /^Bearer scope="read", resource_metadata="http:\/\/127\.0\.0\.1:\d+\/\.well-known\/oauth-protected-resource\/notes"/);
  const evil = await signer('RS256', 'rsa');
  const at = await token();
  const [header, claims] = at.split('.');
  for (const [bad, status, error] of [
    [`${Buffer.from('{"typ":"at+jwt","alg":"none"}').toString('base64url')}.${claims}.`, 401, 'invalid_token'],
    [
      await evil.sign(
        { typ: 'at+jwt', alg: 'RS256', kid: 'rsa' },
        { iss: issuer, sub: 'u1', aud: `${origin}/notes`, client_id: 'app', iat: seconds(), exp: seconds() + 600, jti: '1' },
      ),
      401,
      'invalid_token',
    ],
    [`${header}.${Buffer.from('{"sub":"admin"}').toString('base64url')}.${at.split('.')[2]}`, 401, 'invalid_token'],
    [await token({ aud: 'https://other.example' }), 401, 'invalid_token'],
    [await token({ exp: seconds() - 60 }), 401, 'invalid_token'],
    ['not a token', 400, 'invalid_request'],
  ]) {
    const answer = await get({ authorization: `Bearer ${bad}` });
    assert.equal(answer.status, status, answer.body);
    assert.match(answer.challenge, new RegExp(`error="${error}"`));
  }
  const post = await get({ authorization: `Bearer ${at}` }, '/notes', 'POST');
  assert.equal(post.status, 403);
  assert.match(post.challenge, /error="insufficient_scope"/);
  assert.equal((await get({}, `/notes?access_token=${at}`)).status, 401);
});

test('R21 R46 a proof counts once, however many requests bring it at once, and after a restart', async () => {
  const at = await token({ cnf: { jkt: own.thumbprint } });
  const dpop = await own.proof('GET', `${origin}/notes`, at);
  const headers = { authorization: `DPoP ${at}`, dpop };
  const all = await Promise.all(Array.from({ length: 10 }, () => get(headers)));
  assert.equal(all.filter(({ status }) => status === 200).length, 1, JSON.stringify(all));
  await running.stop();
  running = await begin();
  const again = await get(headers);
  assert.equal(again.status, 401);
  assert.match(again.challenge, /error="invalid_dpop_proof"/);
  assert.equal((await get({ authorization: `DPoP ${at}`, dpop: await own.proof('GET', `${origin}/notes`, at) })).status, 200);
});

test('R41 R46 an opaque token is introspected, once a minute', async () => {
  opaque.set('opaque-1', { active: true, sub: 'u2', client_id: 'app', aud: `${origin}/notes`, scope: 'read' });
  for (let n = 0; n < 3; n++) assert.equal((await get({ authorization: 'Bearer opaque-1' })).status, 200);
  assert.equal(asked['/introspect'], 1);
  assert.equal((await get({ authorization: 'Bearer opaque-2' })).status, 401);
});

test('R15 R46 the document of RFC 9728 is where the challenge says', async () => {
  const { challenge } = await get({});
  const [, url] = /resource_metadata="([^"]+)"/.exec(challenge);
  const metadata = await (await fetch(url, { headers: { connection: 'close' } })).json();
  assert.equal(metadata.resource, `${origin}/notes`);
  assert.deepEqual(metadata.authorization_servers, [issuer]);
});

test('R46 `wrangler deploy --dry-run` takes the Worker', async () => {
  const args = [join(root, 'node_modules/wrangler/bin/wrangler.js'), 'deploy', '--dry-run', '--outdir', join(folder, 'dry')];
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    cwd: join(root, 'edge/resource'),
    env: { ...process.env, WRANGLER_SEND_METRICS: 'false' },
  });
  assert.match(stdout, /REPLAYS/);
});
