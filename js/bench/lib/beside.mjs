// The contenders' programs, copied beside the packed and installed package, so that we measure what
// users get.
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { installed, root } from '../../test/lib/installed.mjs';

const own = join(root, 'js/bench');

/** The folder with `clients` and `pages`, where they find the peers that only benchmarks have. */
export const beside = () => {
  const folder = join(installed(), 'bench');
  const peers = join(folder, 'node_modules');
  rmSync(peers, { recursive: true, force: true });
  for (const name of Object.keys(JSON.parse(readFileSync(join(own, 'package.json'), 'utf8')).devDependencies)) {
    mkdirSync(dirname(join(peers, name)), { recursive: true });
    symlinkSync(join(own, 'node_modules', name), join(peers, name));
  }
  for (const name of ['clients', 'pages']) cpSync(fileURLToPath(new URL(`../${name}`, import.meta.url)), join(folder, name), { recursive: true });
  return folder;
};

/**
 * The options of every bundle here: minified, for current browsers, nothing external. Peers are
 * resolved in js/bench.
 */
export const bundled = async (options) => {
  const { outputFiles } = await build({
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    platform: 'browser',
    legalComments: 'none',
    logLevel: 'error',
    write: false,
    nodePaths: [join(own, 'node_modules')],
    ...options,
  });
  return Buffer.from(outputFiles[0].contents);
};

/** A separate folder under build/bench. */
export const scratch = (name) => {
  const folder = join(root, 'build/bench', name);
  mkdirSync(folder, { recursive: true });
  return folder;
};
