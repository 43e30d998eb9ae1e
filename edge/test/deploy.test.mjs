// The pages of web/docs/deploy, and the files of edge/examples that they show: each server with a
// store of its own, stopped by SIGTERM; behind nginx; on PostgreSQL through PgBouncer, on a Redis
// Cluster and as a Redis user with few rights; keys, metrics, unit and backup.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { WebSocket } from 'ws';
import { servers } from '../../js/test/lib/servers.mjs';
import { PATIENCE } from '../../js/test/suite/patience.js';
import { blocks } from '../../web/docs/markdown.mjs';
import { freePort, root } from '../dev/workerd.mjs';
import { example } from './lib/examples.mjs';
import { redis } from './lib/javascript.mjs';
import { soon } from './lib/soon.mjs';
import { dial, send } from './lib/visitor.mjs';
import { world } from './lib/world.mjs';

const examples = join(root, 'edge/examples');
const pages = join(root, 'web/docs/deploy');
const page = (name) => readFileSync(join(pages, name), 'utf8');
/** The commands of a page that have this text. */
const commands = (name, mark) => {
  const found = blocks(page(name)).filter(({ text }) => text.includes(mark));
  assert.equal(found.length, 1, `${name}: ${mark}`);
  return found[0].text;
};

const inside = async (host, options, work) => {
  const w = await world(host, options);
  try {
    await work(w);
  } finally {
    await w.host.kill();
    await w.stop();
  }
};
const signedIn = async (w, expiresIn) => {
  const visitor = w.visitor();
  w.gate.expiresIn = expiresIn;
  await visitor.signIn();
  w.gate.expiresIn = undefined;
  if (expiresIn) await sleep(1000 * expiresIn);
  return visitor;
};
const held = (w) =>
  new Promise((arrived) => {
    w.gate.before = (form) => {
      if (form.get('grant_type') !== 'refresh_token') return undefined;
      w.gate.before = undefined;
      return new Promise(arrived);
    };
  });

test('B95 the code of the pages is that of files, which are run here', () => {
  const shown = new Set();
  for (const name of readdirSync(pages)) {
    for (const { language, text, line } of blocks(page(name))) {
      if (!['js', 'go', 'nginx', 'ini'].includes(language)) continue;
      const file = ['backend.mjs', 'stop.mjs', 'node.mjs', 'express.mjs', 'hono.mjs', 'deno.mjs', 'bun.mjs', 'migrate.mjs', 'otel.mjs']
        .concat('backend.service', 'nginx.conf', 'nethttp/main.go')
        .concat(['opened.mjs', 'instrumentation.js', 'next.config.mjs', 'app/[[...path]]/route.js', 'app/live/route.js'].map((file) => `../dev/next/${file}`))
        .find((file) => readFileSync(join(examples, file), 'utf8').replace('//go:build !js\n\n', '') === text);
      assert.ok(file, `web/docs/deploy/${name}:${line} is no file of edge/examples or edge/dev/next`);
      shown.add(file);
    }
  }
  assert.equal(shown.size, 17, [...shown].join(' '));
});

for (const kind of ['node', 'express', 'hono', 'deno', 'bun', 'next', 'nethttp']) {
  test(`B95 ${kind === 'next' ? 'B96 ' : ''}edge/examples: ${kind} serves, is asked by probes, and ends in order`, () =>
    inside(example(kind), { stopMs: PATIENCE }, async (w) => {
      assert.equal((await send(w.url, '/live', { headers: { host: '10.0.0.5' } })).status, 204);
      assert.equal((await send(w.url, '/auth/ready', { headers: { host: '10.0.0.5' } })).text, '{"ready":true}');
      const visitor = await signedIn(w, 1);
      const arrived = held(w);
      const waiting = visitor.copy().call('/api/hello');
      const go = await soon(arrived, 'the refresh');
      process.kill(w.host.pid, 'SIGTERM');
      go();
      assert.equal((await waiting).status, 200);
      assert.equal(await soon(w.host.gone, 'the end of the process'), 0, w.host.said);
      await w.host.restart();
      assert.equal((await visitor.call('/api/hello')).status, 200);
      assert.equal(w.gate.count('refresh_token'), 1);
      for (const secret of w.secrets()) assert.ok(!w.host.said.includes(secret));
    }));
}

test('B96 next: a wrong configuration ends the process when it starts', () =>
  inside(example('next'), { config: { no_such_member: 1 } }, async (w) => {
    assert.equal(await soon(w.host.gone, 'the end of the process'), 1);
    assert.match(w.host.said, /no_such_member/);
  }));

test('B95 the steps of the page for the key ring: nobody is signed out before the last', () =>
  inside(example('node'), {}, async (w) => {
    const folder = mkdtempSync(join(tmpdir(), 'ring-'));
    try {
      const file = join(folder, 'seal-keys');
      const steps = commands('index.md', 'ring.sh add').trim().split('\n');
      const run = (line) =>
        execFileSync('sh', ['-ec', line.replaceAll('ring.sh', join(examples, 'ring.sh')).replaceAll('seal-keys', file)], { encoding: 'utf8', stdio: 'pipe' });
      const keys = () => readFileSync(file, 'utf8').trim();
      const first = commands('index.md', 'ring.sh new').trim();
      run(first);
      assert.equal(statSync(file).mode & 0o777, 0o600);
      assert.throws(() => run(first), 'it is never overwritten');
      const from = () => w.host.restart({ secrets: { ...w.given.secrets, SEAL_KEYS: keys() } });
      Object.assign(w.given.secrets, { SEAL_KEYS: keys() });
      rmSync(join(w.folder, 'secrets/SEAL_KEYS'));
      writeFileSync(join(w.folder, 'secrets/SEAL_KEYS'), keys());
      await w.host.restart();
      const visitor = await signedIn(w);
      assert.equal(steps.length, 3);
      for (const [i, expected] of [/^k1:[\w-]{43},k2:[\w-]{43}$/, /^k2:[\w-]{43},k1:[\w-]{43}$/, /^k2:[\w-]{43}$/].entries()) {
        run(steps[i]);
        assert.match(keys(), expected);
        writeFileSync(join(w.folder, 'secrets/SEAL_KEYS'), keys());
        w.given.secrets.SEAL_KEYS = keys();
        await from();
        assert.equal((await visitor.session()).status, i < 2 ? 200 : 401);
      }
      assert.throws(() => run('sh ring.sh add seal-keys k2'), /already/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }));

test('B95 as the Redis user of the page, who has few rights', async () => {
  const limited = async (folder) => {
    const stored = await redis(folder);
    const [, ...acl] = commands('stores.md', 'ACL SETUSER').replaceAll("'", '').trim().split(/\s+/);
    await stored.ask(...acl.map((word) => word.replace('PASSWORD', 'another')));
    await stored.ask('ACL', 'SETUSER', 'backend', '>a-password');
    await stored.ask('ACL', 'SETUSER', 'backend', '<another');
    const info = commands('stores.md', 'evicted_keys').replace('redis-cli', `redis-cli -u ${stored.url}`);
    const lines = execFileSync('sh', ['-ec', info], { encoding: 'utf8' }).split(/\s+/);
    for (const line of ['evicted_keys:0', 'aof_enabled:1', 'aof_last_write_status:ok', 'maxmemory_policy:noeviction']) assert.ok(lines.includes(line), line);
    return { ...stored, url: stored.url.replace('//', '//backend:a-password@') };
  };
  for (const kind of ['node', 'nethttp'])
    await inside(example(kind, limited), {}, async (w) => {
      assert.equal((await send(w.url, '/auth/ready')).status, 200);
      const visitor = await signedIn(w, 1);
      assert.equal((await visitor.call('/api/hello')).status, 200);
      assert.equal((await visitor.call('/auth/logout', { method: 'POST', headers: { 'content-length': 0 } })).status, 200);
    });
});

let farm;
before(async () => (farm = await servers()));
after(() => farm?.stop());

test('B95 on a Redis Cluster', async () => {
  const cluster = await farm.start('cluster');
  const store = async () => ({ url: cluster.addrs.map((addr) => `redis://${addr}`).join(','), stop: async () => {} });
  await inside(example('node', store), {}, async (w) => {
    assert.equal((await send(w.url, '/auth/ready')).status, 200);
    const visitor = await signedIn(w, 1);
    assert.equal((await visitor.call('/api/hello')).status, 200);
  });
});

test('B95 on PostgreSQL through PgBouncer: tables, a role with few rights, what to alert on, and a backup without sessions', async () => {
  const database = await farm.start('postgres');
  const bouncer = await farm.start('pgbouncer', database);
  const owner = new pg.Client({ host: database.host, port: database.port, user: 'postgres', database: 'postgres' });
  await owner.connect();
  const url = (at, user) => `postgres://${user}@${at.addr}/postgres`;
  const env = (more) => ({ ...process.env, ...more });
  execFileSync(process.execPath, [join(examples, 'migrate.mjs')], { env: env({ STORE_URL: url(database, 'postgres') }), stdio: 'pipe' });
  execFileSync(process.execPath, [join(examples, 'migrate.mjs')], { env: env({ STORE_URL: url(database, 'postgres') }), stdio: 'pipe' }); // once more
  await owner.query(commands('stores.md', 'CREATE ROLE'));
  const direct = async () => ({ url: url(database, 'backend'), stop: async () => {} });
  const pooled = async () => ({ url: url(bouncer, 'postgres'), stop: async () => {} });
  for (const store of [direct, pooled])
    await inside(example('node', store), {}, async (w) => {
      assert.equal((await send(w.url, '/auth/ready')).status, 200);
      const visitor = await signedIn(w, 1);
      assert.equal((await visitor.call('/api/hello')).status, 200);
    });
  const { rows } = await owner.query(commands('stores.md', 'held_locks'));
  assert.deepEqual(rows, [{ sessions: '2', held_locks: '0' }]);
  await owner.end();
  const dump = commands('stores.md', 'pg_dump').replace('"$DATABASE_URL"', `'${url(database, 'postgres')}'`);
  const bin = readdirSync('/usr/lib/postgresql')
    .map((version) => `/usr/lib/postgresql/${version}/bin`)
    .find((path) => existsSync(join(path, 'pg_dump')));
  const text = execFileSync('sh', ['-ec', dump.replace(/> *\S+/, '')], { encoding: 'utf8', env: env({ PATH: `${bin}:${process.env.PATH}` }) });
  assert.match(text, /CREATE TABLE public\.oauth2_entries/);
  assert.doesNotMatch(text, /COPY public\.oauth2_(entries|locks)/);
});

/** nginx with the file of the page: without TLS, at this port, before these processes. */
const nginx = async (port, backends) => {
  const folder = mkdtempSync(join(tmpdir(), 'nginx-'));
  const conf = readFileSync(join(examples, 'nginx.conf'), 'utf8');
  const main = (text) =>
    `daemon off; pid ${folder}/pid; error_log stderr; events {} http { access_log off; ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((name) => `${name}_temp_path ${folder}/${name};`)
      .join(' ')}\n${text}\n}`;
  const name = join(folder, 'nginx.conf');
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-subj',
      '/CN=app.example.com',
      '-keyout',
      join(folder, 'key'),
      '-out',
      join(folder, 'pem'),
    ],
    { stdio: 'pipe' },
  );
  writeFileSync(name, main(conf.replace('/etc/ssl/app.example.com.pem', join(folder, 'pem')).replace('/etc/ssl/app.example.com.key', join(folder, 'key'))));
  execFileSync('nginx', ['-t', '-c', name], { stdio: 'pipe' }); // as it stands there
  const here = conf
    .replace('listen 443 ssl;', `listen 127.0.0.1:${port};`)
    .replace(/^ *(ssl_certificate|server_name).*\n/gm, '')
    .replace(/127\.0\.0\.1:808(\d)/g, (_, i) => `127.0.0.1:${backends[i]}`);
  writeFileSync(name, main(here));
  const child = spawn('nginx', ['-c', name], { stdio: ['ignore', 'ignore', 'pipe'] });
  child.said = '';
  child.stderr.on('data', (text) => (child.said += text));
  const gone = once(child, 'exit');
  for (let up; !up; await sleep(20))
    up = await dial(`http://localhost:${port}`).then(
      (line) => (line.socket.destroy(), true),
      () => child.exitCode !== null && assert.fail(child.said),
    );
  return {
    async stop() {
      child.kill('SIGTERM');
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

test('B95 behind nginx: headers, sockets, streams and uploads pass, and two processes are replaced while requests come, none of which fails', async () => {
  let own;
  let twin;
  let front;
  // The world's port is nginx's.
  const host = example('node', redis, { STOP_DELAY_MS: '300' });
  const behind = {
    name: 'behind-nginx',
    async start({ port, ...options }) {
      own = await host.start({ ...options, port: await freePort(), stopMs: PATIENCE });
      Object.assign(own, { front: port });
      return own;
    },
  };
  const w = await world(behind, {});
  try {
    twin = await own.another();
    front = await nginx(own.front, [own.port, twin.port]);
    assert.equal((await send(w.url, '/auth/ready')).status, 404, 'nobody else asks');
    const visitor = await signedIn(w, 1);
    assert.equal((await visitor.call('/api/hello')).status, 200);
    const events = await dial(w.url);
    events.socket.write(visitor.head('GET', '/api/ticks', 'accept: text/event-stream', 'connection: close'));
    while (!events.said.includes('id: 1\n')) await soon(once(events.socket, 'data'), 'an event');
    const { protocols } = (await visitor.call('/auth/ticket?path=/api/live', { method: 'POST', headers: { 'content-length': 0 } })).json;
    const cookie = [...visitor.jar()].map((pair) => pair.join('=')).join('; ');
    const socket = new WebSocket(`ws://127.0.0.1:${own.front}/api/live`, protocols, { headers: { cookie, host: new URL(w.url).host, origin: w.url } });
    await soon(once(socket, 'open'), 'the socket');
    socket.send('hello');
    assert.equal(String((await soon(once(socket, 'message'), 'an answer'))[0]), 'hello');
    const large = Buffer.alloc(3 << 20, 'x');
    assert.equal(
      (await visitor.call('/api/large-body', { method: 'POST', headers: { 'content-length': large.length }, body: large })).text,
      `POST ${large.length}`,
    );

    // A new version comes: one process after the other, with SIGTERM.
    let over = false;
    const statuses = [];
    const busy = Array.from({ length: 4 }, async () => {
      while (!over) statuses.push((await visitor.copy().call('/api/hello')).status);
    });
    const more = async () => {
      const before = statuses.length;
      while (statuses.length < before + 20) await sleep(10);
    };
    process.kill(twin.pid, 'SIGTERM');
    assert.equal(await soon(twin.gone, 'the end of one'), 0);
    await more();
    twin = await own.another(twin.port);
    await more();
    process.kill(own.pid, 'SIGTERM');
    assert.equal(await soon(own.gone, 'the end of the other'), 0);
    await more();
    over = true;
    await Promise.all(busy);
    assert.deepEqual([...new Set(statuses)], [200]);
    await soon(events.over, 'the end of the stream');
    socket.terminate();
  } finally {
    await front?.stop();
    await twin?.stop();
    await w.stop();
  }
});

test('B95 the unit of systemd is one', () => {
  const folder = mkdtempSync(join(tmpdir(), 'unit-'));
  try {
    const unit = readFileSync(join(examples, 'backend.service'), 'utf8').replace('/usr/bin/node', process.execPath);
    writeFileSync(join(folder, 'backend.service'), unit);
    const verify = () => execFileSync('systemd-analyze', ['verify', '--man=no', join(folder, 'backend.service')], { encoding: 'utf8', stdio: 'pipe' });
    verify();
    writeFileSync(join(folder, 'backend.service'), unit.replace('TimeoutStopSec', 'TimeoutStopSecs').replace(process.execPath, '/nowhere/node'));
    assert.throws(verify);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

for (const kind of ['node', 'next'])
  test(`B94 B95 metrics: ${kind}: the names of the page are those that come out, without anything secret`, () =>
    inside(example(kind, redis, { TELEMETRY: '1', METRICS_MS: '200', NODE_OPTIONS: `--import=${join(examples, 'otel.mjs')}` }), {}, async (w) => {
      const visitor = await signedIn(w, 1);
      assert.equal((await visitor.call('/api/hello')).status, 200);
      w.gate.before = () => false;
      await sleep(1000);
      const lost = await signedIn(w).catch(() => undefined);
      assert.equal(lost, undefined);
      w.gate.open();
      const named = [...page('index.md').matchAll(/^\| `((?:oauth2|http)\.[\w.]+)`/gm)].map(([, name]) => name);
      assert.deepEqual([...new Set(named)].sort(), ['http.client.request.duration', 'oauth2.effect.duration', 'oauth2.request.retries']);
      const kinds = ['load', 'store', 'lock', 'http', 'respond', 'proxy'];
      const there = () => [
        'http.client.request.duration',
        'oauth2.effect.duration',
        ...kinds.map((kind) => `'oauth2.effect': '${kind}'`),
        "'error.type': 'network'",
      ];
      for (const what of there()) while (!w.host.said.includes(what)) await soon(sleep(50), what);
      for (const secret of w.secrets()) assert.ok(!w.host.said.includes(secret));
    }));

test('B95 the client key of the page is one', () => {
  const folder = mkdtempSync(join(tmpdir(), 'key-'));
  try {
    execFileSync('sh', ['-ec', commands('index.md', 'client-key')], {
      cwd: folder,
      env: { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}` },
    });
    const jwk = JSON.parse(readFileSync(join(folder, 'client-key'), 'utf8'));
    assert.equal(statSync(join(folder, 'client-key')).mode & 0o777, 0o600);
    assert.equal(createPrivateKey({ key: jwk, format: 'jwk' }).asymmetricKeyDetails.namedCurve, 'prime256v1');
    assert.deepEqual([jwk.alg, jwk.kid], ['ES256', 'key-1']);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
