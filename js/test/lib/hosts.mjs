// Makes each host run the suites. Each function returns the report, or throws.
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { onExtism, onJco } from '../../../wasm/plugin/hosts.mjs';
import { PATIENCE } from '../suite/patience.js';
import { runTranscripts } from '../suite/transcripts.js';
import { drivers } from './drivers.mjs';
import { root, sha256 } from './installed.mjs';
import { start } from './process.mjs';
import { runtimes } from './runtimes.mjs';
import { serve } from './serve.mjs';

/** The module of the edge. */
const edge = join(root, 'wasm/oauth2-edge.wasm');

const inProcess =
  (runtime, args) =>
  async (host, { folder, data, work }) => {
    const [input, output] = [join(work, `${host}.data.json`), join(work, `${host}.json`)];
    writeFileSync(input, JSON.stringify(data));
    // From the installed folder, so that the runtime finds the package there.
    await promisify(execFile)(runtime, [...args, join(folder, 'runners/process.mjs'), host, input, edge, output], { cwd: folder, timeout: PATIENCE });
    return JSON.parse(readFileSync(output, 'utf8'));
  };

const inBrowser =
  (name, page = 'page.html') =>
  async (host, { folder, data }) => {
    const server = await serve(folder, { extra: { '/data.json': JSON.stringify(data), '/oauth2-edge.wasm': readFileSync(edge) } });
    const browser = await drivers[name]();
    try {
      const tab = await browser.open();
      await tab.goto(`${server.url}/runners/${page}`);
      // It settles either way: an error comes with the value, at once.
      await tab.until(() =>
        window.report.then(
          () => true,
          () => true,
        ),
      );
      return await tab.evaluate(() => window.report);
    } finally {
      await browser.stop();
      server.stop();
    }
  };

/**
 * workerd does not resolve packages, so a worker is bundled with the condition that Cloudflare's
 * own tools use.
 */
const inWorkerd = async (host, { folder, data, work }) => {
  const dist = join(folder, 'node_modules/oauth2-wasm/dist');
  await build({
    entryPoints: [join(folder, 'runners/worker.js')],
    bundle: true,
    format: 'esm',
    conditions: ['workerd'],
    outfile: join(work, 'worker.js'),
    logLevel: 'warning',
    plugins: [
      {
        name: 'modules',
        setup: ({ onResolve }) =>
          onResolve({ filter: /oauth2(-full|-edge)?\.(wasm|bytes)$/ }, ({ path }) => ({ path: path.replace('./', ''), external: true })),
      },
    ],
  });
  const config = `
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [
        (name = "worker.js", esModule = embed "worker.js"),
        (name = "oauth2.wasm", wasm = embed "oauth2.wasm"),
        (name = "oauth2.bytes", data = embed "oauth2.wasm"),
        (name = "oauth2-full.wasm", wasm = embed "oauth2-full.wasm"),
        (name = "oauth2-full.bytes", data = embed "oauth2-full.wasm"),
        (name = "oauth2-edge.wasm", wasm = embed "oauth2-edge.wasm"),
        (name = "oauth2-edge.bytes", data = embed "oauth2-edge.wasm"),
      ],
      compatibilityDate = "2026-04-01",
    )),
    (name = "internet", network = (allow = ["local"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
`;
  writeFileSync(join(work, 'worker.capnp'), config);
  for (const name of ['oauth2.wasm', 'oauth2-full.wasm']) writeFileSync(join(work, name), readFileSync(join(dist, name)));
  writeFileSync(join(work, 'oauth2-edge.wasm'), readFileSync(edge));
  const workerd = await start(runtimes.workerd, ['serve', '--control-fd=1', join(work, 'worker.capnp')], /"event":"listen".*"port":(\d+)/);
  try {
    const response = await fetch(`http://127.0.0.1:${workerd.match[1]}/`, {
      method: 'POST',
      body: JSON.stringify(data),
      signal: AbortSignal.timeout(PATIENCE),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`workerd: ${text}\n${workerd.said.join('\n')}`);
    return JSON.parse(text);
  } finally {
    await workerd.stop();
  }
};

/**
 * A plugin of build/plugins, in this Node. It runs only transcripts, because carrying out effects
 * is up to a host.
 */
const plugin =
  (name, on) =>
  async (host, { data, work }) => {
    const bytes = readFileSync(join(root, 'build/plugins', name));
    const start = await on(bytes, join(work, host));
    return { host, sha256: sha256(bytes), transcripts: await runTranscripts(start, undefined, data.transcripts) };
  };

/** The hosts by name. */
export const hosts = {
  'node-20': inProcess(runtimes.node, []),
  'node-24': inProcess(runtimes.node24, []),
  deno: inProcess(runtimes.deno, ['run', '--allow-net=127.0.0.1', '--allow-read', '--allow-write=.', '--no-prompt']),
  bun: inProcess(runtimes.bun, []),
  chromium: inBrowser('chromium'),
  'chromium-dedicated-worker': inBrowser('chromium', 'workers.html#dedicated'),
  'chromium-shared-worker': inBrowser('chromium', 'workers.html#shared'),
  'chromium-service-worker': inBrowser('chromium', 'workers.html#service'),
  firefox: inBrowser('firefox'),
  webkit: inBrowser('webkit'),
  workerd: inWorkerd,
  'extism-js': plugin('oauth2.extism.wasm', onExtism),
  'component-jco': plugin('oauth2.component.wasm', onJco),
};

/** A folder for the files of a run. */
export const workFolder = (folder) => {
  const work = join(folder, 'work');
  mkdirSync(work, { recursive: true });
  return work;
};
