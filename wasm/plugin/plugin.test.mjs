// The plugins are what the module and the pinned tools give; `make plugins` built them.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { root } from '../../js/test/lib/installed.mjs';
import { onJco, transpiled } from './hosts.mjs';

const read = (path) => readFileSync(join(root, path), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'plugin-test'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('M64 the digests of the plugins are the committed ones, wherever they are built', () => {
  const committed = read('wasm/plugin/SHA256SUMS');
  const name = /^\S+ {2}(\S+)\n/.exec(committed)[1];
  copyFileSync(join(root, 'wasm', name), join(folder, name));
  execFileSync(process.execPath, [join(root, 'wasm/plugin/build.mjs'), name, 'out'], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
  assert.equal(readFileSync(join(folder, 'out/SHA256SUMS'), 'utf8'), committed, 'make wasm writes wasm/plugin/SHA256SUMS');
  assert.equal(read('build/plugins/SHA256SUMS'), committed);
});

test('M65 the plugins have the exports of HOSTS.md, import nothing of ours, and are hardly larger than the module', async () => {
  const plugin = readFileSync(join(root, 'build/plugins/oauth2.extism.wasm'));
  const module = await WebAssembly.compile(plugin);
  assert.deepEqual(
    WebAssembly.Module.exports(module)
      .map(({ name }) => name)
      .sort(),
    ['close', 'effect', 'input', 'open'],
  );
  assert.deepEqual([...new Set(WebAssembly.Module.imports(module).map((of) => of.module))], ['extism:host/env']);
  const component = readFileSync(join(root, 'build/plugins/oauth2.component.wasm'));
  const bare = readFileSync(join(root, 'wasm', /^\S+ {2}(\S+)\n/.exec(read('build/plugins/SHA256SUMS'))[1]));
  for (const [name, bytes] of Object.entries({ plugin, component }))
    assert.ok(bytes.length - bare.length < 1000, `${name}: ${bytes.length}, the module ${bare.length}`);
});

test('M66 a component traps at a message above 1 MiB, and another instance works on', async () => {
  const instantiate = await onJco(readFileSync(join(root, 'build/plugins/oauth2.component.wasm')), join(folder, 'jco'));
  const instance = await instantiate();
  assert.equal(instance.input(1, 'x'.repeat(1 << 20)), 1, 'at 1 MiB');
  assert.throws(() => instance.input(1, 'x'.repeat((1 << 20) + 1)), WebAssembly.RuntimeError);
  // The shim does that, and not the runtime after it wrote to address 0.
  const files = await transpiled(readFileSync(join(root, 'build/plugins/oauth2.component.wasm')), join(folder, 'core'));
  const { exports } = await WebAssembly.instantiate(await WebAssembly.compile(files['oauth2.core.wasm']), {});
  assert.equal(exports.cabi_realloc(0, 0, 1, 0), 0);
  assert.notEqual(exports.cabi_realloc(0, 0, 1, 1 << 20), 0);
  assert.throws(() => exports.cabi_realloc(0, 0, 1, (1 << 20) + 1), /unreachable/);
  const other = await instantiate();
  assert.equal(other.open('{}'), 0);
  assert.match(other.effect(0), /^\{"error":/);
});
