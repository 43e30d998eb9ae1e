// Proofs of DPoP that several processes remember together, in Redis and in PostgreSQL.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { root } from './lib/installed.mjs';
import { build, start } from './lib/process.mjs';
import { until } from './lib/provider.mjs';
import { servers } from './lib/servers.mjs';
import { signer } from './suite/guard.js';

const ISSUER = 'https://as.example';
const resource = 'https://api.example/notes';
/** The clocks of the processes, in ms ahead of the store's. */
const CLOCKS = [0, 5000, -5000];

let farm;
before(async () => (farm = await servers()));
after(() => farm?.stop());

for (const kind of ['redis', 'postgres']) {
  test(`B82 B83 B97 ${kind}: a proof is good once in three processes of Node and three in Go whose clocks are 5 s apart; without the store none is, what needs no proof is served, and afterwards the refused proof is good once`, async (t) => {
    const store = await farm.start(kind);
    const [server, client] = [await signer('ES256', 'k'), await signer('ES256')];
    // No proof gets too old while a busy machine starts a server again.
    const config = { resource, authorization_servers: [{ issuer: ISSUER, jwks_uri: `${ISSUER}/jwks` }], proof_ms: 3_600_000 };
    const env = { ...process.env, STORE: kind, HOST: store.host, PORT: String(store.port), KEYS: JSON.stringify([server.jwk]), CONFIG: JSON.stringify(config) };
    const begin = async (ahead, file, ...args) => {
      const { match, stop } = await start(file, args, /^ready: (\S+)/, { env: { ...env, AHEAD: String(ahead) } });
      t.after(stop);
      return match[1];
    };
    const inGo = build('guarded', './edge/test/guarded');
    const apis = []; // one after the other: the tables are there when the second looks
    for (const ahead of CLOCKS) {
      apis.push(await begin(ahead, process.execPath, join(root, 'js/test/lib/guarded.mjs')));
      apis.push(await begin(ahead, inGo));
    }
    const now = Math.floor(Date.now() / 1000);
    const token = (changes) =>
      server.sign(
        { typ: 'at+jwt', alg: 'ES256', kid: 'k' },
        { iss: ISSUER, sub: 'u', aud: resource, client_id: 'app', iat: now, exp: now + 3600, jti: 'j', ...changes },
      );
    const bound = await token({ cnf: { jkt: client.thumbprint } });
    const bearer = await token();
    const asks = async (api, headers) => {
      const answer = await fetch(`${api}/notes`, { headers });
      return { status: answer.status, ...(await answer.json()) };
    };
    const shows = (api, proof) => asks(api, { authorization: `DPoP ${bound}`, dpop: proof });
    for (let round = 0; round < 10; round += 1) {
      const proof = await client.proof('GET', resource, bound);
      const answers = await Promise.all([...apis, ...apis].map((api) => shows(api, proof)));
      assert.deepEqual(
        answers.map(({ allowed, code }) => (allowed ? '' : code)).sort(),
        ['', ...Array(11).fill('replayed')],
        JSON.stringify(answers.find(({ code }) => code && code !== 'replayed')),
      );
      for (const api of apis) assert.equal((await shows(api, proof)).code, 'replayed', 'and later');
    }
    // One that is refused for the store's sake was not noted, and is good once when the store is
    // back. A client that is not connected may queue a write (npm redis does) and send it after the
    // refusal; the stores withdraw it, so no proof is noted for which nobody was let in.
    const proof = await client.proof('GET', resource, bound);
    await store.kill();
    const answers = await Promise.all(apis.map((api) => shows(api, proof)));
    const heard = [];
    for (const { allowed, status, code, errors, body } of answers) {
      assert.deepEqual([allowed, status], [false, 503], body);
      assert.equal(code, 'storage');
      heard.push(errors.length);
    }
    for (const [i, api] of apis.entries()) {
      const served = await asks(api, { authorization: `Bearer ${bearer}` });
      assert.equal(served.status, 200);
      // In Go the host hears why in a moment.
      await until(async () => (heard[i] += (await asks(api, { authorization: `Bearer ${bearer}` })).errors.length + served.errors.splice(0).length) > 0, 'why');
    }
    await store.start();
    await until(async () => (await shows(apis[0], await client.proof('GET', resource, bound))).allowed, 'the store is back');
    const once = await Promise.all(apis.map((api) => shows(api, proof)));
    assert.deepEqual(once.map(({ allowed, code }) => (allowed ? '' : code)).sort(), ['', ...Array(5).fill('replayed')]);
  });
}

test('B84 redis: what is remembered ends by the clock of Redis', async (t) => {
  const { createClient } = await import('redis');
  const store = await farm.start('redis');
  const redis = createClient({ socket: { host: store.host, port: store.port } });
  redis.on('error', () => {});
  await redis.connect();
  t.after(() => redis.destroy());
  const [server, client] = [await signer('ES256', 'k'), await signer('ES256')];
  const config = { resource, authorization_servers: [{ issuer: ISSUER, jwks_uri: `${ISSUER}/jwks` }], proof_ms: 10_000, clock_tolerance_ms: 1000 };
  const env = { STORE: 'redis', HOST: store.host, PORT: String(store.port), KEYS: JSON.stringify([server.jwk]), CONFIG: JSON.stringify(config), AHEAD: '0' };
  const { match, stop } = await start(process.execPath, [join(root, 'js/test/lib/guarded.mjs')], /^ready: (\S+)/, { env: { ...process.env, ...env } });
  t.after(stop);
  const now = Math.floor(Date.now() / 1000);
  const token = await server.sign(
    { typ: 'at+jwt', alg: 'ES256', kid: 'k' },
    { iss: ISSUER, sub: 'u', aud: resource, client_id: 'app', iat: now, exp: now + 3600, jti: 'j', cnf: { jkt: client.thumbprint } },
  );
  let answer;
  await until(async () => {
    // A proof that was ten seconds on its way is too old: a busy machine makes another.
    answer = await fetch(`${match[1]}/notes`, { headers: { authorization: `DPoP ${token}`, dpop: await client.proof('GET', resource, token) } });
    return answer.status === 200;
  }, 'a proof in time');
  const [key, ...others] = await redis.keys('*');
  assert.ok(key, 'it is remembered');
  for (const one of [key, ...others]) assert.ok((await redis.pTTL(one)) <= 12_000, 'proof_ms, and the tolerance twice');
  await until(async () => (await redis.dbSize()) === 0, 'nothing is kept');
});
