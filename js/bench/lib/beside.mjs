// The contenders' programs, copied beside the packed and installed package: what is measured is
// what its users get.
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { installed, root } from '../../test/lib/installed.mjs';

/** The folder with `clients` and `pages`. */
export const beside = () => {
  const folder = join(installed(), 'bench');
  for (const name of ['clients', 'pages']) cpSync(fileURLToPath(new URL(`../${name}`, import.meta.url)), join(folder, name), { recursive: true });
  return folder;
};

/**
 * What every bundle here is made with: minified, for browsers of today, nothing external. Peers are
 * found where js/bench has them.
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
    nodePaths: [join(root, 'js/bench/node_modules')],
    ...options,
  });
  return Buffer.from(outputFiles[0].contents);
};

/** A folder of its own under build/bench. */
export const scratch = (name) => {
  const folder = join(root, 'build/bench', name);
  mkdirSync(folder, { recursive: true });
  return folder;
};
