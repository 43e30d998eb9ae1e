// make rates: how many requests a second of signed-in users pass through the backend on each host,
// while 99 of 100 are answered within 100 ms; what of the CPU each takes; and what memory the host
// has meanwhile. Beside it stand a plain reverse proxy of the same runtime, and in Node
// openid-client with express-session. It prints a table, and writes build/rates.json.
//
//   HOSTS=node,go   some of: node, deno, bun, workerd, go (all)
//   SESSIONS        signed in before (10000)
//   SECONDS         of proxying at the highest rate (60)
//   ACCESS_TOKEN    how long access tokens are good for, in seconds (3600)
//   PATIENCE        what takes longer has failed, in seconds (10)
//
// One runtime after the other. Everybody signs in, for real; then for each contender the highest
// rate is looked for, in trials of a few seconds; then all run at their own, in turn, in slices of
// ten seconds. Requests come at random times at the given rate, whether or not earlier ones were
// answered, and a request's time runs from when it had to be sent. The authorization server, the
// API (a KiB of JSON) and the browsers are one process in Go (rates/drive), on the same machine.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort, root } from '../dev/workerd.mjs';
import { hosts, program, work } from './rates/hosts.mjs';

const number = (name, standard) => {
  const n = Number(process.env[name] || standard);
  if (!(n > 0)) throw new Error(`${name} is a number above 0`);
  return n;
};
const [SESSIONS, SECONDS] = [number('SESSIONS', 10_000), number('SECONDS', 60)];
const [ACCESS_TOKEN, PATIENCE] = [number('ACCESS_TOKEN', 3_600), number('PATIENCE', 10)];
const wanted = (process.env.HOSTS || Object.keys(hosts).join(',')).split(',').map((name) => name.trim());
for (const name of wanted) if (!hosts[name]) throw new Error(`there is no host ${name}; there are ${Object.keys(hosts)}`);

/** What p99 may be, in ms. */
const LIMIT = 100;
const TRIAL = Math.min(5, SECONDS / 4);
const TRIALS = 6;
const SLICE = Math.min(10, SECONDS);
/**
 * A minute is harder than the short trials, so it begins at less than what held in those. One that
 * did not hold is tried again at less, so often.
 */
const AGAIN = 6;
const LESS = 0.85;
/** Memory is looked at so often, in ms. */
const LOOK = 200;

/** The process around the hosts: it does one thing after the other. */
class Driver {
  static async start() {
    const driver = new Driver();
    const child = spawn(program('edge/bench/rates/drive'), ['-access-token', `${ACCESS_TOKEN}s`, '-patience', `${PATIENCE}s`], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    driver.pid = child.pid;
    driver.lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    driver.child = child;
    Object.assign(driver, await driver.next());
    return driver;
  }

  async next() {
    const { done, value } = await this.lines.next();
    if (done) throw new Error('drive: ended');
    const answer = JSON.parse(value);
    if (answer.error) throw new Error(`drive: ${answer.error}`);
    return answer;
  }

  ask(order) {
    this.child.stdin.write(`${JSON.stringify(order)}\n`);
    return this.next();
  }

  stop() {
    const gone = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.stdin.end();
    return gone;
  }
}

/** User and system time of a process, in s (proc(5): clock ticks of a hundredth of a second). */
const cpuOf = (pid) => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
};
/** What all processes of the machine have had, in s. */
const cpuOfAll = () => {
  const [, user, nice, system, , , irq, soft] = readFileSync('/proc/stat', 'utf8').split('\n')[0].split(/\s+/).map(Number);
  return (user + nice + system + irq + soft) / 100;
};
const memoryOf = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;

const quantile = (sorted, q) => (sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? NaN) / 10;

/** What several runs came to together. */
class Sum {
  times = [];
  failed = {};
  refreshes = 0;
  seconds = 0;
  cpu = 0;
  others = 0;
  memory = [];

  add({ times = [], failed, refreshes }, { seconds, cpu, others, memory }) {
    for (const time of times) this.times.push(time);
    for (const [kind, n] of Object.entries(failed)) this.failed[kind] = (this.failed[kind] ?? 0) + n;
    this.refreshes += refreshes;
    this.seconds += seconds;
    this.cpu += cpu;
    this.others += others;
    this.memory.push(...memory);
  }

  get failures() {
    return Object.values(this.failed).reduce((sum, n) => sum + n, 0);
  }

  get figures() {
    const sorted = this.times.sort((a, b) => a - b);
    const { length } = sorted;
    const [start, middle, end] = [0, this.memory.length >> 1, this.memory.length - 1].map((i) => Math.round(this.memory[i]));
    return {
      requests: length,
      rate: length / this.seconds,
      p50: quantile(sorted, 0.5),
      p99: quantile(sorted, 0.99),
      cpu: (this.cpu * 1000) / length,
      memory: [start, middle, end],
      refreshes: this.refreshes,
      failed: this.failed,
      /** CPUs that everybody else on the machine had meanwhile. */
      others: this.others / this.seconds,
    };
  }

  get holds() {
    return !this.failures && this.figures.p99 < LIMIT;
  }
}

/** Has a contender asked at a rate, and looks at its process meanwhile. */
const ask = async (driver, contender, rate, seconds, sum = new Sum()) => {
  const { pid } = contender.running;
  const memory = [memoryOf(pid)];
  const clock = setInterval(() => memory.push(memoryOf(pid)), LOOK);
  const [before, all, around] = [cpuOf(pid), cpuOfAll(), cpuOf(driver.pid)];
  try {
    const seen = await driver.ask({ do: 'run', origin: contender.origin, rate, seconds });
    const cpu = cpuOf(pid) - before;
    contender.refreshes += seen.refreshes;
    sum.add(seen, { seconds, cpu, others: Math.max(0, cpuOfAll() - all - cpu - (cpuOf(driver.pid) - around)), memory });
    return sum;
  } finally {
    clearInterval(clock);
  }
};

/** Whether a rate holds. Once is enough: another one may just have had the machine. */
const holds = async (driver, contender, rate) => (await ask(driver, contender, rate, TRIAL)).holds || (await ask(driver, contender, rate, TRIAL)).holds;

/** The highest rate that holds in trials, between none and what it does if it is asked at once. */
const search = async (driver, contender) => {
  const { rate: most, refreshes } = await driver.ask({ do: 'saturate', origin: contender.origin, seconds: TRIAL });
  contender.refreshes = refreshes;
  let [low, high] = [0, most * 1.1];
  for (let i = 0; i < TRIALS; i++) {
    const rate = i ? (low + high) / 2 : most * 0.75;
    if (await holds(driver, contender, rate)) low = rate;
    else high = rate;
  }
  return low || most / 4;
};

const closing = [];
const end = async () => {
  for (let close; (close = closing.pop()); ) await close();
};
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => void end().then(() => process.exit(1)));

const begin = async (driver, { name, plain, start }) => {
  const folder = mkdtempSync(join(work, 'run-'));
  const port = await freePort();
  const origin = `http://localhost:${port}`;
  const { issuer, api } = driver;
  const client = { issuer, discovery: true, client_id: 'edge', scope: 'openid offline_access' };
  const running = await start({
    folder,
    port,
    target: new URL(api).origin,
    config: { base: `${origin}/auth`, client, proxy: [{ path: '/api', target: api }] },
    secrets: { SEAL_KEYS: `rates:${randomBytes(32).toString('base64url')}`, CLIENT_SECRET: randomBytes(32).toString('base64url') },
  });
  closing.push(async () => {
    await running.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const { seconds } = await driver.ask({ do: plain ? 'tokens' : 'sign_in', origin, sessions: SESSIONS });
  return { name, plain, origin, running, signIn: seconds };
};

const measure = async (driver, group) => {
  try {
    const contenders = [];
    for (const one of group) contenders.push(await begin(driver, one));
    for (const contender of contenders) contender.rate = LESS * (await search(driver, contender));
    let left = contenders;
    for (let tries = 0; left.length && tries < AGAIN; tries++) {
      for (const contender of left) contender.sum = new Sum();
      for (let done = 0; done < SECONDS; done += SLICE)
        for (const contender of left) await ask(driver, contender, contender.rate, Math.min(SLICE, SECONDS - done), contender.sum);
      left = left.filter(({ sum }) => !sum.holds);
      if (tries < AGAIN - 1) for (const contender of left) contender.rate *= LESS;
    }
    return contenders.map(({ name, plain = false, rate, signIn, sum, refreshes }) => ({
      name,
      plain,
      asked: rate,
      signIn,
      holds: sum.holds,
      refreshesInAll: refreshes,
      ...sum.figures,
    }));
  } finally {
    await end();
  }
};

const round = (n, digits = 0) => n.toLocaleString('en', { maximumFractionDigits: digits, minimumFractionDigits: digits });
const row = ({ name, holds, rate, p50, p99, cpu, memory, refreshes, failed, others }) => {
  const failures = Object.entries(failed).map(([kind, n]) => `${kind}: ${n}`);
  const cells = [
    name,
    `${holds ? '' : 'does not hold: '}${round(rate)}`,
    `${round(p50, 1)}, ${round(p99, 1)}`,
    round(cpu, 3),
    memory.map((n) => round(n)).join(', '),
  ];
  return `| ${[...cells, round(refreshes), failures.join(', ') || '0', round(others, 2)].join(' | ')} |`;
};

mkdirSync(work, { recursive: true });
const driver = await Driver.start();
const cpu = cpus();
console.log(
  `${SESSIONS} sessions, ${SECONDS} s at the highest rate with p99 below ${LIMIT} ms, access tokens of ${ACCESS_TOKEN} s; ${cpu.length} cores of ${cpu[0].model.trim()}, Node ${process.version}, load before ${loadavg()[0].toFixed(2)}\n`,
);
console.log('| | requests a second | p50, p99 (ms) | CPU a request (ms) | RSS at start, middle, end (MB) | refreshes | failed | CPUs that others had |');
console.log('| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |');
const all = [];
try {
  for (const name of wanted)
    for (const figures of await measure(driver, hosts[name])) {
      all.push({ host: name, ...figures });
      console.log(row(figures));
    }
} finally {
  await driver.stop();
}
writeFileSync(join(root, 'build/rates.json'), JSON.stringify({ date: new Date().toISOString(), SESSIONS, SECONDS, ACCESS_TOKEN, all }, null, 1) + '\n');
process.exit(0);
