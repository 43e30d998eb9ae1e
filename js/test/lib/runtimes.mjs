// Finds the runtimes of the suites. A missing runtime is a failure, never skipped.
//
// npm runs no install scripts here (make setup), so these programs are not where .bin expects them.
// Each is taken from the package of the platform, whose integrity is in package-lock.json.
import { accessSync, constants, existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';
import { root } from './installed.mjs';

/**
 * A file of the first of these packages that exists. If none exists, of the first, so that the
 * failure names it.
 */
const from = (packages, file) => {
  const files = packages.map((name) => join(root, 'node_modules', name, file));
  return files.find((path) => existsSync(path)) ?? files[0];
};
const { arch } = process;

/**
 * The machine's own Node: npm puts the one of node_modules before it in the path of its scripts.
 */
const machineNode = () => {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    if (folder.includes('node_modules')) continue;
    const file = join(folder, 'node');
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // not here
    }
  }
  throw new Error('no node on the path');
};

/** The first of these that exists. If none exists, the first, so that the failure names it. */
const first = (...paths) => paths.find((path) => path && existsSync(path)) ?? paths.find(Boolean);

// The same places as in browsers.sh.
const chromium = first(process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome');
const firefox = first(process.env.FIREFOX, '/usr/bin/firefox-esr', '/usr/bin/firefox');
const webkit = first(process.env.WEBKIT, ...['x86_64', 'aarch64'].map((machine) => `/usr/lib/${machine}-linux-gnu/webkit2gtk-4.1/MiniBrowser`));

export const runtimes = {
  node: machineNode(),
  node24: from([`node-linux-${arch}`], 'bin/node'),
  deno: from([`@deno/linux-${arch}-glibc`, `@deno/darwin-${arch}`], 'deno'),
  bun: from(
    ['linux', 'darwin'].map((system) => `@oven/bun-${system}-${arch === 'arm64' ? 'aarch64' : arch}`),
    'bin/bun',
  ),
  workerd: createRequire(import.meta.url)('workerd').default,
  chromium,
  firefox,
  webkit,
};

/** Chromium's flags: headless, as root, and without its own traffic. */
export const chromiumArgs = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
