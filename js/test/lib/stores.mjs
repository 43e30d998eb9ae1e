// The requirements for every store.
import assert from 'node:assert/strict';

export const conflict = { name: 'ConflictError' };

/**
 * Checks compare-and-set with two handles of one store under the key `k`, which is empty before and
 * after, and that no version comes twice.
 */
export const comparesAndSets = async (a, b) => {
  const seen = new Set(['']);
  const put = async (store, version) => {
    const next = await store.store('k', version, 'x');
    assert.ok(!seen.has(next));
    seen.add(next);
    assert.deepEqual(await b.load('k'), { version: next, value: 'x' });
    return next;
  };
  assert.deepEqual(await a.load('k'), { version: '' });
  assert.equal(await a.store('k', '', null), '');
  let version = await put(a, '');
  await assert.rejects(b.store('k', '', 'y'), conflict);
  await assert.rejects(b.store('k', '', null), conflict);
  version = await put(b, version);
  await assert.rejects(a.store('k', 'other', 'y'), conflict);
  await assert.rejects(a.store('k', 'other', null), conflict);
  assert.equal(await a.store('k', version, null), '');
  assert.deepEqual(await b.load('k'), { version: '' });
  await assert.rejects(a.store('k', version, null), conflict);
  await assert.rejects(a.store('k', version, 'y'), conflict);
  await a.store('k', await put(b, ''), null);
};
