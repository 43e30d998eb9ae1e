import assert from 'node:assert/strict';
import { test } from 'node:test';
import { library } from './lib/installed.mjs';

const { ConflictError, insecureSessionStore, memoryStore } = await library();

/** Node 20 has no session storage; Chromium's is used in browser.test.mjs. */
const fakeStorage = () => {
  const map = new Map();
  return { getItem: (key) => map.get(key) ?? null, setItem: (key, value) => map.set(key, String(value)), removeItem: (key) => map.delete(key) };
};

const kinds = {
  memoryStore,
  insecureSessionStore: () => {
    globalThis.sessionStorage = fakeStorage();
    return insecureSessionStore();
  },
};

for (const [name, make] of Object.entries(kinds)) {
  test(`X9 ${name} compares and sets`, async () => {
    const store = make();
    assert.deepEqual(await store.load('k'), { version: '' });
    const one = await store.store('k', '', 'a text with spaces');
    assert.deepEqual(await store.load('k'), { version: one, value: 'a text with spaces' });
    assert.throws(() => store.store('k', '', 'x'), ConflictError);
    assert.throws(() => store.store('k', 'other', null), ConflictError);
    assert.throws(() => store.store('new', one, 'x'), ConflictError);
    const two = await store.store('k', one, 'second');
    assert.notEqual(two, one);
    assert.equal((await store.load('k')).value, 'second');
    assert.deepEqual(await store.load('other'), { version: '' });
  });

  test(`X9 ${name} gives no version twice, not after a deletion either`, async () => {
    const store = make();
    const seen = new Set();
    for (let i = 0; i < 50; i++) {
      const version = await store.store('k', '', 'same');
      assert.ok(version && !seen.has(version));
      seen.add(version);
      assert.equal(await store.store('k', version, null), '');
      assert.deepEqual(await store.load('k'), { version: '' });
    }
  });

  test(`${name} keeps an empty text`, async () => {
    const store = make();
    const version = await store.store('k', '', '');
    assert.deepEqual(await store.load('k'), { version, value: '' });
  });
}
