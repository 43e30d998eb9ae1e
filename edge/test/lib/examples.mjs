// The servers of edge/examples as hosts of a world: each with a store of its own, and its secrets
// in files, as the pages of web/docs/deploy say.
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, root, run } from '../../dev/workerd.mjs';
import { nextStart, programs, redis } from './javascript.mjs';
import { nextBuilt } from './next.mjs';

const folderOf = join(root, 'edge/examples');
let next;
const script = (kind) => () => [...programs[kind], join(folderOf, `${kind}.mjs`)];
const commands = {
  ...Object.fromEntries(Object.keys(programs).map((kind) => [kind, script(kind)])),
  next: (_, { NODE_OPTIONS }) => nextStart((next ??= nextBuilt(true)), 65_536, NODE_OPTIONS),
  nethttp: (folder) => {
    const program = join(folder, 'example');
    execFileSync('go', ['build', '-o', `${program}.new`, './edge/examples/nethttp'], { cwd: root, stdio: 'inherit' });
    renameSync(`${program}.new`, program);
    return [program];
  },
};

/**
 * A host: a server of edge/examples.
 *
 * @param {keyof typeof commands} kind
 * @param {(folder: string) => Promise<{url: string, stop(): Promise<unknown>}>} [store]
 * @param {Record<string, string>} [more] of the environment
 */
export const example = (kind, store = redis, more = {}) => ({
  name: `example-${kind}`,
  start: async (options) => {
    const { folder, config, secrets, page } = options;
    const stored = await store(folder);
    const command = commands[kind](folder, more);
    const files = join(folder, 'secrets');
    mkdirSync(files, { recursive: true });
    const begin = ({ port = options.port, stopMs = 1000 } = {}) => {
      const variables = { BFF: JSON.stringify(config), PORT: port, STOP_MS: stopMs, LEASE_MS: 5000, ...(page && { PAGE: page }), ...more };
      for (const [name, value] of Object.entries({ ...secrets, STORE_URL: stored.url })) {
        writeFileSync(join(files, name), `${value}\n`, { mode: 0o600 });
        variables[`${name}_FILE`] = join(files, name);
      }
      return run('env', [...Object.entries(variables).map((pair) => pair.join('=')), ...command], /ready: |Ready in/);
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
      get said() {
        return running.said.join('\n');
      },
      port: options.port,
      another: async (at) => {
        const port = at ?? (await freePort());
        return { port, ...(await begin({ port })) };
      },
      async stop() {
        await running.stop();
        await stored.stop();
      },
      kill: () => running.kill(),
      async restart(changes = {}) {
        await running.kill();
        running = await begin({ ...options, ...changes });
      },
    };
  },
});
