// Lists every behaviour with the tests that passed for it, from what the last `make test` left in build/, and fails on a failed test.
// A Go test names behaviours in its name, its doc comment, or its scene's covers; a Node test in its name; a transcript in "covers".
import { existsSync, readdirSync, readFileSync } from 'node:fs';

const ids = [[1, 13, 'Q'], [20, 23, 'Q'], [30, 38, 'Q'], [40, 43, 'Q'], [1, 10, 'H'], [1, 8, 'A'], [1, 10, 'X']]
  .flatMap(([from, to, letter]) => Array.from({ length: to - from + 1 }, (_, i) => `${letter}${from + i}`));
const cited = (text) => [...new Set(text.match(/\b[QHAX]\d+\b/g) ?? [])].filter((id) => ids.includes(id));
const by = new Map(ids.map((id) => [id, []]));
const counts = { passed: 0, failed: 0, skipped: 0 };
const failures = [];

const note = (name, outcome, text, output) => {
  counts[outcome] += 1;
  if (outcome === 'failed') failures.push(`${name}\n${output ?? ''}`);
  if (outcome === 'passed') for (const id of cited(text)) by.get(id).push(name);
};

const walk = (dir) => readdirSync(dir, { withFileTypes: true }).flatMap((e) => (e.isDirectory() ? walk(`${dir}/${e.name}`) : [`${dir}/${e.name}`]));
const docs = new Map(); // Go test to its doc comment, and the covers of its scenes
for (const file of ['core', 'wasm', 'web'].filter(existsSync).flatMap(walk).filter((f) => f.endsWith('_test.go'))) {
  const source = readFileSync(file, 'utf8');
  for (const [, doc, name, body] of source.matchAll(/((?:^\/\/.*\n)*)^func ((?:Test|Fuzz|Example)\w*)\(([\s\S]*?)^}/gm)) {
    const covers = [...body.matchAll(/newScene\(([^\n]*)\n/g)].map((m) => m[1]).join(' ');
    docs.set(`${file.slice(0, file.lastIndexOf('/'))}#${name}`, `${doc} ${name} ${covers} ${[...body.matchAll(/t\.Run\("([^"]*)"/g)].map((m) => m[1]).join(' ')}`);
  }
}

if (existsSync('build/go-test.json')) {
  const output = new Map();
  for (const line of readFileSync('build/go-test.json', 'utf8').split('\n').filter((l) => l.startsWith('{'))) {
    const { Action, Package, Test, Output } = JSON.parse(line);
    const key = `${Package}#${Test}`;
    if (Action === 'output' || Action === 'build-output') output.set(key, (output.get(key) ?? '') + Output);
    const outcome = { pass: 'passed', fail: 'failed', skip: 'skipped' }[Action];
    if (!outcome) continue;
    const dir = Package.replace('github.com/oauth2-wasm/oauth2-wasm/', '');
    if (Test) note(`${dir} ${Test}`, outcome, `${docs.get(`${dir}#${Test}`) ?? ''} ${Test}`, output.get(key));
    else if (outcome === 'failed') note(dir, outcome, '', output.get(key));
  }
}
if (process.argv.includes('--failures')) {
  console.error(failures.join('\n'));
  process.exit(1);
}
if (existsSync('build/node-tests.jsonl')) {
  for (const line of readFileSync('build/node-tests.jsonl', 'utf8').split('\n').filter(Boolean)) {
    const { name, pass, skip, suite } = JSON.parse(line);
    if (!suite) note(`node ${name}`, skip ? 'skipped' : pass ? 'passed' : 'failed', name);
  }
}
const covers = new Map();
const bffCovers = new Map();
for (const [dir, names] of [['core/testdata', covers], ['core/bff/testdata', bffCovers]]) {
  for (const file of readdirSync(dir).filter((f) => f.endsWith('.txt'))) {
    names.set(file.replace('.txt', ''), JSON.parse(readFileSync(`${dir}/${file}`, 'utf8').split('\n', 1)[0]).covers ?? []);
  }
}
for (const file of existsSync('build/hosts') ? readdirSync('build/hosts').filter((f) => f.endsWith('.json')) : []) {
  const { host, transcripts, contract, bff } = JSON.parse(readFileSync(`build/hosts/${file}`, 'utf8'));
  for (const suite of [transcripts, contract, ...(bff ? [bff] : [])]) {
    counts.passed += suite.passed;
    counts.failed += suite.total - suite.passed;
    failures.push(...(suite.failures ?? []).map((f) => `${host}: ${typeof f === 'string' ? f : JSON.stringify(f)}`));
  }
  for (const [suite, names] of [[transcripts, covers], [bff, bffCovers]]) {
    if (suite && suite.passed === suite.total) for (const [name, list] of names) for (const id of list) by.get(id)?.push(`${host} ${name}`);
  }
}

for (const [id, tests] of by) {
  const hosts = [...new Set(tests)];
  console.log(`${id.padEnd(4)} ${hosts.length ? `${String(hosts.length).padStart(3)}  ${hosts.slice(0, 3).join(', ')}${hosts.length > 3 ? ' …' : ''}` : '  -'}`);
}
for (const f of failures) console.error(f);
console.log(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exit(counts.failed > 0 || counts.passed === 0 ? 1 : 0);
