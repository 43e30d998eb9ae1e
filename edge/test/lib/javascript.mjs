// The hosts in JavaScript: each runs edge/dev/serve.mjs or `next start`, with its own Redis as
// storage.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createClient } from 'redis';
import { runtimes } from '../../../js/test/lib/runtimes.mjs';
import { freePort, root, run } from '../../dev/workerd.mjs';
import { nextBuilt } from './next.mjs';

/** How each runtime runs a file, by the kind of edge/dev/serve.mjs. */
export const programs = {
  node: [runtimes.node],
  express: [runtimes.node],
  hono: [runtimes.node],
  deno: [runtimes.deno, 'run', '--allow-net', '--allow-read', '--allow-env', '--allow-sys', '--no-prompt', '--node-modules-dir=manual'],
  bun: [runtimes.bun],
};
/**
 * `next start` of an application that was built in a folder, at PORT. By default Node would refuse
 * more than 16 KiB of headers with its own message.
 */
export const nextStart = (folder, headers, options = '') => {
  const variables = [`NODE_OPTIONS=--max-http-header-size=${headers} ${options}`, 'NEXT_TELEMETRY_DISABLED=1'];
  return [...variables, runtimes.node, join(folder, 'node_modules/next/dist/bin/next'), 'start', folder, '-H', '127.0.0.1'];
};

let built;
/** How each host is started, and the line that says it listens. */
const startOf = (kind) =>
  kind === 'next'
    ? { command: nextStart((built ??= nextBuilt()), 262_144), ready: /Ready in/ }
    : { command: [...programs[kind], join(root, 'edge/dev/serve.mjs'), kind], ready: /^ready: / };

/** A Redis whose files are in the folder. */
export const redis = async (folder) => {
  const dir = join(folder, 'storage');
  mkdirSync(dir, { recursive: true });
  const port = await freePort();
  const args = ['--port', port, '--bind', '127.0.0.1', '--dir', dir, '--save', '', '--appendonly', 'yes', '--appendfsync', 'always'].map(String);
  const server = await run('redis-server', args, /Ready to accept connections/);
  const url = `redis://127.0.0.1:${port}`;
  const ask = async (...command) => {
    const client = await createClient({ url }).connect();
    return client.sendCommand(command).finally(() => client.close());
  };
  return { ...server, url, ask };
};

const start = (kind, nodeHttp) => async (options) => {
  const stored = await redis(options.folder);
  // After a process is killed, waiters wait until its lease expires.
  const begin = ({ port, config, secrets, page, proxyTimeoutMs, stopMs = 1000, stopDelayMs = 0 }) => {
    const variables = {
      BFF: JSON.stringify(config),
      PORT: port,
      REDIS_URL: stored.url,
      LEASE_MS: 5000,
      STOP_MS: stopMs,
      STOP_DELAY_MS: stopDelayMs,
      ...secrets,
      ...(page && { PAGE: page }),
      ...(nodeHttp && { NODE_HTTP: 1 }),
      ...(proxyTimeoutMs && { PROXY_TIMEOUT_MS: proxyTimeoutMs }),
    };
    const { command, ready } = startOf(kind);
    return run('env', [...Object.entries(variables).map((pair) => pair.join('=')), ...command], ready);
  };
  let running = await begin(options).catch(async (error) => {
    await stored.stop();
    throw error;
  });
  return {
    get pid() {
      return running.pid;
    },
    get gone() {
      return running.gone;
    },
    locks: () => stored.ask('KEYS', '*lock:*'),
    /** Has the store refuse what is written, or take it again. */
    refuseWrites: (refuse) => stored.ask('CONFIG', 'SET', 'maxmemory', refuse ? '1' : '0'),
    async stop() {
      await running.stop();
      await stored.stop();
    },
    kill: () => running.kill(),
    twin: async (changes = {}) => {
      const port = await freePort();
      return { port, stop: (await begin({ ...options, port, ...changes })).stop };
    },
    async restart(changes = {}) {
      await running.kill();
      running = await begin({ ...options, ...changes });
    },
  };
};

/**
 * The host of a kind of server (edge/test/hosts/README.md), with further members. With `nodeHttp`
 * it listens with node:http.
 */
export const javascript = (kind, { nodeHttp, ...more } = {}) => ({ name: kind, start: start(kind, nodeHttp), stops: true, refuses: true, ...more });
