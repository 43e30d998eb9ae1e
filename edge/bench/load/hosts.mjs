// The hosts under load, of any checkout. Each starts in a folder, and can restart with the data
// that is stored there.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const own = fileURLToPath(new URL('../../../', import.meta.url));

/**
 * The hosts of the checkout in `root`. `begin(given)` of a host returns a function that starts it,
 * any number of times.
 */
export const hostsOf = async (root) => {
  const { run, workerd } = await import(pathToFileURL(join(root, 'edge/dev/workerd.mjs')).href);

  const worker =
    (entry) =>
    ({ config, ...given }) =>
      workerd({ ...given, variables: { BFF: config }, entry: join(root, entry) });

  const server =
    (database) =>
    async ({ folder, port, config, secrets }) => {
      // The program of this checkout with the packages of the other, because an older one has no
      // store in memory.
      const source = join(root, 'build/load/nethttp');
      mkdirSync(source, { recursive: true });
      copyFileSync(join(own, 'edge/dev/nethttp/main.go'), join(source, 'main.go'));
      const program = join(root, 'build/load/host');
      execFileSync('go', ['build', '-o', program, './build/load/nethttp'], { cwd: root, stdio: 'inherit' });
      const variables = Object.entries({ BFF: JSON.stringify(config), ...secrets }).map((pair) => pair.join('='));
      const file = database && join(folder, database);
      return () => run('env', [...variables, program, '-addr', `127.0.0.1:${port}`, '-database', file], /^ready: /);
    };

  return {
    workerd: worker('edge/worker/index.ts'),
    'net/http, memory': server(''),
    'net/http, SQLite': server('sessions.db'),
    'workerd, Go': async (given) => {
      execFileSync(join(root, 'edge/goworker/build.sh'), { stdio: 'inherit' });
      return worker('edge/goworker/worker.mjs')(given);
    },
  };
};

/** The authorization server and the API behind it, of this checkout. */
export const upstream = async (root, flags, secret) => {
  const { run } = await import(pathToFileURL(join(root, 'edge/dev/workerd.mjs')).href);
  const program = join(own, 'build/load/authserver');
  mkdirSync(join(own, 'build/load'), { recursive: true });
  execFileSync('go', ['build', '-o', program, './edge/dev/authserver'], { cwd: own, stdio: 'inherit' });
  return run('env', [`EDGE_CLIENT_SECRET=${secret}`, program, ...flags], /^ready: (\S+)/);
};
