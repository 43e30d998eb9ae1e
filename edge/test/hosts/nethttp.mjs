// The handler of core/oauth/backend in a Go server, with SQLite.
import { execFileSync } from 'node:child_process';
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, root, run } from '../../dev/workerd.mjs';

const start = async (options) => {
  const program = join(options.folder, '..', 'nethttp');
  const made = `${program}.${process.pid}`;
  execFileSync('go', ['build', '-o', made, './edge/dev/nethttp'], { cwd: root, stdio: 'inherit' });
  renameSync(made, program); // test files run in parallel
  const begin = ({ folder, port, config, secrets, page, proxyTimeoutMs, stopMs = 1000, stopDelayMs = 0 }) => {
    const variables = Object.entries({ BFF: JSON.stringify(config), ...secrets }).map((pair) => pair.join('='));
    const args = [
      '-addr',
      `127.0.0.1:${port}`,
      '-database',
      join(folder, 'sessions.db'),
      '-stop',
      `${stopMs}ms`,
      '-stop-delay',
      `${stopDelayMs}ms`,
      ...(page ? ['-page', page] : []),
      ...(proxyTimeoutMs ? ['-proxy-timeout', `${proxyTimeoutMs}ms`] : []),
    ];
    return run('env', [...variables, program, ...args], /^ready: /);
  };
  let running = await begin(options);
  return {
    get pid() {
      return running.pid;
    },
    get gone() {
      return running.gone;
    },
    stop: () => running.stop(),
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

export default { name: 'net-http', start, stops: true };
