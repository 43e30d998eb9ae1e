// `make bench`: measures oauth2-wasm beside alternatives, in one run on one machine, prints tables
// and writes build/bench.json. Each file rows/N-name.mjs is a row: it exports title, how, and
// run(context), which gives {figures, aims, notes}.
//
// ROWS=1,4 picks rows. ROUNDS says how often everything is measured (default 7). SLICE is how long
// a contender runs in a round, in ms.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, loadavg, platform, totalmem } from 'node:os';
import { join } from 'node:path';
import { root } from '../test/lib/installed.mjs';
import { runtimes } from '../test/lib/runtimes.mjs';
import { show } from './lib/table.mjs';

const number = (name, standard) => {
  const n = Number(process.env[name] || standard);
  if (!(n > 0)) throw new Error(`${name} is a number above 0`);
  return n;
};
const context = { rounds: number('ROUNDS', 7), slice: number('SLICE', 250) };

const all = readdirSync(new URL('rows', import.meta.url)).sort((a, b) => parseInt(a) - parseInt(b));
const wanted = process.env.ROWS ? process.env.ROWS.split(',').map((id) => id.trim()) : all.map((file) => String(parseInt(file)));
for (const id of wanted)
  if (!all.some((file) => file.startsWith(`${id}-`))) throw new Error(`there is no row ${id}; there are ${all.map((f) => parseInt(f)).join(', ')}`);

const says = (file, ...args) => execFileSync(file, args, { encoding: 'utf8', cwd: root, stdio: ['ignore', 'pipe', 'ignore'] }).trim();
const report = {
  date: new Date().toISOString(),
  command: ['make bench', ...['ROWS', 'ROUNDS', 'SLICE'].filter((name) => process.env[name]).map((name) => `${name}=${process.env[name]}`)].join(' '),
  commit: says('git', 'describe', '--always', '--dirty'),
  machine: {
    cpu: cpus()[0].model.trim(),
    cores: availableParallelism(),
    memory: totalmem(),
    system: `${platform()} ${arch()}`,
    node: process.version,
    go: says('go', 'env', 'GOVERSION'),
    chromium: says(runtimes.chromium, '--version'),
    load: loadavg(),
  },
  ...context,
  rows: [],
};
const { machine } = report;
console.log(`${report.command}, ${report.date}, at ${report.commit}`);
console.log(
  `${machine.cpu}, ${machine.cores} cores, ${machine.system}, Node ${machine.node}, ${machine.go}, ${machine.chromium}; load before: ${machine.load[0].toFixed(2)}`,
);
console.log(
  'Figures are medians of rounds in which the contenders take turns, with the least and the most of a round in brackets. "we: n times" is how many times as',
);
console.log('fast or as small oauth2-wasm (the first of its group) is as the one in the line, by round.');

for (const file of all) {
  if (!wanted.includes(String(parseInt(file)))) continue;
  const { title, how, run } = await import(`./rows/${file}`);
  const began = Date.now();
  const row = { id: parseInt(file), title, how, figures: [], aims: [] };
  try {
    Object.assign(row, await run(context));
  } catch (error) {
    // The other rows go on.
    row.failed = String(error.stdout || error.message);
    process.exitCode = 1;
  }
  row.seconds = (Date.now() - began) / 1000;
  report.rows.push(row);
  console.log(row.failed ? `\n${row.id}. ${title}: FAILED: ${row.failed}` : show(row));
}
const aims = report.rows.flatMap((row) => row.aims);
console.log(`\n${aims.filter((a) => a.met).length} of ${aims.length} aims met. load after: ${loadavg()[0].toFixed(2)}`);
mkdirSync(join(root, 'build'), { recursive: true });
writeFileSync(join(root, 'build/bench.json'), JSON.stringify(report, null, 1) + '\n');
console.log('build/bench.json has every round.');
