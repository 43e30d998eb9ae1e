// Servers in separate processes: what a request costs them, and how long small concurrent requests
// wait.
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, run } from '../../dev/workerd.mjs';
import { message, raw } from '../lib/raw.mjs';
import { work, world } from '../lib/world.mjs';
import { doubled } from './growth.mjs';
import { cookies, forms, headers, json, paths } from './shapes.mjs';

/** The CPU time of a process, in ms over all its threads, without other processes. */
const cpu = (pid) =>
  readdirSync(`/proc/${pid}/task`).reduce((sum, task) => {
    try {
      return sum + Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
    } catch {
      return sum; // the thread has ended
    }
  }, 0);

const field = (pid, name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024;

/** How much a process's memory grows at most, in bytes, during an action. */
const grown = async (pid, act) => {
  writeFileSync(`/proc/${pid}/clear_refs`, '5'); // resets the peak to the current value
  const before = field(pid, 'VmHWM');
  await act();
  return field(pid, 'VmHWM') - before;
};

/** What a run costs the process, and the longest wait of a concurrent small request. */
const costs = async (pid, bystander, act) => {
  await bystander(); // not measured: the first connection to a new server
  let going = true;
  let [worst, time] = [0, 0];
  const waiting = (async () => {
    while (going) {
      const began = performance.now();
      await bystander();
      worst = Math.max(worst, performance.now() - began);
    }
  })();
  const memory = await grown(pid, async () => {
    const began = cpu(pid);
    await act();
    time = cpu(pid) - began;
  });
  going = false;
  await waiting;
  return { time, wait: worst, memory };
};

const form = ['content-type', 'application/x-www-form-urlencoded'];
const encode = (text) => Buffer.from(text).toString('base64url');
const jwt = (claims, header = '{"alg":"ES256","kid":"1"}') => `${encode(header)}.${encode(claims)}.Z29vZA`;

/** An API whose answers have the headers that its URL asks for. */
const resource = () =>
  new Promise((resolve) => {
    const server = createServer({ maxHeaderSize: 1 << 20 }, (incoming, outgoing) => {
      const { searchParams } = new URL(incoming.url, 'http://api');
      const of = headers[searchParams.get('of')];
      outgoing.writeHead(searchParams.get('of')?.includes('challenge') ? 401 : 200, (of ? of(Number(searchParams.get('n'))) : []).flat());
      outgoing.end('x');
    });
    server.listen(0, '127.0.0.1', () =>
      resolve({ url: `http://127.0.0.1:${server.address().port}`, stop: () => (server.closeAllConnections(), server.close()) }),
    );
  });

/** A backend with its servers and a signed-in user. */
export const backend = async (host) => {
  const api = await resource();
  const secret = randomBytes(32).toString('base64url');
  const callers = [
    { client_id: 'svc', secret_sha256: createHash('sha256').update(secret).digest('base64url'), grant_types: ['client_credentials'], scope: 'notes.read' },
  ];
  const w = await world(host, { config: { proxy: [{ path: '/api', target: api.url }], callers } });
  const visitor = w.visitor();
  await visitor.signIn();
  const cookie = [...visitor.jar()].map((pair) => pair.join('=')).join('; ');
  const { host: authority, port } = new URL(w.url);
  const send = (...request) => raw(Number(port), message(authority, ...request));
  const page = [
    ['x-csrf', '1'],
    ['origin', w.url],
    ['accept', '*/*'],
  ];
  const signedIn = [...page, ['cookie', cookie]];
  return {
    pid: () => w.host.pid,
    bystander: () => send('GET', '/auth/session', signedIn),
    get: (target, more, own = signedIn) => send('GET', target, [...own, ...more]),
    post: (path, body) => send('POST', `/auth/${path}`, [form], body),
    page,
    async stop() {
      await w.stop();
      api.stop();
    },
  };
};

const escaped = (bytes) => Math.floor(bytes * 0.7); // base64 makes it longer

/** Requests of a stranger, or of a signed-in user, to a backend: by name, with that many bytes. */
const requests = {
  ...Object.fromEntries(Object.entries(headers).map(([name, of]) => [`a request with ${name}`, (b, n) => b.get('/api/x', of(n))])),
  ...Object.fromEntries(Object.keys(headers).map((name) => [`an answer with ${name}`, (b, n) => b.get(`/api/x?of=${encodeURIComponent(name)}&n=${n}`, [])])),
  ...Object.fromEntries(Object.entries(cookies).map(([name, of]) => [`a sign-in with ${name}`, (b, n) => b.get('/auth/login', [['cookie', of(n)]], [])])),
  ...Object.fromEntries(Object.entries(paths).map(([name, of]) => [`a request for ${name}`, (b, n) => b.get(`/api${of(n)}`, [])])),
  ...Object.fromEntries(
    Object.entries(forms).flatMap(([name, of]) => [
      [`a query of ${name}`, (b, n) => b.get(`/auth/session?${of(n)}`, [])],
      [`a sign-in with ${name}`, (b, n) => b.get(`/auth/login?${of(n)}`, [], [])],
      ...['exchange', 'callback', 'backchannel_logout'].map((path) => [`${path} of ${name}`, (b, n) => b.post(path, of(n))]),
    ]),
  ),
  ...Object.fromEntries(
    Object.entries(json).map(([name, of]) => [
      `a logout token of ${name}`,
      (b, n) => b.post('backchannel_logout', `logout_token=${jwt(`{"x":${of(escaped(n))}}`)}`),
    ]),
  ),
};

/** The sizes stay below 64 KiB: a larger body is streamed and not read. */
const most = 60_000;

/** All inputs to a backend, by name: sizes, and the cost of a run. */
export const toBackend = (b) =>
  Object.fromEntries(Object.entries(requests).map(([name, run]) => [name, { sizes: doubled(most), run: (n) => costs(b.pid(), b.bystander, () => run(b, n)) }]));

/**
 * The memory that 400 bodies take, 40 at once: for a text of letters, and for bodies that contain
 * no more values but look as if they did. The order matters, because a process keeps memory that it
 * once had.
 */
export const atOnce = async (b) => {
  const of = (shape) =>
    grown(b.pid(), async () => {
      for (let round = 0; round < 10; round += 1) await Promise.all(Array.from({ length: 40 }, () => requests[`backchannel_logout of ${shape}`](b, most)));
    });
  await of('letters'); // fills the buffers of connections
  return { letters: await of('letters'), commas: await of('commas'), brackets: await of('brackets') };
};

/** The embedded authorization server, with a public client "app". */
export const authserver = async () => {
  const program = join(work, 'public-authserver');
  const made = `${program}.${process.pid}`;
  mkdirSync(work, { recursive: true });
  execFileSync('go', ['build', '-o', made, './js/test/authserver'], { cwd: root, stdio: 'inherit' });
  renameSync(made, program); // test files run in parallel
  const { match, pid, stop } = await run(program, ['http://127.0.0.1/cb'], /^ready: (\S+)/);
  const issuer = match[1];
  const { host: authority, port } = new URL(issuer);
  const send = (...request) => raw(Number(port), message(authority, ...request));
  const endpoints = Object.entries(await (await fetch(`${issuer}/.well-known/openid-configuration`)).json()).filter(([name]) => name.endsWith('_endpoint'));
  return { pid, endpoints, send, stop, post: (url, body, more = []) => send('POST', new URL(url).pathname, [form, ...more], body) };
};

const app = 'client_id=app';
const asserts = `${app}&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=`;

/**
 * All inputs to the authorization server: every endpoint with every form, and parameters that
 * contain JSON.
 */
export const toServer = ({ pid, endpoints, send, post }) => {
  const authorize = (query, more) => send('GET', `/authorize?${app}&response_type=code&${query}`, more);
  const token = Object.fromEntries(endpoints).token_endpoint;
  const all = {
    ...Object.fromEntries(
      endpoints.flatMap(([endpoint, url]) => Object.entries(forms).map(([name, of]) => [`${endpoint}: ${name}`, (n) => post(url, `${app}&${of(n)}`)])),
    ),
    ...Object.fromEntries(Object.entries(forms).map(([name, of]) => [`authorize: ${name}`, (n) => authorize(of(n))])),
    ...Object.fromEntries(Object.entries(cookies).map(([name, of]) => [`authorize: ${name}`, (n) => authorize('', [['cookie', of(n)]])])),
    ...Object.fromEntries(Object.entries(headers).map(([name, of]) => [`token: ${name}`, (n) => post(token, app, of(n))])),
    ...Object.fromEntries(
      Object.entries(json).flatMap(([name, of]) => [
        [`a proof of ${name}`, (n) => post(token, app, [['dpop', jwt(`{"x":${of(escaped(n))}}`)]])],
        [`an assertion of ${name}`, (n) => post(token, asserts + jwt(`{"x":${of(escaped(n))}}`))],
        [`a request object of ${name}`, (n) => authorize(`request=${jwt(`{"x":${of(escaped(n))}}`)}`)],
        [`claims of ${name}`, (n) => authorize(`claims=${encodeURIComponent(of(n / 3))}`)],
      ]),
    ),
  };
  const bystander = () => send('GET', '/jwks');
  return Object.fromEntries(Object.entries(all).map(([name, run]) => [name, { sizes: doubled(most), run: (n) => costs(pid, bystander, () => run(n)) }]));
};

/**
 * Data of strangers that the authorization server stores for a time: the memory that many take, the
 * bytes sent, and the answers.
 */
export const kept = async ({ pid, endpoints, post }, { endpoint, body, count }) => {
  const url = Object.fromEntries(endpoints)[endpoint];
  const statuses = new Set();
  const memory = await grown(pid, async () => {
    for (let sent = 0; sent < count; sent += 20) {
      const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => post(url, body(sent + i))));
      for (const [{ status }] of answers) statuses.add(status);
    }
  });
  return { memory, sent: count * body(0).length, statuses: [...statuses] };
};
