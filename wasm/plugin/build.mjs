// Makes an Extism plugin and a component of a module (`make plugins`): a shim is merged into the
// module, what nobody calls any more is dropped, and the digests stand in SHA256SUMS. The same
// module and the tools that package-lock.json pins give the same bytes.
//   build.mjs MODULE FOLDER [SUMS]
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { componentEmbed, componentNew } from '@bytecodealliance/jco-transpile/wasm-tools';

const here = dirname(fileURLToPath(import.meta.url));
const [module, folder, sums] = process.argv.slice(2);
if (!folder) throw new Error('usage: build.mjs MODULE FOLDER [SUMS]');
mkdirSync(folder, { recursive: true });
const work = mkdtempSync(join(tmpdir(), 'plugins'));
process.once('exit', () => rmSync(work, { recursive: true, force: true }));

const tools = join(dirname(createRequire(import.meta.url).resolve('binaryen')), 'bin');
const features = ['multivalue', 'bulk-memory', 'bulk-memory-opt', 'mutable-globals', 'nontrapping-float-to-int', 'sign-ext'].map((name) => `--enable-${name}`);
const run = (tool, ...args) => execFileSync(process.execPath, [join(tools, tool), ...args, ...features], { stdio: ['ignore', 'ignore', 'inherit'] });

/** The module with a shim before it, and no exports but these. */
const merge = (shim, exports) => {
  const file = (name) => join(work, `${shim}.${name}`);
  run('wasm-as', join(here, `${shim}.wat`), '-o', file('shim.wasm'));
  run('wasm-merge', module, 'oauth2', file('shim.wasm'), 'shim', '-o', file('merged.wasm'));
  writeFileSync(file('graph.json'), JSON.stringify([{ name: 'outside', root: true, reaches: exports }, ...exports.map((name) => ({ name, export: name }))]));
  run('wasm-metadce', file('merged.wasm'), '--graph-file', file('graph.json'), '-o', file('bare.wasm'));
  run('wasm-opt', file('bare.wasm'), '-Oz', '--low-memory-unused', '--converge', '-o', file('core.wasm'));
  return readFileSync(file('core.wasm'));
};

const wit = readFileSync(join(here, 'oauth2.wit'));
const component = async () => {
  const binary = merge('component', ['memory', 'cabi_realloc', 'open', 'input', 'effect', 'close']);
  return componentNew(await componentEmbed({ binary, witSource: wit.toString(), stringEncoding: 'utf8' }));
};

const digest = (bytes) => createHash('sha256').update(bytes).digest('hex');
const artifacts = {
  'oauth2.extism.wasm': merge('extism', ['open', 'input', 'effect', 'close']),
  'oauth2.component.wasm': await component(),
  'oauth2.wit': wit,
};
let lines = `${digest(readFileSync(module))}  ${basename(module)}\n`;
for (const [name, bytes] of Object.entries(artifacts)) {
  writeFileSync(join(folder, name), bytes);
  lines += `${digest(bytes)}  ${name}\n`;
}
writeFileSync(join(folder, 'SHA256SUMS'), lines);
if (sums) writeFileSync(sums, lines);
process.stdout.write(lines);
