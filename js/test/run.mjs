// Runs test files, several at once, with the Node that runs this: `node js/test/run.mjs NAME
// FILE…`, the longest first.
//
// Most of them wait for browsers, servers and processes, so more run at once than there are cores.
// Each has its own servers, ports and folders. Writes a line for each test to build/test/NAME.jsonl
// (behaviours.mjs reads it), and ends with "N passed, N failed, N skipped".
import { createWriteStream, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { root } from './lib/installed.mjs';

const AT_ONCE = 3;

const [name, ...files] = process.argv.slice(2);
if (!name || files.length === 0) throw new Error('usage: node js/test/run.mjs NAME FILE…');
const folder = join(root, 'build/test');
mkdirSync(folder, { recursive: true });
const lines = createWriteStream(join(folder, `${name}.jsonl`));
const counts = { passed: 0, failed: 0, skipped: 0 };

const note =
  (outcome) =>
  ({ name, details, skip, todo }) => {
    const suite = details?.type === 'suite';
    lines.write(JSON.stringify({ name, pass: outcome === 'passed', skip: Boolean(skip || todo), suite }) + '\n');
    // If a suite itself fails, for example in a hook, none of its tests fails.
    if (!suite || outcome === 'failed') counts[outcome === 'passed' && (skip || todo) ? 'skipped' : outcome] += 1;
  };

// forceExit: Node 20 sometimes loops for ever at its end because of a socket that is already
// closed.
const tests = run({ files: files.map((file) => join(root, file)), concurrency: AT_ONCE, forceExit: true });
tests.on('test:pass', note('passed'));
tests.on('test:fail', note('failed'));
const told = tests.compose(spec);
told.pipe(process.stdout);
told.once('end', () => {
  lines.end(() => {
    console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
    process.exit(counts.failed > 0 || counts.passed === 0 ? 1 : 0);
  });
});
