// The installed packages match the locks. The tests' names contain the ids of behaviours.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { root } from './lib/installed.mjs';

const read = (file) => readFileSync(join(root, file), 'utf8');
const files = (name) =>
  execFileSync('git', ['ls-files', `*${name}`], { cwd: root, encoding: 'utf8' })
    .split('\n')
    .filter(Boolean);

/** Packages in a lock without an integrity, with the reasons. */
const without = new Map([
  ['', 'the folder of the lock itself'],
  ['js', 'the package of this project'],
  ['node_modules/oauth2-wasm', 'a link to it'],
]);
/**
 * Packages with an install script. None runs: make setup uses --ignore-scripts, and nothing here
 * needs them.
 */
const scripts = ['@axa-fr/oidc-client', 'browser-tabs-lock', 'bun', 'deno', 'esbuild', 'fsevents', 'sharp', 'workerd'];

for (const file of files('package-lock.json')) {
  const packages = Object.entries(JSON.parse(read(file)).packages);

  test(`S1 ${file}: every package has an integrity, and comes from no address of its own`, () => {
    for (const [path, { integrity, resolved, link }] of packages) {
      if (without.has(path)) continue;
      assert.match(String(integrity), /^sha512-[A-Za-z0-9+/]{86}==$/, path);
      assert.ok(!link, path);
      assert.equal(resolved, undefined, `${path} is fetched from where npm is told to, and nowhere else`);
    }
  });

  test(`S1 ${file}: packages with an install script are known, and their scripts are not run`, () => {
    const found = packages.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path.slice(path.lastIndexOf('node_modules/') + 13));
    for (const name of found) assert.ok(scripts.includes(name), `${name} brings a script`);
  });
}

test('S1 what installs runs no scripts, wherever it is written', () => {
  const said = ['Makefile', '.ci/run', 'README.md', 'js/README.md', 'edge/README.md'].flatMap((file) =>
    read(file)
      .split('\n')
      .map((line) => `${file}: ${line}`),
  );
  const installs = said.filter((line) => /\bnpm (ci|i|install)\b/.test(line) && !/npm install oauth2-wasm/.test(line));
  assert.ok(installs.length > 0);
  for (const line of installs) assert.match(line, /--ignore-scripts/);
});

test('S2 Go modules are what go.sum says', () => {
  execFileSync('go', ['mod', 'verify'], { cwd: root });
  for (const file of files('go.sum')) for (const line of read(file).split('\n').filter(Boolean)) assert.match(line, /^\S+ v\S+ h1:[A-Za-z0-9+/]{43}=$/, file);
  for (const file of files('go.mod')) {
    const replaced = read(file)
      .split('\n')
      .filter((line) => /=> (?!\.\/|\.\.\/)/.test(line) && !/(\S+)( v\S+)? => \1 v/.test(line)); // a replacement by another version of itself is allowed
    assert.deepEqual(replaced, [], `${file}: a module stands for another one`);
  }
});

test('S2 every Go module knows what the modules that it uses need: go mod tidy was not forgotten', () => {
  for (const file of files('go.mod'))
    execFileSync('go', ['list', '-mod=readonly', '-m', 'all'], { cwd: dirname(join(root, file)), env: { ...process.env, GOWORK: 'off' } });
});
