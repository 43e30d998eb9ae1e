// The Durable Object by itself, in workerd: compare-and-set, expiry, the queue for a lock, and what
// survives a restart.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { freePort, root, workerd } from '../dev/workerd.mjs';
import { work } from './lib/world.mjs';

let folder, begin, running, origin;
before(async () => {
  mkdirSync(work, { recursive: true });
  folder = mkdtempSync(join(work, 'objects-'));
  const port = await freePort();
  origin = `http://127.0.0.1:${port}`;
  begin = await workerd({ folder, port, entry: join(root, 'edge/test/lib/objects.ts'), variables: { BFF: { base: origin } }, secrets: {} });
  running = await begin();
});
after(async () => {
  await running?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const ask = async (object, question, headers) => {
  const response = await fetch(`${origin}/${object}`, { method: 'POST', body: JSON.stringify(question), headers: { connection: 'close', ...headers } });
  assert.equal(response.status, 200);
  return response.json();
};
const inside = async (object) => (await fetch(`${origin}/${object}`, { headers: { connection: 'close' } })).json();
const load = (object, key = 'k') => ask(object, { op: 'load', key });
const store = (object, version, value, more) => ask(object, { op: 'store', key: 'k', version, value, ...more });
const wait = (object, wait_ms) => ask(object, { op: 'lock', name: 'l', wait_ms });
const unlock = (object, token) => ask(object, { op: 'unlock', name: 'l', token });
/** A short time, but longer than the first steps of a test, in ms. */
const SOON = 4_000;
const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

test('a store replaces only what it knows, and no version comes back (X9)', async () => {
  assert.deepEqual(await load('cas'), { version: '' });
  const { version: first } = await store('cas', '', 'one');
  assert.deepEqual(await store('cas', '', 'two'), { failed: 'conflict' });
  assert.deepEqual(await store('cas', 'other', 'two'), { failed: 'conflict' });
  const { version: second } = await store('cas', first, 'two');
  assert.deepEqual(await store('cas', first, 'three'), { failed: 'conflict' });
  assert.deepEqual(await load('cas'), { value: 'two', version: second });
  assert.deepEqual(await store('cas', second, undefined, { delete: true }), { version: '' });
  assert.deepEqual(await load('cas'), { version: '' });
  assert.deepEqual(await inside('cas'), { keys: [], alarm: null }, 'an object without a key keeps nothing');
  const { version: third } = await store('cas', '', 'one');
  assert.equal(new Set([first, second, third, '']).size, 4);
  assert.deepEqual(await store('cas', second, 'revived'), { failed: 'conflict' });
});

test('of many who store at once one does (X9)', async () => {
  const all = await Promise.all(Array.from({ length: 20 }, (_, i) => store('race', '', String(i))));
  assert.equal(all.filter(({ version }) => version).length, 1);
  assert.equal((await load('race')).value, String(all.findIndex(({ version }) => version)));
});

test('what is over is not there, whether the alarm came or not; the alarm is one, and takes only what is over', async () => {
  const now = Date.now();
  await ask('over', { op: 'store', key: 'soon', version: '', value: 'x', expires_at: now + SOON });
  await ask('over', { op: 'store', key: 'late', version: '', value: 'y', expires_at: now + 3_600_000 });
  await ask('over', { op: 'store', key: 'ever', version: '', value: 'z' });
  assert.equal((await inside('over')).alarm, now + SOON, 'the earliest');
  await ask('over', { op: 'store', key: 'gone', version: '', value: 'x', expires_at: now - 1 });
  assert.deepEqual(await load('over', 'gone'), { version: '' });
  while ((await inside('over')).keys.includes('soon')) await later(50);
  assert.deepEqual(await inside('over'), { keys: ['ever', 'late'], alarm: now + 3_600_000 });
  assert.equal((await load('over', 'late')).value, 'y');
  await store('alone', '', 'x', { expires_at: Date.now() + 200 });
  while ((await inside('alone')).keys.length) await later(50);
  assert.deepEqual(await inside('alone'), { keys: [], alarm: null });
});

test('a session that lives longer than its alarm is not forgotten', async () => {
  const now = Date.now();
  const { version } = await store('longer', '', 'x', { expires_at: now + SOON });
  await store('longer', version, 'y', { expires_at: now + 3_600_000 });
  while ((await inside('longer')).alarm !== now + 3_600_000) await later(50);
  assert.equal((await load('longer')).value, 'y');
});

test('a lock has one holder, those who wait have it in their order, and one who gave up never (X8)', async () => {
  const { token } = await wait('lock', 60_000);
  const order = [];
  const first = wait('lock', 60_000).then(({ token }) => (order.push('first'), unlock('lock', token)));
  await later(1000); // it is the first in the queue
  const impatient = wait('lock', 100).then(({ failed }) => order.push(failed));
  const last = wait('lock', 60_000).then(({ token }) => (order.push('last'), unlock('lock', token)));
  await impatient;
  await unlock('lock', 'not the one');
  assert.deepEqual(order, ['timeout']);
  await unlock('lock', token);
  await Promise.all([first, last]);
  assert.deepEqual(order, ['timeout', 'first', 'last']);
  assert.ok((await wait('lock', 0)).token);
});

test('who waits for a lock and goes away has no turn (X8)', { timeout: 12_000 }, async () => {
  const { token } = await wait('gone', 0);
  for (const way of ['x-gives-up', 'x-leaves'])
    assert.deepEqual(await ask('gone', { op: 'lock', name: 'l', wait_ms: 60_000 }, { [way]: '100' }), { gone: true });
  const next = wait('gone', 60_000);
  await unlock('gone', token);
  // Otherwise each waiter that is gone would hold the lock for a lease of 15 s.
  assert.ok((await next).token);
});

test('a holder that dies loses the lock after its lease, one that says it lives does not (X8)', async () => {
  const { token } = await wait('lease', 0);
  const began = Date.now();
  const next = wait('lease', 60_000);
  await later(8_000);
  await ask('lease', { op: 'renew', name: 'l', token });
  assert.ok((await next).token);
  assert.ok(Date.now() - began >= 23_000 - 100, 'the lease runs from its last word');
});

test('what was answered is there after the process was killed, and its alarm too', async () => {
  const { version } = await store('kept', '', 'x');
  await store('brief', '', 'x', { expires_at: Date.now() + 1500 });
  const { token } = await wait('kept', 0);
  await running.kill();
  running = await begin();
  assert.deepEqual(await load('kept'), { value: 'x', version });
  assert.ok((await wait('kept', 0)).token, 'a lock ends with the process');
  assert.ok(token);
  while ((await inside('brief')).keys.length) await later(100);
});
