// Runs the Worker in workerd on this machine: bundled as wrangler does, with Durable Objects on the
// disk and without an account.
import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { runtimes } from '../../js/test/lib/runtimes.mjs';
import { PATIENCE } from '../../js/test/suite/patience.js';

export const root = fileURLToPath(new URL('../../', import.meta.url));

/** The compatibility settings of wrangler.jsonc. */
const compatibility = () => {
  const wrangler = readFileSync(join(root, 'edge/wrangler.jsonc'), 'utf8');
  const [, date] = /"compatibility_date": "([^"]+)"/.exec(wrangler);
  return `compatibilityDate = ${text(date)}`;
};

/** Below the ports that systems assign to connections and to servers with port 0. */
const PORTS = { first: 10_000, each: 10, processes: 2_000 };
let ports = 0;

const isFree = (port) =>
  new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });

/**
 * A port on which nobody listens, and which no other caller of this function gets: each process has
 * its own range.
 */
export const freePort = async () => {
  for (;;) {
    const port = PORTS.first + (process.pid % PORTS.processes) * PORTS.each + (ports++ % PORTS.each);
    if (await isFree(port)) return port;
    if (ports > 1000 * PORTS.each) throw new Error(`no free port at ${port}`);
  }
};

/**
 * Bundles a Worker; WebAssembly modules stay imports of separate files. Returns their paths by
 * import name.
 */
export const bundle = async (entry, outfile) => {
  const modules = {};
  await build({
    entryPoints: [entry],
    bundle: true,
    format: 'esm',
    target: 'es2023',
    conditions: ['workerd'],
    external: ['cloudflare:*', 'node:*'],
    outfile,
    logLevel: 'warning',
    plugins: [
      {
        name: 'modules',
        setup({ onResolve }) {
          onResolve({ filter: /\.wasm$/ }, ({ path, resolveDir }) => {
            const name = path.split('/').pop();
            modules[name] = join(resolveDir, path);
            return { path: name, external: true };
          });
        },
      },
    ],
  });
  return modules;
};

/** A Cap'n Proto text, which must be ASCII. */
const text = (value) => JSON.stringify(value);

/**
 * The configuration of workerd.
 *
 * @param {{modules: string[], port: number, variables: Record<string, unknown>, secrets:
 * Record<string, string>, page?: string, storage: string, object?: [string, string]}} given
 * `object` is the binding and the class of the Durable Object, `page` a folder that is served for
 * paths that are not the Worker's
 */
const capnp = ({ modules, port, variables, secrets, page, storage, object = ['SESSIONS', 'Sessions'] }) => {
  const { base, proxy = [] } = variables.BFF ?? {};
  const paths = base ? [new URL(base).pathname, ...proxy.map(({ path }) => path)] : [];
  const [binding, className] = object.map(text);
  const bindings = [
    ...Object.entries(variables).map(([name, value]) => `(name = ${text(name)}, json = ${text(JSON.stringify(value))})`),
    ...Object.entries(secrets).map(([name, value]) => `(name = ${text(name)}, text = ${text(value)})`),
    `(name = ${binding}, durableObjectNamespace = ${className})`,
  ];
  const site = `
    (name = "site", worker = (
      modules = [(name = "site.js", esModule = embed "site.js")],
      ${compatibility()},
      bindings = [(name = "WORKER", service = "worker"), (name = "PAGE", service = "page"), (name = "PATHS", json = ${text(JSON.stringify(paths))})],
    )),
    (name = "page", disk = (path = ${text(page)})),`;
  return `
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "worker", worker = (
      modules = [
        (name = "worker.js", esModule = embed "worker.js"),
        ${modules.map((name) => `(name = ${text(name)}, wasm = embed ${text(name)}),`).join('\n        ')}
      ],
      ${compatibility()},
      bindings = [${bindings.join(', ')}],
      durableObjectNamespaces = [(className = ${className}, uniqueKey = "sessions", enableSql = true)],
      durableObjectStorage = (localDisk = "storage"),
    )),
    (name = "storage", disk = (path = ${text(storage)}, writable = true)),
    (name = "internet", network = (allow = ["local"])),${page ? site : ''}
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = ${page ? '"site"' : '"worker"'})],
);
`;
};

/**
 * Starts a program, and waits for a line that says it is ready. `stop` and `kill` wait until it has
 * ended; `said` is its output.
 */
export const run = (file, args, ready) =>
  new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const said = [];
    const gone = new Promise((ended) => child.once('exit', ended));
    const end = (signal) => {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      return gone;
    };
    const clock = setTimeout(() => void end('SIGKILL').then(() => fail('not ready in time')), PATIENCE);
    const fail = (why) => {
      clearTimeout(clock);
      reject(new Error(`${file}: ${why}\n${said.join('\n')}`));
    };
    child.once('error', (error) => fail(error.message));
    void gone.then((code) => fail(`ended with ${code}`)); // has no effect after it was ready
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        said.push(line);
        const match = ready.exec(line);
        if (!match) return;
        clearTimeout(clock);
        resolve({ match, said, gone, pid: child.pid, stop: () => end('SIGTERM'), kill: () => end('SIGKILL') });
      });
    }
  });

/**
 * Writes the configuration into `folder`, beside the storage, and returns a function that starts
 * workerd with it, any number of times.
 *
 * @param {{folder: string, entry?: string, port: number, variables: object, secrets: object, page?:
 * string, object?: [string, string]}} given
 */
export const workerd = async ({ folder, entry = join(root, 'edge/worker/index.ts'), ...given }) => {
  const [storage, file] = ['storage', 'config.capnp'].map((name) => join(folder, name));
  mkdirSync(storage, { recursive: true });
  // Embedded files have to be beside the configuration.
  const modules = await bundle(entry, join(folder, 'worker.js'));
  for (const [name, path] of Object.entries(modules)) copyFileSync(path, join(folder, name));
  copyFileSync(join(root, 'edge/dev/site.js'), join(folder, 'site.js'));
  writeFileSync(file, capnp({ ...given, modules: Object.keys(modules), storage }), { mode: 0o600 });
  return () => run(runtimes.workerd, ['serve', '--control-fd=1', file], /"event":"listen"/);
};
