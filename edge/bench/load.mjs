// make load: requests of many sessions through the backend, on each host, under faults. It prints a
// table: failed requests by kind, lost sessions, times, and the host's memory.
//
//   --root DIR         another checkout, whose hosts are loaded (this one's authorization server serves both)
//   --hosts A;B        by name; default: workerd; net/http, memory; net/http, SQLite
//   --situations A;B   by name; default: all
//   --requests, --concurrency, --sessions   default: 2000, 50, 100
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { between, random } from './load/faults.mjs';
import { hostsOf, upstream } from './load/hosts.mjs';

const { values } = parseArgs({
  options: {
    root: { type: 'string', default: fileURLToPath(new URL('../../', import.meta.url)) },
    hosts: { type: 'string', default: 'workerd;net/http, memory;net/http, SQLite' },
    situations: { type: 'string' },
    requests: { type: 'string', default: '2000' },
    concurrency: { type: 'string', default: '50' },
    sessions: { type: 'string', default: '100' },
  },
});
const root = resolve(values.root);
const [requests, concurrency, sessions] = [values.requests, values.concurrency, values.sessions].map(Number);
const { freePort } = await import(pathToFileURL(join(root, 'edge/dev/workerd.mjs')).href);
const { Visitor } = await import(pathToFileURL(join(root, 'edge/test/lib/visitor.mjs')).href);

/**
 * A request that takes longer has failed. If a situation takes longer, the rest of its requests
 * have failed.
 */
const PATIENCE_MS = 120_000;
const BOUND_MS = 400_000;
/**
 * How long an access token is valid, and a used refresh token, if the server has a grace period.
 */
const ACCESS_TOKEN = '2s';
const GRACE = '30s';
/** How long a token answer takes, so that some are on their way when a process is killed. */
const USUAL_MS = [20, 60];

/** The request before which an event happens, as a share of all requests. */
const at = (share, act) => ({ at: Math.floor(share * requests), act });
const kill = ({ kill }) => kill();
const drops = { before: 0.3, after: 0.1 };
const situations = {
  plain: {},
  'refreshes take 1 to 3 s': { token: { ms: [1000, 3000] } },
  'killed three times, grace': { grace: true, lasting: true, events: [at(0.25, kill), at(0.5, kill), at(0.75, kill)] },
  'killed three times, no grace': { lasting: true, events: [at(0.25, kill), at(0.5, kill), at(0.75, kill)] },
  '30 % dropped before, 10 % lost after, grace': { grace: true, token: drops, api: drops },
  '30 % dropped before, 10 % lost after, no grace': { token: drops, api: drops },
  'token endpoint down for half of it': { events: [at(0.25, ({ token }) => token.down()), at(0.75, ({ token }) => token.up())] },
};

const memory = (pid, name) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;

/** Cleanup functions, run in reverse order. */
const closing = [];
const end = async () => {
  for (let close; (close = closing.pop()); ) await close();
};
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => void end().then(() => process.exit(1)));

/** One situation on one host. */
const measure = async (host, { grace, token: ofToken, api: ofAPI, events = [] }) => {
  const work = join(root, 'build/load');
  mkdirSync(work, { recursive: true });
  const folder = mkdtempSync(join(work, 'run-'));
  const port = await freePort();
  const url = `http://localhost:${port}`;
  const secret = randomBytes(32).toString('base64url');
  closing.push(() => rmSync(folder, { recursive: true, force: true }));
  try {
    const flags = ['-base', `${url}/auth`, '-home', `${url}/`, '-access-token', ACCESS_TOKEN, ...(grace ? ['-grace', GRACE] : [])];
    const server = await upstream(root, flags, secret);
    closing.push(server.stop);
    const issuer = server.match[1];
    const metadata = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
    const token = await between(metadata.token_endpoint, 1);
    const api = await between(`${issuer}/api/notes`, 2);
    closing.push(token.stop, api.stop);
    token.faults.ms = USUAL_MS;
    const { authorization_endpoint, jwks_uri } = metadata;
    const client = { issuer, client_id: 'edge', scope: 'openid profile email notes.read', authorization_endpoint, jwks_uri, token_endpoint: token.url };
    const config = { base: `${url}/auth`, client, proxy: [{ path: '/api', target: api.url }] };
    const secrets = { SEAL_KEYS: `load:${randomBytes(32).toString('base64url')}`, CLIENT_SECRET: secret };
    const begin = await host({ folder, port, config, secrets });
    let running = await begin();
    closing.push(() => running.stop());

    const visitors = Array.from({ length: sessions }, () => new Visitor(url));
    // One after the other, because all sessions belong to one user and are in one list.
    for (const visitor of visitors) await visitor.signIn();

    Object.assign(token.faults, ofToken);
    Object.assign(api.faults, ofAPI);
    const choose = random(3);
    const times = [];
    const failures = new Map();
    const began = performance.now();
    let sent = 0;
    /** During an event no request begins; requests under way experience it. */
    let calm = Promise.resolve();
    const ask = async (visitor) => {
      const clock = new Promise((_, reject) => setTimeout(() => reject(new Error('slow')), PATIENCE_MS).unref());
      const { status } = await Promise.race([visitor.call('/api'), clock]);
      return status;
    };
    const why = (error) => (error.message === 'slow' ? 'slow' : 'broken off');
    const one = async () => {
      while (sent < requests) {
        const number = sent++;
        for (const event of events)
          if (event.at === number) {
            calm = event.act({
              token,
              kill: async () => {
                await running.kill();
                running = await begin();
              },
            });
          }
        await calm;
        const start = performance.now();
        const late = start - began > BOUND_MS;
        const result = late ? 'given up' : await ask(visitors[Math.floor(choose() * sessions)]).catch(why);
        if (result === 200) times.push(performance.now() - start);
        else failures.set(result, (failures.get(result) ?? 0) + 1);
      }
    };
    await Promise.all(Array.from({ length: concurrency }, one));
    const seconds = (performance.now() - began) / 1000;
    const [most, now] = ['VmHWM', 'VmRSS'].map((name) => memory(running.pid, name));

    // Checks who is still signed in after the faults: a few at a time, and again if a token expired
    // before it arrived.
    Object.assign(token.faults, { before: 0, after: 0, ms: USUAL_MS });
    Object.assign(api.faults, { before: 0, after: 0 });
    const goesOn = async (visitor) => {
      for (let tries = 0; tries < 10; tries++) {
        if ((await ask(visitor).catch(why)) === 200) return true;
        await new Promise((again) => setTimeout(again, 100));
      }
      return false;
    };
    let lost = 0;
    const rest = [...visitors];
    await Promise.all(
      Array.from({ length: 4 }, async () => {
        for (let visitor; (visitor = rest.pop()); ) if (!(await goesOn(visitor))) lost++;
      }),
    );
    times.sort((a, b) => a - b);
    const quantile = (q) => Math.round(times[Math.min(times.length - 1, Math.floor(q * times.length))] ?? NaN);
    const failed = [...failures.values()].reduce((sum, n) => sum + n, 0);
    const kinds = [...failures]
      .sort(([, a], [, b]) => b - a)
      .map(([kind, n]) => `${kind}: ${n}`)
      .join(', ');
    return [failed, kinds, lost, quantile(0.5), quantile(0.99), quantile(1), Math.round(now), Math.round(most), seconds.toFixed(1)];
  } finally {
    await end();
  }
};

const hosts = await hostsOf(root);
const chosen = (list, all) => (list === undefined ? Object.keys(all) : list.split(';').map((name) => name.trim()));
console.log(
  `${requests} requests at concurrency ${concurrency} over ${sessions} sessions, access tokens of ${ACCESS_TOKEN}; a token answer takes ${USUAL_MS.join(' to ')} ms\n`,
);
console.log('| host | situation | failed | as | sessions lost | p50 ms | p99 ms | most ms | RSS MB | at most | s |');
console.log('| --- | --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |');
for (const name of chosen(values.hosts, hosts)) {
  for (const situation of chosen(values.situations, situations)) {
    // A store in memory does not survive a kill, as expected.
    if (name.endsWith('memory') && situations[situation].lasting) continue;
    const row = await measure(hosts[name], situations[situation]).catch((error) => [`did not run: ${error.message.split('\n')[0]}`]);
    console.log(`| ${[name, situation, ...row].join(' | ')} |`);
  }
}
process.exit(0);
