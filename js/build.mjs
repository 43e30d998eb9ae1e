// Makes js/dist, the content of the package: the module and its loader unchanged, the client as one
// file, and types. It builds in a folder beside it and then moves each file, so that a program
// which reads js/dist meanwhile always finds complete files.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import './messages.mjs';

const require = createRequire(import.meta.url);
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
// At the depth of dist, so that source maps point to the same files.
const made = here(`dist.${process.pid}`);

await mkdir(made);
process.once('exit', () => rmSync(made, { recursive: true, force: true }));
for (const name of ['oauth2.wasm', 'oauth2-full.wasm', 'oauth2-edge.wasm']) await copyFile(here(`../wasm/${name}`), join(made, name));
await copyFile(here('../wasm_exec.js'), join(made, 'wasm_exec.js'));
await copyFile(here('../LICENSE'), here('LICENSE')); // npm packs it only from beside package.json

// All entries except the first, as in package.json's exports: subpath to file of src and dist.
const entries = Object.fromEntries(
  Object.entries(JSON.parse(await readFile(here('package.json'), 'utf8')).exports).flatMap(([path, { default: file }]) => {
    const name = /^\.\/dist\/(\w[\w-]*)\.js$/.exec(file)?.[1];
    return path === '.' || !name || name === 'presets' || name === 'wasm_exec' ? [] : [[path.slice(2), name]];
  }),
);

const common = { bundle: true, minify: true, format: 'esm', target: 'es2022', legalComments: 'none', logLevel: 'warning', sourcemap: true };
await build({ ...common, entryPoints: [here('src/index.ts')], outfile: join(made, 'index.js') });
// The other entries import from the first: unused code is not loaded, and there is one class
// OAuthError.
await build({
  ...common,
  entryPoints: ['node', 'workerd', ...Object.values(entries)].map((file) => here(`src/${file}.ts`)),
  outdir: made,
  external: ['node:*', './index.js', './silent.js', './auth.js', './hosts.js', './oauth2-full.wasm', 'react', 'vue', 'svelte/*', '@opentelemetry/api'],
});
// Bundlers copy this one as it is, to another place: it imports nothing.
await build({ ...common, entryPoints: [here('src/vault-open.ts')], outdir: made });

// A plain script, which runs before every module.
await build({ ...common, entryPoints: [here('src/early.ts')], outdir: made, format: 'iife' });

// Provider presets come from the one file that the Go package embeds, each as a separate export, so
// that a bundler keeps only imported ones.
const presets = Object.entries(JSON.parse(await readFile(here('../core/oauth/presets/presets.json'), 'utf8')));
await mkdir(join(made, 'types/js/src'), { recursive: true });
await writeFile(
  join(made, 'presets.js'),
  presets.map(([name, { about, docs, ...members }]) => `export const ${name} = ${JSON.stringify(members)};\n`).join(''),
);
await writeFile(
  join(made, 'types/js/src/presets.d.ts'),
  `import type { Config } from './types.js';

/**
 * The part of a configuration that depends on the provider, to be spread into yours. If the preset
 * sends the secret in the body, a client without one sets \`token_endpoint_auth_method: 'none'\`.
 */
export type Preset = Omit<Config, 'client_id'>;
${presets.map(([name, { about, docs }]) => `\n/**\n * ${about}\n *\n * @see ${docs}\n */\nexport declare const ${name}: Preset;\n`).join('')}`,
);

// For tools that do not support "exports" (Parcel, TypeScript's node10): a folder for each entry
// except the first.
for (const [name, file] of Object.entries({ ...entries, presets: 'presets' })) {
  await mkdir(here(name), { recursive: true });
  await writeFile(here(`${name}/package.json`), JSON.stringify({ type: 'module', main: `../dist/${file}.js`, types: `../dist/types/js/src/${file}.d.ts` }));
}

// The licence of the library in qr.js requires this.
await copyFile(join(dirname(require.resolve('uqr')), '../LICENSE'), join(made, 'qr.js.LICENSE.txt'));

const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin/tsc');
const { status } = spawnSync(process.execPath, [tsc, '-p', here('tsconfig.json'), '--outDir', join(made, 'types')], { stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);

/** Moves a folder's files to another folder, and removes all other files there. */
const move = async (from, to) => {
  await mkdir(to, { recursive: true });
  const names = new Set(await readdir(from));
  for (const name of await readdir(to)) if (!names.has(name)) await rm(join(to, name), { recursive: true, force: true });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [file, place] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await move(file, place);
    else await rename(file, place);
  }
};
await move(made, here('dist'));
