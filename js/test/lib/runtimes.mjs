// Where the runtimes are that the suites run on. One that is missing is a failure, never skipped.
//
// npm runs no package's script here (make setup), so nothing puts these programs where .bin looks
// for them: each is taken from the package of the platform, whose integrity package-lock.json has.
import { accessSync, constants, existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';
import { root } from './installed.mjs';

/**
 * A file of the first of these packages that is there; of the first, where none is, so that the
 * failure names it.
 */
const from = (packages, file) => {
  const files = packages.map((name) => join(root, 'node_modules', name, file));
  return files.find((path) => existsSync(path)) ?? files[0];
};
const { arch } = process;

/** The machine's own Node: npm puts that of node_modules before it in the path of its scripts. */
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

/** The first of these that is there; of none, the first, so that the failure names it. */
const first = (...paths) => paths.find((path) => path && existsSync(path)) ?? paths.find(Boolean);

// Where browsers.sh looks, too.
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

/** What Chromium is started with: headless, as root, and without its own traffic. */
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
