// The README's programs compile against what is shipped.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { installed, root } from './lib/installed.mjs';

const blocks = (language) => readFileSync(join(root, 'README.md'), 'utf8').split('```' + language + '\n').slice(1).map((text) => text.split('```')[0]);
const run = (file, ...args) => execFileSync(file, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' });

test('the README: TypeScript against the packed types', () => {
  const files = blocks('ts').map((text, i) => {
    const file = join(installed(), `readme-${i}.ts`);
    writeFileSync(file, text);
    return file;
  });
  run(join(root, 'node_modules/.bin/tsc'), '--noEmit', '--strict', '--target', 'es2022', '--module', 'esnext', '--moduleResolution', 'bundler', '--lib', 'es2022,dom,dom.iterable', '--types', '', ...files);
});

test('the README: Go', () => {
  mkdirSync(join(root, 'build/readme'), { recursive: true });
  writeFileSync(join(root, 'build/readme/main.go'), blocks('go')[0]);
  run('go', 'vet', './build/readme');
});
