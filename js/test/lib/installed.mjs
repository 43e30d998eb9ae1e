// The package as users get it: packed, and installed in a folder under build/. All tests run there.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const root = fileURLToPath(new URL('../../../', import.meta.url));
const base = join(root, 'build/js');

export const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** Everything that the package is made from. */
const sources = () => {
  const files = [
    'package-lock.json',
    'wasm_exec.js',
    'wasm/oauth2.wasm',
    'wasm/oauth2-full.wasm',
    'wasm/oauth2-edge.wasm',
    'js/package.json',
    'js/build.mjs',
    'js/messages.mjs',
    'core/contract/schema.json',
    'js/tsconfig.json',
    'js/README.md',
    'LICENSE',
    'core/oauth/presets/presets.json',
  ];
  for (const folder of ['js/src', 'js/test/suite', 'js/test/runners', 'js/test/pages'])
    for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true }))
      if (entry.isFile()) files.push(relative(root, join(entry.parentPath ?? entry.path, entry.name)));
  return files.sort();
};

const sleep = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

/** Whether the process that a lock names is gone. */
const isStale = (lock) => {
  let holder;
  try {
    holder = Number(readFileSync(lock, 'utf8'));
  } catch {
    return false; // the lock is gone
  }
  try {
    return !process.kill(holder, 0);
  } catch {
    return true;
  }
};

/**
 * Runs work that only one process may run at a time. The lock is a file that names its process,
 * which may have died.
 */
const alone = (work) => {
  const lock = join(base, 'packing');
  mkdirSync(base, { recursive: true });
  const mine = `${lock}.${process.pid}`;
  writeFileSync(mine, String(process.pid));
  for (;;) {
    try {
      linkSync(mine, lock); // atomically, with its content
      break;
    } catch {
      if (isStale(lock)) rmSync(lock, { force: true });
      sleep(100);
    }
  }
  rmSync(mine);
  try {
    return work();
  } finally {
    rmSync(lock);
  }
};

const npm = (folder, ...args) => execFileSync('npm', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

const install = (folder) => {
  const made = folder + '.new';
  rmSync(made, { recursive: true, force: true });
  mkdirSync(made, { recursive: true });
  npm(join(root, 'js'), 'pack', '--pack-destination', made);
  const tarball = readdirSync(made).find((name) => name.endsWith('.tgz'));
  writeFileSync(join(made, 'package.json'), JSON.stringify({ name: 'installed', private: true, type: 'module' }));
  npm(made, 'install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-save', '--offline', './' + tarball);
  // The suites are beside it, so that each runtime resolves the package by its own conditions, and
  // the pages, which load it from there.
  for (const name of ['suite', 'runners', 'pages']) cpSync(join(root, 'js/test', name), join(made, name), { recursive: true });
  renameSync(made, folder);
};

/**
 * Deletes old installations of other sources. It keeps new ones, which another run may be using.
 */
const sweep = () => {
  for (const name of readdirSync(base)) {
    const folder = join(base, name);
    if (/^[0-9a-f]{16}/.test(name) && Date.now() - statSync(folder).mtimeMs > 86_400_000) rmSync(folder, { recursive: true, force: true });
  }
};

/**
 * Packs and installs, unless that was done already with the same sources.
 *
 * @returns {string} the folder that it was installed in
 * @throws {Error} the installed module is not the committed one
 */
export const installed = () => {
  const digest = createHash('sha256');
  for (const file of sources()) digest.update(file + '\n').update(readFileSync(join(root, file)));
  const folder = join(base, digest.digest('hex').slice(0, 16));
  if (!existsSync(folder)) {
    alone(() => {
      if (existsSync(folder)) return;
      sweep();
      install(folder);
    });
  }
  for (const name of ['oauth2.wasm', 'oauth2-full.wasm']) {
    const packed = sha256(readFileSync(join(folder, 'node_modules/oauth2-wasm/dist', name)));
    if (packed !== sha256(readFileSync(join(root, 'wasm', name)))) throw new Error(`the packed ${name} is not wasm/${name}`);
  }
  return folder;
};

/** The installed package, as Node imports it. */
export const library = () => import(pathToFileURL(join(installed(), 'node_modules/oauth2-wasm/dist/node.js')).href);
