import { figure } from '../lib/figures.mjs';
import { goBench, perSecond } from '../lib/go.mjs';
import { atMost } from '../lib/table.mjs';

export const title = 'The module on wazero';
export const how =
  'Compile: what the first engine of a process costs, without a cache and with one on disk. Instantiate: another instance. Memory: of sessions that have signed in once. ' +
  'Sessions: one thing in one of so many open ones, each in its turn, one after the other; an engine keeps at most 128 in an instance, "one instance" keeps all in one, ' +
  'whose collector marks everything that they hold.';

const counts = [1, 10, 100, 1000, 10000];
const GiB = 2 ** 30;

export const run = async ({ rounds }) => {
  const few = Math.max(2, Math.round(rounds / 2)); // each opens and signs in 12,000 clients
  const start = goBench('wasm', '^BenchmarkCompile$|^BenchmarkInstantiate$', rounds);
  const memory = goBench('wasm', '^BenchmarkMemory$', few, '1x');
  const sessions = goBench('wasm', '^BenchmarkSessions$', few, '100ms');

  const ms = (list) => list.map((ns) => ns / 1e6);
  const once = (what, list) => figure('Start', what, 'ms', ms(list), { better: 'less' });
  const started = [
    once('compile, page profile', start['Compile/fresh/page']['ns/op']),
    once('cached on disk, page profile', start['Compile/cached/page']['ns/op']),
    once('instantiate', start.Instantiate['ns/op']),
    once('compile, all of the client', start['Compile/fresh/full']['ns/op']),
    once('cached on disk, all of the client', start['Compile/cached/full']['ns/op']),
  ];
  const kept = [
    figure('Memory', 'instance with one session', 'bytes', memory['Memory/one']['instance-B'], { better: 'less' }),
    figure('Memory', 'one more session in it: memory of the module', 'bytes', memory['Memory/handles']['module-B/session'], { better: 'less' }),
    figure('Memory', 'one more session in it: memory of the process', 'bytes', memory['Memory/handles']['resident-B/session'], { better: 'less' }),
    figure('Memory', 'an instance each: memory of the process', 'bytes', memory['Memory/instances']['resident-B/session'], { better: 'less' }),
    figure(
      'Sessions per GiB',
      'handles in one instance',
      'sessions',
      memory['Memory/handles']['resident-B/session'].map((n) => GiB / n),
    ),
    figure(
      'Sessions per GiB',
      'an instance each',
      'sessions',
      memory['Memory/instances']['resident-B/session'].map((n) => GiB / n),
    ),
  ];
  const throughput = [];
  for (const what of ['token', 'refresh']) {
    for (const [engine, title] of [
      ['engine', 'an engine'],
      ['one', 'one instance'],
    ]) {
      for (const n of counts) {
        const seen = sessions[`Sessions/${engine}/${n}/${what}`];
        if (seen)
          throughput.push(
            figure(
              `${{ token: 'A token that is still good', refresh: 'A refresh' }[what]}, ${title}`,
              `${n.toLocaleString('en')} sessions`,
              'a second',
              perSecond(seen['ns/op']),
            ),
          );
      }
    }
  }
  const by = (n) => sessions[`Sessions/engine/${n}/refresh`]['ns/op'];
  const growth = by(10000).map((ns, round) => ns / by(10)[round]);
  const flat = figure('', 'oauth2-wasm', 'times the cost with 10 sessions', growth, { better: 'less' });
  return {
    figures: [...started, ...kept, ...throughput],
    aims: [
      atMost('compile, page profile: at most 72 ms', started[0], 72),
      atMost('from the cache, page profile: at most 6 ms', started[1], 6),
      atMost('instantiate: at most 0.15 ms', started[2], 0.15),
      atMost('an ordinary session: at most 128 KiB', kept[0], 128 * 1024),
      atMost('cost per session flat from 10 to 10,000 (at most a quarter more)', flat, 1.25),
    ],
  };
};
