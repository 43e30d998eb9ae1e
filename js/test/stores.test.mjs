// The stores on servers: the requirements for every store, the contract, and faults. The servers
// are real.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import pg from 'pg';
import { createClient, createCluster } from 'redis';
import { installed, library } from './lib/installed.mjs';
import { contractServer } from './lib/process.mjs';
import { servers } from './lib/servers.mjs';
import { comparesAndSets, conflict } from './lib/stores.mjs';
import { runContract } from './suite/contract.js';
import { PATIENCE } from './suite/patience.js';

const oauth = await library();
const dist = (name) => pathToFileURL(join(installed(), 'node_modules/oauth2-wasm/dist', name)).href;
const { redisLocks, redisStore } = await import(dist('redis.js'));
const { createPostgresTables, postgresLocks, postgresStore } = await import(dist('postgres.js'));
const { newSealKey, sealed } = await import(dist('sealed.js'));

const name = () => `p${randomBytes(9).toString('hex')}`;
const closing = [];
let farm;
const running = {};
/** A server of a kind, started once. */
const server = (kind, of) => (running[kind] ??= farm.start(kind, of));

before(async () => (farm = await servers()));
after(async () => {
  await Promise.allSettled(closing.map((close) => close()));
  await farm?.stop();
});

const redisClient = async (client) => {
  client.on('error', () => {}); // the operation reports it, too
  await client.connect();
  closing.push(() => client.destroy());
  return client;
};
const connectRedis = ({ host, port }) => redisClient(createClient({ socket: { host, port, socketTimeout: 3000, reconnectStrategy: 50 }, pingInterval: 1000 }));
const connectPostgres = ({ host, port }) => {
  const pool = new pg.Pool({ host, port, user: 'postgres', database: 'postgres', max: 8 });
  pool.on('error', () => {});
  closing.push(() => pool.end());
  return pool;
};

const onRedis = (client, prefix, lease) => ({ store: redisStore(client, { prefix }), locks: redisLocks(client, { prefix, lease }) });
const onPostgres = async (pool, schema, lease) => {
  await pool.query(`CREATE SCHEMA IF NOT EXISTS "${schema.replaceAll('"', '""')}"`);
  await createPostgresTables(pool, { schema });
  return { store: postgresStore(pool, { schema }), locks: postgresLocks(pool, { schema, lease }) };
};

/** Two handles of one empty store, as in two processes. */
const pairs = {
  'B1 Redis': async (place, lease) => [
    onRedis(await connectRedis(await server('redis')), place, lease),
    onRedis(await connectRedis(await server('redis')), place, lease),
  ],
  'B3 a Redis Cluster': async (place, lease) => {
    const rootNodes = (await server('cluster')).addrs.map((addr) => ({ url: `redis://${addr}` }));
    const connect = async () => onRedis(await redisClient(createCluster({ rootNodes })), place, lease);
    return [await connect(), await connect()];
  },
  'B2 PostgreSQL': async (place, lease) => {
    const at = `a "b'; ${place}`;
    const one = await onPostgres(connectPostgres(await server('postgres')), at, lease);
    return [one, await onPostgres(connectPostgres(await server('postgres')), at, lease)];
  },
  'B4 PgBouncer': async (place, lease) => {
    const bouncer = await server('pgbouncer', await server('postgres'));
    const one = await onPostgres(connectPostgres(bouncer), place, lease);
    return [one, await onPostgres(connectPostgres(bouncer), place, lease)];
  },
  'B10 Redis, sealed': async (place, lease) => {
    const key = newSealKey();
    return Promise.all((await pairs['B1 Redis'](place, lease)).map(async ({ store, locks }) => ({ locks, ...(await sealed(store, key)) })));
  },
};

const held = (locks, lock, ms = PATIENCE) =>
  new Promise((resolve, reject) => {
    let free;
    const done = new Promise((end) => (free = end));
    const ended = locks.request(lock, { signal: AbortSignal.timeout(ms) }, () => {
      resolve(() => (free(), ended));
      return done;
    });
    ended.catch(reject);
  });

for (const [kind, pair] of Object.entries(pairs)) {
  describe(kind, () => {
    let a, b, locks;
    before(async () => {
      const both = await pair(name(), 1000);
      [a, b] = both.map(({ store }) => store);
      locks = both.map(({ locks }) => locks);
    });

    test(`${kind} compares and sets, and gives no version twice`, async () => {
      await comparesAndSets(a, b);
    });

    test(`${kind} keeps any text under any key`, async () => {
      const rows = {
        empty: '',
        'a.b c': ' spaces ',
        'A.B C': 'a line\nand\r\nanother',
        'é{x}': 'ünïcode 𝄞',
        '{x}é': '{"json":"\\u0000"}',
        '%s;\'"--': "'; DROP TABLE x; --",
        long: '0123456789'.repeat(30_000),
      };
      for (const [key, value] of Object.entries(rows)) await a.store(key, '', value);
      for (const [key, value] of Object.entries(rows)) assert.equal((await b.load(key)).value, value, key);
    });

    test(`${kind} forgets what has expired`, async () => {
      await a.storeUntil('past', '', 'x', Date.now() - 86_400_000);
      assert.deepEqual(await b.load('past'), { version: '' });
      await a.storeUntil('day', '', 'x', Date.now() + 86_400_000);
      assert.equal((await b.load('day')).value, 'x');
      const version = await a.storeUntil('short', '', 'x', Date.now() + 300);
      const limit = Date.now() + PATIENCE;
      while ((await b.load('short')).version) {
        assert.ok(Date.now() < limit);
        await sleep(10);
      }
      await assert.rejects(a.storeUntil('short', version, 'y', Date.now() + 1000), conflict);
      await assert.rejects(a.store('short', version, null), conflict);
      await a.store('short', '', 'y');
      assert.equal((await b.load('short')).value, 'y');
    });

    test(`${kind}: of those who saw the same version one wins`, async () => {
      let version = '';
      for (let round = 0; round < 5; round++) {
        const tries = await Promise.allSettled(Array.from({ length: 8 }, (_, i) => [a, b][i % 2].store('many', version, String(i))));
        const won = tries.filter(({ status }) => status === 'fulfilled');
        assert.equal(won.length, 1);
        for (const { reason } of tries.filter(({ status }) => status === 'rejected')) assert.equal(reason.name, 'ConflictError');
        version = won[0].value;
      }
    });

    test(`${kind}: a lock has one holder, is renewed while held, and who gives up leaves nothing behind`, async () => {
      const unlock = await held(locks[0], 'n');
      for (const one of locks) {
        // Longer than the lease, so it was renewed.
        await assert.rejects(held(one, 'n', 1500), { name: 'TimeoutError' });
        await (await held(one, 'another'))();
      }
      await unlock();
      for (const one of [locks[1], locks[0], locks[1]]) await (await held(one, 'n'))();
      let inside = 0;
      await Promise.all(
        Array.from({ length: 12 }, (_, i) =>
          locks[i % 2].request('count', { signal: AbortSignal.timeout(PATIENCE) }, async () => {
            const { value = '', version } = await a.load('count');
            assert.equal(++inside, 1);
            await b.store('count', version, value + 'I');
            inside--;
          }),
        ),
      );
      assert.equal((await a.load('count')).value.length, 12);
    });
  });
}

const engines = { 'B1 Redis': ['redis', connectRedis, onRedis], 'B2 PostgreSQL': ['postgres', connectPostgres, onPostgres] };
for (const [kind, [engine, client, hands]] of Object.entries(engines)) {
  test(`B10 ${kind}, sealed: the contract of hosts`, async () => {
    const live = await contractServer();
    try {
      const cases = JSON.parse(readFileSync(new URL('../../core/contract/contract.json', import.meta.url), 'utf8'));
      const module = await WebAssembly.compile(readFileSync(join(installed(), 'node_modules/oauth2-wasm/dist/oauth2-full.wasm')));
      const connected = await client(await server(engine));
      const { failures, passed } = await runContract(oauth, module, cases, live.url, async () => {
        const { store, locks } = await hands(connected, name());
        return { locks, ...(await sealed(store, newSealKey())) };
      });
      assert.deepEqual(failures, []);
      assert.ok(passed > 50);
    } finally {
      await live.stop();
    }
  });

  const connect = async (to, place) => hands(await client(to), place);

  /**
   * Stores, replaces and deletes, each time with the known version: no answer may report a
   * conflict.
   */
  const chain = async ({ store, locks }, rounds, key = 'chain') => {
    for (let i = 0; i < rounds; i++) {
      await locks.request(key, { signal: AbortSignal.timeout(PATIENCE) }, async () => {
        let version = '';
        for (let j = 0; j < 3; j++) {
          version = await store.store(key, version, `${i} ${j}`);
          assert.deepEqual(await store.load(key), { version, value: `${i} ${j}` });
        }
        await store.store(key, version, null);
      });
    }
  };

  test(`B6 ${kind}: whose answer was lost, and was written, has written`, async () => {
    const proxy = await farm.start('proxy', await server(engine));
    const hands = await connect(proxy, name());
    await proxy.lose(7);
    await chain(hands, 6);
    await proxy.lose(0);
    assert.ok((await proxy.lost()) >= 5);
  });

  test(`B7 ${kind}: a server that is killed and starts again has what it acknowledged, and nothing fails meanwhile`, async () => {
    const own = await farm.start(engine);
    const hands = await connect(own, name());
    const version = await hands.store.store('kept', '', 'x');
    let stopped = false;
    const busy = (async () => {
      while (!stopped) await chain(hands, 1);
    })();
    await own.kill();
    await sleep(200);
    await own.start();
    stopped = true;
    await busy;
    assert.deepEqual(await hands.store.load('kept'), { version, value: 'x' });
  });
}

test('B10 sealed: nothing is in the clear, a text is good where it stands only, and a key of the ring is replaced', async () => {
  const kept = oauth.memoryStore();
  const [first, second] = [newSealKey(), newSealKey()];
  const { store } = await sealed(kept, first);
  const version = await store.store('one', '', 'REFRESH-TOKEN');
  const { value: written } = await kept.load('one');
  assert.ok(written.startsWith(`${first.split(':')[0]}.`) && !written.includes('REFRESH'));
  await kept.store('two', '', written);
  assert.equal((await store.load('two')).value, '');
  const [both, after] = [await sealed(kept, `${second} ${first}`), await sealed(kept, second)];
  assert.equal((await both.store.load('one')).value, 'REFRESH-TOKEN');
  assert.deepEqual(await after.store.load('one'), { version, value: '' });
  await after.store.store('one', version, 'ANOTHER');
  assert.equal((await both.store.load('one')).value, 'ANOTHER');
  await assert.rejects(sealed(kept, 'no ring'), /SEAL_KEYS: key 1/);
});

test('B10 sealed: what the package for Go sealed, a text and a key', async () => {
  const kept = oauth.memoryStore();
  await kept.store('e', '', 'a.62AvCdVindAx156m_rG6FoxuXw4mZvBgxIBoBwhpcyMo1A');
  await kept.store(
    'key ES256',
    '',
    'a.4RpJI_5Njh_oFyH4cr4x8I7VEsScxjMTTHV0TxadQXKeCA4ZYIvPfRiEKoZ0Mwarlzh1KF596ZkNENra2STr9_IU3mLjqthZG6lQv-yXvSB7' +
      'gP_4sddUWqRqysXsXGoIXCWkBJJ-zU8cAS_RG95taGHJz-34fZ0jagMTsmD-tE1kcChwumPaDMcxtUQK1q4G1PlOSbRvFkJjJ4R9nI_pdChSHt-4cXj-l8vGJYHtWzKPr3fFwORXFexYPERUY2VNhGSdJ4qWJEuZ3HWifQhX3039UNT-IbnYFAU',
  );
  const { store, keys } = await sealed(kept, `a:${'A'.repeat(43)}`);
  assert.equal((await store.load('e')).value, 'héllo');
  const { publicKey, privateKey } = await keys.load('ES256');
  assert.equal((await crypto.subtle.exportKey('jwk', publicKey)).x, 'tay4pIJUyNFadMSa7IIXuw7EUK1yIgbvXnQ7F01ayg0');
  assert.equal(privateKey.extractable, false);
});

for (const alg of ['ES256', 'ES384', 'ES512', 'RS256', 'RS512', 'PS384', 'Ed25519']) {
  test(`B10 sealed: a key for ${alg} is there for another process, and cannot be read any more`, async () => {
    const names = { ES: 'ECDSA', RS: 'RSASSA-PKCS1-v1_5', PS: 'RSA-PSS', Ed: 'Ed25519' };
    const bits = alg.slice(2);
    const algorithm = {
      name: names[alg.slice(0, 2)],
      namedCurve: `P-${bits === '512' ? 521 : bits}`,
      hash: `SHA-${bits}`,
      modulusLength: 2048,
      publicExponent: new Uint8Array([1, 0, 1]),
      saltLength: 32,
    };
    const pair = await crypto.subtle.generateKey(algorithm.name === 'Ed25519' ? algorithm.name : algorithm, true, ['sign', 'verify']);
    const [kept, ring] = [oauth.memoryStore(), newSealKey()];
    const [one, two] = [(await sealed(kept, ring)).keys, (await sealed(kept, ring)).keys];
    assert.equal(await two.load('k'), undefined);
    assert.equal(await one.add('k', pair), pair);
    const found = await two.load('k');
    assert.equal(found.privateKey.extractable, false);
    const data = new TextEncoder().encode('data');
    assert.ok(await crypto.subtle.verify(algorithm, pair.publicKey, await crypto.subtle.sign(algorithm, found.privateKey, data), data));
    assert.ok(await crypto.subtle.verify(algorithm, found.publicKey, await crypto.subtle.sign(algorithm, pair.privateKey, data), data));
    assert.deepEqual(found.publicKey.algorithm, pair.publicKey.algorithm);
    const other = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
    assert.deepEqual((await two.add('k', other)).publicKey.algorithm, pair.publicKey.algorithm, 'the first stays');
    await two.delete('k');
    assert.equal(await one.load('k'), undefined);
    await two.delete('k');
  });
}

test('what fails for good fails at once, and a lease has a least', async () => {
  const client = await connectRedis(await server('redis'));
  const prefix = name();
  await client.hSet(`${prefix}entry:hash`, 'a', 'b');
  await client.set(`${prefix}entry:foreign`, 'text');
  const store = redisStore(client, { prefix });
  await assert.rejects(store.load('hash'), /WRONGTYPE/);
  await assert.rejects(store.load('foreign'), /no entry/);
  await assert.rejects(store.store('hash', '', 'x'), /WRONGTYPE/);
  const pool = connectPostgres(await server('postgres'));
  await assert.rejects(postgresStore(pool, { schema: 'none' }).store('k', '', 'x'), { code: '42P01' });
  assert.throws(() => postgresStore(pool, { schema: 'é'.repeat(32) }), RangeError);
  assert.throws(() => redisLocks(client, { lease: 1 }), RangeError);
});
