// What is measured, by runtime: our backend on a server, a plain reverse proxy of the same runtime,
// and in Node the same backend of other packages. Each starts on a port, with a folder of its own.
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runtimes } from '../../../js/test/lib/runtimes.mjs';
import { root, run, workerd } from '../../dev/workerd.mjs';
import { programs, redis } from '../../test/lib/javascript.mjs';

export const work = join(root, 'build/rates');
const here = (file) => fileURLToPath(new URL(file, import.meta.url));

/** Builds a Go program of this project. */
export const program = (folder) => {
  mkdirSync(work, { recursive: true });
  const file = join(work, folder.split('/').at(-1));
  execFileSync('go', ['build', '-o', file, `./${folder}`], { cwd: root, stdio: 'inherit' });
  return file;
};

const started = (command, variables) => run('env', [...Object.entries(variables).map((pair) => pair.join('=')), ...command.map(String)], /^ready: /);

/** Has a Redis of its own, which ends with the host. */
const withRedis = (start) => async (given) => {
  const stored = await redis(given.folder);
  const running = await start({ ...given, stored }).catch(async (error) => {
    await stored.stop();
    throw error;
  });
  return {
    ...running,
    stop: async () => {
      await running.stop();
      await stored.stop();
    },
  };
};

const script =
  (command, file) =>
  ({ port, config, secrets, target, stored }) =>
    started([...command, ...file], {
      BFF: JSON.stringify(config),
      PORT: port,
      TARGET: target,
      NODE_ENV: 'production',
      ...secrets,
      ...(stored && { REDIS_URL: stored.url }),
    });

const ours = (kind) => script(programs[kind], [join(root, 'edge/dev/serve.mjs'), kind]);
const peer = script(programs.node, [here('openid-client.mjs')]);
const worker =
  (entry) =>
  async ({ folder, port, config, secrets }) =>
    (await workerd({ folder, entry, port, variables: { BFF: config }, secrets }))();

const nethttp = ({ port, config, secrets, stored }) => {
  const where = stored ? ['-redis', new URL(stored.url).host] : ['-database', ''];
  return started([program('edge/dev/nethttp'), '-addr', `127.0.0.1:${port}`, ...where], { BFF: JSON.stringify(config), ...secrets });
};
const reverse = ({ port, target }) => started([program('edge/bench/rates/drive'), '-plain', target, '-addr', `127.0.0.1:${port}`], {});

/**
 * By runtime, in the order of the table. `plain` has no sessions: who asks brings a token.
 *
 * @type {Record<string, {name: string, plain?: boolean, start: Function}[]>}
 */
export const hosts = {
  node: [
    { name: 'Node, memory', start: ours('node') },
    { name: 'Node, Redis', start: withRedis(ours('node')) },
    { name: 'Express in Node, memory', start: ours('express') },
    { name: 'openid-client + express-session, memory', start: peer },
    { name: 'openid-client + express-session, Redis', start: withRedis(peer) },
    { name: 'plain proxy, node:http', plain: true, start: script([runtimes.node], [here('plain-node.mjs')]) },
  ],
  deno: [
    { name: 'Deno, memory', start: ours('deno') },
    { name: 'plain proxy, Deno.serve and fetch', plain: true, start: script(programs.deno, [here('plain-fetch.mjs')]) },
  ],
  bun: [
    { name: 'Bun, memory', start: ours('bun') },
    { name: 'plain proxy, Bun.serve and fetch', plain: true, start: script(programs.bun, [here('plain-fetch.mjs')]) },
  ],
  workerd: [
    { name: 'workerd, Durable Objects', start: worker(join(root, 'edge/worker/index.ts')) },
    { name: 'plain proxy, fetch in workerd', plain: true, start: worker(here('plain-worker.js')) },
  ],
  go: [
    { name: 'net/http, memory', start: nethttp },
    { name: 'net/http, Redis', start: withRedis(nethttp) },
    { name: 'plain proxy, httputil.ReverseProxy', plain: true, start: reverse },
  ],
};
