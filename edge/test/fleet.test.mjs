// Three servers in Go and three in Node share the sessions of one store. Fifty requests arrive at
// once for a session whose token has expired: there is one refresh, and no request fails, whatever
// happens meanwhile to the processes, the store, the network and the clocks. Refreshes are counted
// at the authorization server.
//
// FLEET=minutes runs more rounds and users. There, a holder that is killed has the lease that is
// recommended for servers with a grace period of 30 s.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { createInterface } from 'node:readline';
import pg from 'pg';
import { createClient } from 'redis';
import { installed, root } from '../../js/test/lib/installed.mjs';
import { authserver, build } from '../../js/test/lib/process.mjs';
import { servers } from '../../js/test/lib/servers.mjs';
import { alice } from '../../js/test/lib/user.mjs';
import { PATIENCE } from '../../js/test/suite/patience.js';

const LONG = process.env.FLEET === 'minutes';
const ROUNDS = LONG ? 10 : 1;
/** The lease of locks whose holder is killed, in ms; other locks have the default, 40 s. */
const LEASE = LONG ? 20_000 : 4_000;
const USERS = LONG ? 48 : 12;
const AT_ONCE = 50;
const CALLBACK = 'http://127.0.0.1/cb';
/** Access tokens are valid for an hour: after this time one has expired. */
const LATER = 3_700_000;

const dist = join(installed(), 'node_modules/oauth2-wasm/dist');
const load = (name) => import(pathToFileURL(join(dist, `${name}.js`)).href);
const { openClient } = await load('node');
const { newSealKey, sealed } = await load('sealed');
const { redisStore } = await load('redis');
const { createPostgresTables, postgresStore } = await load('postgres');

let farm;
before(async () => (farm = await servers()));
after(() => farm?.stop());

/** A proxy in front of the token endpoint: it logs requests and can delay answers. */
const front = async (issuer) => {
  const log = [];
  const own = { log, answering: async () => {} };
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    const form = new URLSearchParams(body);
    const { 'x-process': process, 'x-user': user, 'content-type': type, authorization } = request.headers;
    const answer = await fetch(issuer + request.url, { method: 'POST', body, headers: { 'content-type': type, ...(authorization && { authorization }) } });
    const text = await answer.text();
    if (form.get('grant_type') === 'refresh_token') {
      const entry = { process, user, sent: createHash('sha256').update(form.get('refresh_token')).digest('hex').slice(0, 8), status: answer.status };
      log.push(entry);
      if ((await own.answering(entry)) === 'lost') {
        entry.lost = true;
        return request.socket.destroy();
      }
    }
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') });
    response.end(text);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(own, { url: `http://127.0.0.1:${server.address().port}`, stop: () => (server.closeAllConnections(), server.close()) });
};

/** One of the servers. */
class Member {
  static async start(kind, settings) {
    const [file, args] = kind === 'go' ? [build('fleet', './edge/test/fleet'), []] : [process.execPath, [join(root, 'edge/test/fleet/server.mjs')]];
    const member = new Member();
    member.name = settings.process;
    member.child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, FLEET: JSON.stringify(settings) }, cwd: root });
    member.ended = new Promise((resolve) => member.child.once('exit', resolve));
    member.url = await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('not ready in time')), PATIENCE);
      member.child.once('exit', (code) => reject(new Error(`${settings.process} ended with ${code}`)));
      createInterface({ input: member.child.stdout }).on('line', (line) => {
        const [, url] = /^ready: (\S+)/.exec(line) ?? [];
        if (!url) return;
        clearTimeout(timer);
        resolve(url);
      });
    });
    return member;
  }

  /**
   * @returns {Promise<{status: number, text: string, ms: number}>} the status is 0 if the process
   * died during the request
   */
  async ask(what) {
    const began = performance.now();
    try {
      const response = await fetch(this.url + what, { signal: AbortSignal.timeout(PATIENCE) });
      return { status: response.status, text: await response.text(), ms: performance.now() - began };
    } catch (error) {
      if (this.child.signalCode === null && !this.killed) throw error;
      return { status: 0, text: 'dead', ms: performance.now() - began };
    }
  }

  async kill() {
    this.killed = true;
    this.child.kill('SIGKILL');
    await this.ended;
  }
}

const engines = {
  redis: async (server, place) => {
    const client = createClient({ url: `redis://${server.addr}` });
    client.on('error', () => {});
    await client.connect();
    return { store: redisStore(client, { prefix: place }), close: () => client.destroy() };
  },
  postgres: async ({ host, port }, place) => {
    const pool = new pg.Pool({ host, port, user: 'postgres', database: 'postgres', max: 2 });
    pool.on('error', () => {});
    await pool.query(`CREATE SCHEMA "${place}"`);
    await createPostgresTables(pool, { schema: place });
    return { store: postgresStore(pool, { schema: place }), close: () => pool.end() };
  },
};

/**
 * Six servers on one store, behind a network that can lose answers, and an authorization server.
 */
class Fleet {
  epoch = 0;
  members = [];

  static async start(engine, grace, lease) {
    const fleet = new Fleet();
    fleet.lease = lease;
    fleet.engine = engine;
    fleet.as = await authserver('-grace', grace, CALLBACK);
    fleet.front = await front(fleet.as.issuer);
    fleet.server = await farm.start(engine);
    fleet.network = await farm.start('proxy', fleet.server);
    fleet.place = `p${randomBytes(6).toString('hex')}`;
    fleet.seals = newSealKey();
    const own = await engines[engine](fleet.server, fleet.place);
    fleet.kept = await sealed(own.store, fleet.seals);
    fleet.close = own.close;
    fleet.config = { ...fleet.as.config, token_endpoint: `${fleet.front.url}/token` };
    for (const kind of ['go', 'node', 'go', 'node', 'go', 'node']) fleet.members.push(await fleet.member(kind));
    return fleet;
  }

  #made = 0;
  async member(kind) {
    const member = await Member.start(kind, {
      process: `${kind} ${++this.#made}`,
      store: this.engine,
      addr: this.network.addr,
      place: this.place,
      seals: this.seals,
      lease: this.lease,
      api: `${this.as.issuer}/api`,
      config: this.config,
      dist,
    });
    member.kind = kind;
    return member;
  }

  async stop() {
    await Promise.all(this.members.map((member) => member.kill()));
    this.front.stop();
    await this.as.stop();
    await this.close();
  }

  /** Stores the session of a user, and makes every server load it. */
  async signIn(user) {
    const client = await openClient({ ...this.config, name: user }, this.kept);
    const { url } = await client.authorize();
    const { url: back } = await alice()(url);
    await client.callback({ url: back.href });
    client.close();
    for (const member of this.members) assert.equal((await member.ask(`/get?user=${user}`)).status, 200);
  }

  /** Makes the token of every session expire. Clocks differ by up to that many ms. */
  async later(apart = 0) {
    this.epoch += LATER;
    await Promise.all(this.members.map((member, i) => member.ask(`/clock?ahead=${this.epoch + (apart * i) / (this.members.length - 1)}`)));
    this.front.log.length = 0;
  }

  /** Fifty requests at once. If a server is killed, its requests go to another. */
  async rush(user) {
    const answers = await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => this.members[i % this.members.length].ask(`/get?user=${user}`)));
    const alive = this.members.filter(({ killed }) => !killed);
    const again = await Promise.all(answers.filter(({ status }) => status === 0).map((_, i) => alive[i % alive.length].ask(`/get?user=${user}`)));
    return [...answers.filter(({ status }) => status !== 0), ...again];
  }
}

const at = (sorted, part) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]);
const none = async () => {};

/**
 * Events while fifty requests wait for one refresh. `answering` runs when the server has rotated
 * the token but not yet sent its answer.
 */
const scenarios = {
  'nothing happens': {},
  'clocks are 5 s apart': { apart: 5000 },
  'the store is killed and starts again': {
    answering: async (fleet) => {
      await fleet.server.kill();
      void sleep(500).then(() => fleet.server.start());
    },
  },
  'the network to the store loses answers': {
    before: (fleet) => fleet.network.lose(8),
    after: async (fleet) => {
      await fleet.network.lose(0);
      assert.ok((await fleet.network.lost()) > 0, 'no answer was lost, so this shows nothing');
    },
  },
};

const killed = {
  'an answer of the authorization server is lost': { refreshes: 2, answering: async () => 'lost' },
  'the holder is killed': {
    refreshes: 2, // the second with the same token, which the server accepts once more
    answering: async (fleet, { process: name }) => {
      await fleet.members.find((member) => member.name === name).kill();
      return 'lost';
    },
    after: async (fleet) => {
      for (const [i, { killed, kind }] of fleet.members.entries()) if (killed) fleet.members[i] = await fleet.member(kind);
    },
  },
};

/** Runs scenarios, one after the other, and reports how long requests took. */
const run = async (fleet, t, all) => {
  for (const [name, { refreshes = 1, apart = 0, answering = none, before = none, after = none }] of Object.entries(all)) {
    await t.test(`B11 ${fleet.engine}: ${name}`, async (t) => {
      const took = [];
      for (let round = 0; round < ROUNDS; round++) {
        await fleet.later(apart);
        let first = true;
        fleet.front.answering = async (entry) => {
          if (!first) return undefined;
          first = false;
          return answering(fleet, entry);
        };
        await before(fleet);
        const answers = await fleet.rush('user');
        await after(fleet);
        assert.equal(answers.length, AT_ONCE);
        assert.deepEqual(
          answers.filter(({ status }) => status !== 200),
          [],
        );
        assert.deepEqual(
          fleet.front.log.map(({ status }) => status),
          Array(refreshes).fill(200),
          JSON.stringify(fleet.front.log),
        );
        assert.equal(new Set(fleet.front.log.map(({ sent }) => sent)).size, 1, 'the same token again, or none');
        took.push(...answers.map(({ ms }) => ms));
      }
      took.sort((a, b) => a - b);
      t.diagnostic(
        `${fleet.engine}, ${name}: ${ROUNDS} × ${AT_ONCE} requests, ${refreshes} refresh(es) each time, 0 failures, p50 ${at(took, 0.5)} ms, p99 ${at(took, 0.99)} ms`,
      );
    });
  }
};

for (const engine of Object.keys(engines)) {
  test(`B11 ${engine}, a server without a grace: fifty requests on one session, three servers in Go and three in Node`, async (t) => {
    const fleet = await Fleet.start(engine, '0s');
    try {
      await fleet.signIn('user');
      await run(fleet, t, scenarios);
      await t.test(`B12 ${engine}: who is signed out by one server is so for all, and nothing brings the session back`, async () => {
        fleet.front.answering = none;
        assert.equal((await fleet.members[0].ask('/out?user=user')).status, 200);
        await fleet.later();
        assert.deepEqual(new Set((await fleet.rush('user')).map(({ status }) => status)), new Set([401]));
        assert.deepEqual(fleet.front.log, []);
      });
    } finally {
      await fleet.stop();
    }
  });

  test(`B11 ${engine}, a server with a grace of 30 s: the same, and the holder is killed`, async (t) => {
    const fleet = await Fleet.start(engine, '30s', LEASE);
    try {
      await fleet.signIn('user');
      await run(fleet, t, killed);
    } finally {
      await fleet.stop();
    }
  });

  test(`B12 ${engine}, a server without a grace: of many sessions those are lost whose answer was under way when its receiver died, and no other`, async (t) => {
    const fleet = await Fleet.start(engine, '0s', LEASE);
    try {
      const users = Array.from({ length: USERS }, (_, i) => `user${i}`);
      for (const user of users) await fleet.signIn(user);
      await fleet.later();
      let doomed;
      fleet.front.answering = async ({ process: name }) => {
        doomed ??= fleet.members.find((member) => member.name === name);
        if (doomed.name !== name) return undefined;
        await sleep(50); // so that other requests of it are under way, too
        await doomed.kill();
        return 'lost';
      };
      const rush = () =>
        Promise.all(
          users.flatMap((user) =>
            fleet.members.map((member) => (member.killed ? { user, status: 0 } : member.ask(`/get?user=${user}`).then((answer) => ({ user, ...answer })))),
          ),
        );
      await rush();
      const lost = new Set(fleet.front.log.filter(({ lost }) => lost).map(({ user }) => user));
      const gone = new Set((await rush()).filter(({ status }) => status !== 0 && status !== 200).map(({ user }) => user));
      t.diagnostic(`${engine}: of ${USERS} sessions ${gone.size} are lost, with ${lost.size} answers`);
      assert.ok(lost.size > 0);
      assert.deepEqual([...gone].sort(), [...lost].sort());
    } finally {
      await fleet.stop();
    }
  });
}
