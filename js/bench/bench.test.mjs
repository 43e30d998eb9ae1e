// Rows of `make bench`, for a moment: every contender starts and gives right answers. How fast is
// not looked at. The others need minutes, or a server of many modules (7).
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { root } from '../test/lib/installed.mjs';

const ROWS = '1,2,3,4,6,8,9,11';

test('the rows of the bench run', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [join(root, 'js/bench/run.mjs')], { env: { ...process.env, ROWS, ROUNDS: 1, SLICE: 20 } });
  for (const row of ROWS.split(',')) assert.match(stdout, new RegExp(`^${row}\\. .*$`, 'm'));
});
