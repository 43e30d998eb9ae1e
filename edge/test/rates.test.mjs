// What `make rates` runs, for a moment: every host and everybody beside it signs in, proxies and
// refreshes. How fast is not looked at.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { PATIENCE } from '../../js/test/suite/patience.js';
import { root } from '../dev/workerd.mjs';
import { hosts } from '../bench/rates/hosts.mjs';

test('the bench of rates runs on every host', async () => {
  // Tokens that are about to end when they are issued, for some of these.
  const variables = { HOSTS: '', SESSIONS: 20, SECONDS: 0.5, ACCESS_TOKEN: 20, PATIENCE: PATIENCE / 1000 };
  const { stdout } = await promisify(execFile)(process.execPath, [join(root, 'edge/bench/rates.mjs')], { env: { ...process.env, ...variables } });
  const { all } = JSON.parse(readFileSync(join(root, 'build/rates.json'), 'utf8'));
  const names = Object.values(hosts).flatMap((group) => group.map(({ name }) => name));
  assert.deepEqual(
    all.map(({ name }) => name),
    names,
  );
  for (const { name, plain, requests, failed, refreshesInAll, memory } of all) {
    assert.ok(stdout.includes(`\n| ${name} | `), stdout);
    assert.ok(requests > 0, name);
    assert.deepEqual(failed, {}, name);
    assert.equal(refreshesInAll > 0, !plain, `${name}: ${refreshesInAll} refreshes`);
    assert.ok(Math.min(...memory) > 0, name);
  }
});
