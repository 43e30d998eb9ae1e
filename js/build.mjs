// Makes js/dist, which is what the package holds: the module and its loader as they are, the client as one file, and types.
import { spawnSync } from 'node:child_process';
import { copyFile, mkdir, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const require = createRequire(import.meta.url);
const here = (path) => fileURLToPath(new URL(path, import.meta.url));

await rm(here('dist'), { recursive: true, force: true });
await mkdir(here('dist'), { recursive: true });
await copyFile(here('../wasm/oauth2.wasm'), here('dist/oauth2.wasm'));
await copyFile(here('../wasm_exec.js'), here('dist/wasm_exec.js'));
await copyFile(here('../LICENSE'), here('LICENSE')); // npm takes it from beside package.json only

const common = { bundle: true, minify: true, format: 'esm', target: 'es2022', legalComments: 'none', logLevel: 'warning' };
await build({ ...common, entryPoints: [here('src/index.ts')], outfile: here('dist/index.js') });
// The other entries stand on the first: what is not used is not loaded, and there is one class OAuthError.
await build({
  ...common,
  entryPoints: ['node', 'workerd', 'popup', 'indexeddb', 'qr'].map((name) => here(`src/${name}.ts`)),
  outdir: here('dist'),
  external: ['node:*', './index.js', './oauth2.wasm'],
});

// The licence of what qr.js contains asks for that.
await copyFile(join(dirname(require.resolve('uqr')), '../LICENSE'), here('dist/qr.js.LICENSE.txt'));

const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin/tsc');
const { status } = spawnSync(process.execPath, [tsc, '-p', here('tsconfig.json')], { stdio: 'inherit' });
process.exit(status ?? 1);
