// Lists every behaviour of core/contract/BEHAVIOURS.md with the tests that passed for it in the
// last `make test`. It fails for a row that no passed test names, for an id in a test without a
// row, and for a test in SECURITY.md that does not exist. A Go test names behaviours in
// its name, its doc comment, or its scene's covers; a Node test in its name; a transcript and a
// case of the contract in "covers".
import { existsSync, readdirSync, readFileSync } from 'node:fs';

const lines = (file) => readFileSync(file, 'utf8').split('\n');
const walk = (dir) => readdirSync(dir, { withFileTypes: true }).flatMap((e) => (e.isDirectory() ? walk(`${dir}/${e.name}`) : [`${dir}/${e.name}`]));
const inFolder = (dir, ending) =>
  existsSync(dir)
    ? readdirSync(dir)
        .filter((name) => name.endsWith(ending))
        .map((name) => `${dir}/${name}`)
    : [];

const rows = lines('core/contract/BEHAVIOURS.md').flatMap((line) => /^\| ([A-Z]\d+) \|/.exec(line)?.[1] ?? []);
const letters = [...new Set(rows.map((id) => id[0]))].join('');
/** S256 is a PKCE method, not a row. */
const cited = (text) => [...new Set(text.match(new RegExp(`\\b(?!S256)[${letters}]\\d{1,3}\\b`, 'g')) ?? [])];

const by = new Map(rows.map((id) => [id, new Set()]));
const unexplained = new Map();
const passing = new Set(); // the names of Go tests
/** Records the ids that a test names; only a passed test counts. */
const note = (name, text, passed) => {
  for (const id of cited(text)) {
    if (!by.has(id)) unexplained.set(id, name);
    else if (passed) by.get(id).add(name);
  }
};

const docs = new Map(); // Go test to its doc comment, and the covers of its scenes
for (const file of ['core', 'edge', 'js/test', 'wasm', 'web'].flatMap(walk).filter((f) => f.endsWith('_test.go'))) {
  const source = readFileSync(file, 'utf8');
  for (const [, doc, name, body] of source.matchAll(/((?:^\/\/.*\n)*)^func ((?:Test|Fuzz|Example)\w*)\(([^\n]*}$|[\s\S]*?^})/gm)) {
    const covers = [...body.matchAll(/newScene\(([^\n]*)\n/g)].map((m) => m[1]).join(' ');
    docs.set(
      `${file.slice(0, file.lastIndexOf('/'))}#${name}`,
      `${doc} ${name} ${covers} ${[...body.matchAll(/t\.Run\("([^"]*)"/g)].map((m) => m[1]).join(' ')}`,
    );
  }
}

for (const line of inFolder('build/test', '.log')
  .flatMap(lines)
  .filter((l) => l.startsWith('{"Time"'))) {
  const { Action, Package, Test } = JSON.parse(line);
  if (!Test || !['pass', 'fail'].includes(Action)) continue;
  const dir = Package.replace('github.com/oauth2-wasm/oauth2-wasm/', '');
  if (Action === 'pass') passing.add(Test);
  note(`${dir} ${Test}`, `${docs.get(`${dir}#${Test}`) ?? ''} ${Test}`, Action === 'pass');
}
for (const line of inFolder('build/test', '.jsonl').flatMap(lines).filter(Boolean)) {
  const { name, pass, skip, suite } = JSON.parse(line);
  if (!suite) note(`node ${name}`, name, pass && !skip);
}

/** What each transcript of a folder covers, by its name. */
const covers = (dir) => inFolder(dir, '.txt').map((file) => [file.slice(dir.length + 1, -4), JSON.parse(lines(file)[0]).covers ?? []]);
const contractCovers = JSON.parse(readFileSync('core/contract/contract.json', 'utf8')).map(({ name, covers }) => [name, covers ?? []]);
for (const file of inFolder('build/hosts', '.json')) {
  const { host, transcripts, contract, bff, resource } = JSON.parse(readFileSync(file, 'utf8'));
  for (const [suite, names] of [
    [transcripts, covers('core/contract/client')],
    [bff, covers('core/contract/bff')],
    [resource, covers('core/contract/resource')],
    [contract, contractCovers],
  ]) {
    if (suite) for (const [name, ids] of names) note(`${host} ${name}`, ids.join(' '), suite.passed === suite.total);
  }
}

for (const [id, names] of by) {
  const tests = [...names];
  console.log(
    `${id.padEnd(4)} ${tests.length ? `${String(tests.length).padStart(3)}  ${tests.slice(0, 3).join(', ')}${tests.length > 3 ? ' …' : ''}` : '  -'}`,
  );
}
const missing = rows.filter((id) => by.get(id).size === 0);
const twice = rows.filter((id, i) => rows.indexOf(id) !== i);
for (const id of missing) console.log(`${id}: no test that passed names it`);
for (const [id, name] of unexplained) console.log(`${id}: BEHAVIOURS.md has no such row, and it is named by ${name}`);
for (const id of twice) console.log(`${id}: more than one row`);
// SECURITY.md names tests for threats. Fuzz targets are tests, too, as they run on their seeds.
const model = readFileSync('SECURITY.md', 'utf8');
const named = [...new Set([...model.matchAll(/`((?:Test|Fuzz)\w+)`/g)].map(([, name]) => name))].filter((name) => !passing.has(name));
for (const name of named) console.log(`${name}: SECURITY.md names it, and no such test passed`);
const rowless = cited(model).filter((id) => !by.has(id));
for (const id of rowless) console.log(`${id}: SECURITY.md names it, and BEHAVIOURS.md has no such row`);
const failed = missing.length + unexplained.size + twice.length + named.length + rowless.length;
console.log(`${rows.length - missing.length} passed, ${failed} failed, 0 skipped`);
process.exitCode = failed ? 1 : 0;
