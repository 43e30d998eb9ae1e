// The README's Go program compiles; package.test.mjs checks its TypeScript against the packed
// types.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from './lib/installed.mjs';

test('the README: Go', () => {
  const program = readFileSync(join(root, 'README.md'), 'utf8').split('```go\n')[1].split('```')[0];
  mkdirSync(join(root, 'build/readme'), { recursive: true });
  writeFileSync(join(root, 'build/readme/main.go'), program);
  execFileSync('go', ['vet', './build/readme'], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' });
});
