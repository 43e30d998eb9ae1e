// Benchmarks in Go: compiled once, then run round after round, so that a slow moment of the machine
// affects all contenders.
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../test/lib/installed.mjs';

const built = new Map();

/** Compiles the tests of a package, or a program, and returns the file. */
export const goBuild = (folder, name, { test = false, small = false, env = {} } = {}) => {
  const file = join(root, 'build/bench', name);
  if (built.has(file)) return file;
  mkdirSync(join(root, 'build/bench'), { recursive: true });
  const args = test ? ['test', '-c', '-o', file, '.'] : ['build', ...(small ? ['-trimpath', '-ldflags=-s -w'] : []), '-o', file, '.'];
  execFileSync('go', args, { cwd: join(root, folder), env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'inherit'] });
  built.set(file, true);
  return file;
};

/**
 * Runs the benchmarks whose names match, once. Returns {name: {unit: figure}}, names without
 * `Benchmark`.
 */
const once = (folder, file, pattern, time) => {
  const text = execFileSync(file, ['-test.run', '^$', '-test.bench', pattern, '-test.benchtime', time, '-test.benchmem'], {
    cwd: join(root, folder),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const seen = {};
  for (const [, name, rest] of text.matchAll(/^Benchmark(\S+?)(?:-\d+)?\s+\d+\s+(.*)$/gm)) {
    seen[name] = Object.fromEntries([...rest.matchAll(/([\d.e+-]+) (\S+)/g)].map(([, n, unit]) => [unit, Number(n)]));
  }
  return seen;
};

/** The same in rounds: {name: {unit: [figure, …]}}. */
export const goBench = (folder, pattern, rounds, time = '200ms') => {
  const file = goBuild(folder, folder.replaceAll('/', '-') + '.test', { test: true });
  const all = {};
  for (let round = 0; round < rounds; round++) {
    for (const [name, units] of Object.entries(once(folder, file, pattern, time))) {
      for (const [unit, n] of Object.entries(units)) ((all[name] ??= {})[unit] ??= []).push(n);
    }
  }
  if (!Object.keys(all).length) throw new Error(`no benchmark of ${folder} fits ${pattern}`);
  return all;
};

/** Operations a second, from nanoseconds an operation. */
export const perSecond = (nanoseconds) => nanoseconds.map((ns) => 1e9 / ns);
