// The loop that every host uses, with a fake module of the tests.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failed, Loop } from 'oauth2-wasm/host';

/**
 * A loop whose turns give the effects of `script` one after the other; `log` records what happens.
 */
const looping = (script, executors = {}) => {
  const log = [];
  const loop = new Loop(
    { __proto__: null, ...executors },
    {
      turn(message) {
        const { now, entropy, ...input } = JSON.parse(message);
        assert.ok(now > 0 && entropy.length >= 43);
        log.push(input);
        const effects = script.shift() ?? [];
        if (effects instanceof Error) throw effects;
        return effects;
      },
      take: ({ kind }, cause) => log.push(cause ? { kind, cause } : { kind }),
      lost: (error) => log.push({ lost: error.message }),
      rest: () => log.push('rest'),
      done: ({ id }, _, outcome) => log.push({ done: id, ...outcome }),
    },
  );
  loop.busy = false;
  return { loop, log };
};

test('E104 all effects of a turn are begun before an answer is taken, also one that is there at once', async () => {
  const began = [];
  const executors = { load: ({ id }) => (began.push(id), { version: '' }), store: async ({ id }) => (began.push(id), { version: '1' }) };
  const { loop, log } = looping(
    [
      [
        { id: 'a', kind: 'load' },
        { id: 'b', kind: 'store' },
        { id: 'c', kind: 'event' },
      ],
    ],
    executors,
  );
  loop.feed('{"command":"x"');
  assert.deepEqual(began, ['a', 'b']);
  assert.deepEqual(
    log.filter((entry) => !entry.done),
    [{ command: 'x' }, { kind: 'event' }, { answer: 'a', ok: { version: '' } }, 'rest'],
  );
  await new Promise(setImmediate);
  assert.deepEqual(log.at(-2), { answer: 'b', ok: { version: '1' } });
  assert.deepEqual(loop.kinds, []);
});

test('E104 what fails is answered so, and a kind that nobody knows is unsupported, inherited names too', async () => {
  const cause = new Error('mine');
  const { loop, log } = looping(
    [
      [
        { id: 'a', kind: 'load' },
        { id: 'b', kind: 'verify' },
        { id: 'c', kind: 'constructor' },
        { id: 'd', kind: 'sign' },
      ],
    ],
    {
      load: () => {
        throw new Failed('storage', cause);
      },
      verify: async () => {
        throw cause;
      },
      sign: () => 1n, // not JSON
    },
  );
  loop.feed('{"command":"x"');
  await new Promise(setImmediate);
  const answers = Object.fromEntries(log.filter(({ answer }) => answer).map(({ answer, failed }) => [answer, failed.kind]));
  assert.deepEqual(answers, { a: 'storage', b: 'internal', c: 'unsupported', d: 'internal' });
});

test('E104 what is withdrawn is not answered; a lock stays until it is', async () => {
  let signal;
  let release;
  const executors = { http: (_, controller) => ((signal = controller.signal), new Promise((resolve) => (release = resolve))), lock: async () => ({}) };
  const { loop, log } = looping(
    [
      [
        { id: 'a', kind: 'http' },
        { id: 'l', kind: 'lock' },
      ],
      [{ id: 'b', kind: 'http-cancel', target: 'a' }],
    ],
    executors,
  );
  loop.feed('{"command":"x"');
  await new Promise(setImmediate);
  assert.ok(signal.aborted);
  release({ status: 200 });
  await new Promise(setImmediate);
  assert.ok(!log.some(({ answer }) => answer === 'a'));
  assert.deepEqual(loop.kinds, ['lock']);
  loop.withdraw();
  assert.deepEqual(loop.kinds, []);
});

test('E104 a turn that throws ends the loop', () => {
  const { loop, log } = looping([new Error('trap'), []]);
  loop.feed('{"command":"x"');
  loop.feed('{"command":"y"');
  assert.deepEqual(log, [{ command: 'x' }, { lost: 'trap' }]);
});
