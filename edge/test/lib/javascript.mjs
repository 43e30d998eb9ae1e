// The hosts in JavaScript: a program of edge/dev/serve.mjs each, and a Redis of its own for what is
// stored.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { runtimes } from '../../../js/test/lib/runtimes.mjs';
import { freePort, root, run } from '../../dev/workerd.mjs';

/** How each begins; edge/dev/serve.mjs and its kind follow. */
export const commands = {
  node: [runtimes.node],
  express: [runtimes.node],
  hono: [runtimes.node],
  deno: [runtimes.deno, 'run', '--allow-net', '--allow-read', '--allow-env', '--allow-sys', '--no-prompt', '--node-modules-dir=manual'],
  bun: [runtimes.bun],
};

/** A Redis whose files are in the folder. */
export const redis = async (folder) => {
  const dir = join(folder, 'storage');
  mkdirSync(dir, { recursive: true });
  const port = await freePort();
  const args = ['--port', port, '--bind', '127.0.0.1', '--dir', dir, '--save', '', '--appendonly', 'yes', '--appendfsync', 'always'].map(String);
  return { ...(await run('redis-server', args, /Ready to accept connections/)), url: `redis://127.0.0.1:${port}` };
};

const start = (kind) => async (options) => {
  const stored = await redis(options.folder);
  // Those behind a process that was killed wait for its lease.
  const begin = ({ port, config, secrets, page, proxyTimeoutMs, sockets }) => {
    const variables = {
      BFF: JSON.stringify(config),
      PORT: port,
      REDIS_URL: stored.url,
      LEASE_MS: 5000,
      ...secrets,
      ...(page && { PAGE: page }),
      ...(sockets && { NODE_HTTP: 1 }),
      ...(proxyTimeoutMs && { PROXY_TIMEOUT_MS: proxyTimeoutMs }),
    };
    return run('env', [...Object.entries(variables).map((pair) => pair.join('=')), ...commands[kind], join(root, 'edge/dev/serve.mjs'), kind], /^ready: /);
  };
  let running = await begin(options).catch(async (error) => {
    await stored.stop();
    throw error;
  });
  return {
    get pid() {
      return running.pid;
    },
    async stop() {
      await running.stop();
      await stored.stop();
    },
    kill: () => running.kill(),
    twin: async () => {
      const port = await freePort();
      return { port, stop: (await begin({ ...options, port })).stop };
    },
    async restart(changes = {}) {
      await running.kill();
      running = await begin({ ...options, ...changes });
    },
  };
};

/** The host of a kind of server (edge/test/hosts/README.md), and what else is to be known of it. */
export const javascript = (kind, more) => ({ name: kind, start: start(kind), ...more });
