import { createHash, randomBytes } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, createServer, request } from 'node:http';
import { join } from 'node:path';
import { freePort, root, workerd } from '../../../edge/dev/workerd.mjs';
import { figure, inTurn } from '../lib/figures.mjs';
import { scratch } from '../lib/beside.mjs';

export const title = 'Edge: token exchange in workerd';
export const how =
  'One POST of a caller with its secret, one request to a token endpoint on loopback (which answers at once), one answer. Each subject token is a new one, so nothing comes from a store. ' +
  'Eight connections; CPU is that of the workerd process, user and system. The first request is from the moment that workerd listens; ours calls the module with made-up requests while it is loaded.';

const ours = 'oauth2-wasm, TypeScript Worker';
const contenders = [
  {
    name: ours,
    does: "All of core/bff: caller and its allow-list, strict reading, scopes of the answer checked, the token kept in the isolate's memory.",
    entry: 'edge/worker/index.ts',
  },
  {
    name: 'oauth2-wasm, Go Worker',
    does: 'The same in Go, a Go instance for every request.',
    entry: 'edge/goworker/worker.mjs',
    build: 'edge/goworker/build.sh',
    slow: true,
  },
  { name: 'plain Worker', does: 'Caller and audience checked; the answer is handed on as it is. Nothing is kept.', entry: 'edge/bench/plain.js' },
  { name: 'oauth4webapi', does: 'Caller and audience checked; the answer is read as the RFCs want it. Nothing is kept.', entry: 'edge/bench/oauth4webapi.js' },
];

const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange';
const accessToken = 'urn:ietf:params:oauth:token-type:access_token';
const CONNECTIONS = 8;

/** An authorization server that only answers. */
const tokenEndpoint = async () => {
  const server = createServer((incoming, response) => {
    incoming.resume().on('end', () => {
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify({
          access_token: randomBytes(24).toString('base64url'),
          issued_token_type: accessToken,
          token_type: 'Bearer',
          expires_in: 300,
          scope: 'read',
        }),
      );
    });
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  return { url: `http://127.0.0.1:${server.address().port}`, stop: () => server.close(() => {}) };
};

/** User and system time of a process, in ms (proc(5): clock ticks of a hundredth of a second). */
const cpu = (pid) => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
};

const post = (agent, port, body) =>
  new Promise((resolve, reject) => {
    const headers = { host: `localhost:${port}`, 'content-type': 'application/x-www-form-urlencoded', 'content-length': Buffer.byteLength(body) };
    const outgoing = request({ agent, host: '127.0.0.1', port, path: '/auth/exchange', method: 'POST', headers }, (incoming) => {
      const parts = [];
      incoming.on('data', (part) => parts.push(part));
      incoming.on('end', () => {
        const text = Buffer.concat(parts).toString();
        if (incoming.statusCode !== 200 || !JSON.parse(text).access_token) reject(new Error(`${incoming.statusCode} ${text.slice(0, 200)}`));
        else resolve();
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });

const secret = randomBytes(32).toString('base64url');
const body = () =>
  new URLSearchParams({
    grant_type: exchange,
    client_id: 'service',
    client_secret: secret,
    subject_token: randomBytes(24).toString('base64url'),
    subject_token_type: accessToken,
    audience: 'https://down.example',
  }).toString();

export const run = async ({ rounds, slice }) => {
  const server = await tokenEndpoint();
  const running = [];
  const first = {};
  try {
    for (const contender of contenders) {
      if (contender.build) execFileSync(join(root, contender.build), { stdio: 'ignore' });
      const port = await freePort();
      const config = {
        base: `http://localhost:${port}/auth`,
        client: {
          issuer: server.url,
          client_id: 'edge',
          scope: 'read',
          authorization_endpoint: `${server.url}/authorize`,
          token_endpoint: `${server.url}/token`,
        },
        callers: [
          {
            client_id: 'service',
            secret_sha256: createHash('sha256').update(secret).digest('base64url'),
            grant_types: [exchange],
            audience: ['https://down.example'],
            scope: 'read',
          },
        ],
      };
      const folder = mkdtempSync(join(scratch('edge'), 'worker-'));
      const secrets = { SEAL_KEYS: `first:${randomBytes(32).toString('base64url')}`, CLIENT_SECRET: randomBytes(32).toString('base64url') };
      const begin = await workerd({ folder, entry: join(root, contender.entry), port, variables: { BFF: config }, secrets });
      for (let i = 0; i < 3; i++) {
        const process = await begin();
        const agent = new Agent();
        const at = performance.now();
        await post(agent, port, body());
        (first[contender.name] ??= []).push(performance.now() - at);
        agent.destroy();
        if (i < 2) await process.stop();
        else running.push({ ...contender, folder, port, process, agent: new Agent({ keepAlive: true, maxSockets: CONNECTIONS }) });
      }
    }
    const seen = await inTurn(running, rounds, async ({ port, agent, process, slow }) => {
      const before = cpu(process.pid);
      const began = performance.now();
      let n = 0;
      const one = async () => {
        while (performance.now() - began < slice * (slow ? 2 : 1)) {
          await post(agent, port, body());
          n++;
        }
      };
      await Promise.all(Array.from({ length: CONNECTIONS }, one));
      return { rate: (n * 1000) / (performance.now() - began), cpu: (cpu(process.pid) - before) / n };
    });
    const figures = contenders.flatMap(({ name, does }) => [
      figure('requests', name, 'a second', seen[name].rate, { does }),
      figure('CPU a request', name, 'ms', seen[name].cpu, { does, better: 'less' }),
      figure('first request', name, 'ms', first[name], { does, better: 'less' }),
    ]);
    const value = (group, name) => figures.find((f) => f.group === group && f.contender === name).median;
    const aim = (what, met, measured) => ({ aim: what, met, measured });
    const share = value('CPU a request', ours) / value('CPU a request', 'plain Worker');
    const beside = value('CPU a request', ours) / value('CPU a request', 'oauth4webapi');
    const later = value('first request', ours) - value('first request', 'plain Worker');
    return {
      figures,
      aims: [
        aim('CPU at most 1.4 times that of the plain Worker', share <= 1.4, `${share.toFixed(2)}×`),
        aim('CPU below that of oauth4webapi', beside < 1, `${beside.toFixed(2)}×`),
        aim('first request within 10 ms of the plain Worker', later <= 10, `${later.toFixed(1)} ms`),
      ],
    };
  } finally {
    for (const { process, agent, folder } of running) {
      agent.destroy();
      await process.stop();
      rmSync(folder, { recursive: true, force: true });
    }
    server.stop();
  }
};
