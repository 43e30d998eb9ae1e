// The package as it is packed: what is in it, how large it is, and whether its types fit.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { brotliCompressSync } from 'node:zlib';
import { installed, root, sha256 } from './lib/installed.mjs';

const folder = installed();
const packed = join(folder, 'node_modules/oauth2-wasm');
const brotli = (name) => brotliCompressSync(readFileSync(join(packed, 'dist', name))).length;

test('the package holds the committed module and loader', () => {
  for (const [name, source] of [['oauth2.wasm', 'wasm/oauth2.wasm'], ['wasm_exec.js', 'wasm_exec.js']]) {
    assert.equal(sha256(readFileSync(join(packed, 'dist', name))), sha256(readFileSync(join(root, source))), name);
  }
});

test('the package holds what it needs and nothing else', () => {
  assert.deepEqual(readdirSync(packed).sort(), ['LICENSE', 'README.md', 'dist', 'package.json']);
  assert.deepEqual(
    readdirSync(join(packed, 'dist')).sort(),
    ['index.js', 'indexeddb.js', 'node.js', 'oauth2.wasm', 'popup.js', 'presets.js', 'qr.js', 'qr.js.LICENSE.txt', 'types', 'wasm_exec.js', 'workerd.js'],
  );
  const { dependencies, exports } = JSON.parse(readFileSync(join(packed, 'package.json'), 'utf8'));
  assert.equal(dependencies, undefined);
  const targets = (value) => (typeof value === 'string' ? [value] : Object.values(value).flatMap(targets));
  for (const target of targets(exports)) assert.ok(existsSync(join(packed, target)), target);
});

// The aim is 32,768; RATIONALE.md says where the bytes are. This keeps them from growing unnoticed.
test('what a page loads fits into 66,000 bytes, and the client with its loader into 7,700 (brotli)', (t) => {
  const [client, module] = [brotli('index.js'), brotli('oauth2.wasm')];
  t.diagnostic(`index.js ${client}, oauth2.wasm ${module}`);
  assert.ok(client < 7700, String(client));
  assert.ok(client + module <= 66_000, String(client + module));
});

test('what only some pages need stands beside the client, and is small (brotli)', (t) => {
  for (const [name, most] of [['popup.js', 800], ['indexeddb.js', 700], ['qr.js', 4000]]) {
    t.diagnostic(`${name} ${brotli(name)}`);
    assert.ok(brotli(name) < most, `${name} ${brotli(name)}`);
    assert.doesNotMatch(readFileSync(join(packed, 'dist', name), 'utf8'), /oauth2\.wasm/, 'the module is index.js’s alone');
  }
  assert.match(readFileSync(join(packed, 'dist/qr.js.LICENSE.txt'), 'utf8'), /Project Nayuki[\s\S]*Permission is hereby granted/);
});

/** Compiles a program against the installed package. */
const compile = async (name, text, ...options) => {
  writeFileSync(join(folder, name), text);
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const args = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--target', 'es2022', '--lib', 'es2022,dom,dom.iterable', '--types', '', ...options];
  await promisify(execFile)(process.execPath, [tsc, ...args, name], { cwd: folder }).catch(({ stdout }) => assert.fail(stdout));
};

for (const options of [['--module', 'nodenext'], ['--module', 'esnext', '--moduleResolution', 'bundler']]) {
  test(`the types fit what callers write: ${options.join(' ')}`, () => compile('types.ts', readFileSync(join(root, 'js/test/types.ts'), 'utf8'), ...options));
}

for (const name of ['README.md', 'js/README.md']) {
  test(`the code in ${name} compiles`, async () => {
    const blocks = [...readFileSync(join(root, name), 'utf8').matchAll(/^```(?:ts|js|typescript|javascript)\n(.*?)^```/gms)];
    assert.ok(blocks.length > 0);
    for (const [i, [, text]] of blocks.entries()) await compile(`block${i}.ts`, text, '--module', 'esnext', '--moduleResolution', 'bundler');
  });
}
