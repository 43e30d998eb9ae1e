// The key ring as in the README: its commands run unchanged, with a wrangler that stores its input,
// and workerd uses the result.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import host from './hosts/ts-worker.mjs';
import { world } from './lib/world.mjs';

const SESSION = '__Host-oauth2';
const home = mkdtempSync(join(tmpdir(), 'keyring-'));
const ring = join(home, 'seal-keys');
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const blocks = [...readme.matchAll(/^ *```\w*\n([^]*?)^ *```$/gm)].map(([, text]) => text);
const block = (word) => blocks.find((text) => text.includes(word)) ?? assert.fail(`the README has no commands with ${word}`);
const line = (word) =>
  block(word)
    .split('\n')
    .find((text) => text.includes(word))
    .trim();

const run = (commands) =>
  execFileSync('bash', ['-c', commands], {
    env: { ...process.env, HOME: home, PATH: [home, dirname(process.execPath), process.env.PATH].join(delimiter) },
    stdio: 'pipe',
    encoding: 'utf8',
  });
const put = () => readFileSync(join(home, 'put'), 'utf8');

const generate = line("'k1:'");
const store = line('secret put SEAL_KEYS <');
const change = block('ring() {');
const steps = change.split('\n').filter((text) => text.startsWith('ring "'));
const step = (n) => run(change.slice(0, change.indexOf('ring "')) + steps[n]);

before(() => {
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, 'npx'), '#!/bin/sh\n[ "$*" = "wrangler secret put SEAL_KEYS" ] || exit 1\n[ -z "$FAILING" ] || exit 1\ncat > "$HOME/put"\n', {
    mode: 0o755,
  });
});
after(() => rmSync(home, { recursive: true, force: true }));

test('the first key is saved before it is put, for its owner alone, and never overwritten (E84)', () => {
  assert.ok(readme.indexOf(generate) < readme.indexOf(store), 'it is put before it is saved');
  run(generate);
  assert.match(readFileSync(ring, 'utf8'), /^k1:[\w-]{43}\n$/);
  assert.equal(statSync(ring).mode & 0o777, 0o600);
  run(store);
  assert.equal(put(), readFileSync(ring, 'utf8'));
  assert.throws(() => run(generate), 'a second time');
  assert.equal(put(), readFileSync(ring, 'utf8'));
});

test('keys change by the steps of the README, and nobody is signed out before the last (E84)', async () => {
  assert.equal(steps.length, 3);
  const w = await world(host, {});
  try {
    const from = (SEAL_KEYS) => w.host.restart({ secrets: { ...w.given.secrets, SEAL_KEYS } });
    const signedIn = async () => {
      const visitor = w.visitor();
      await visitor.signIn();
      return visitor;
    };
    const sealedBy = (visitor) => visitor.jar().get(SESSION).split('.')[0];
    await from(put());
    const first = await signedIn();
    assert.equal(sealedBy(first), 'k1');

    assert.throws(() => run(`export FAILING=1\n${change.slice(0, change.indexOf('ring "'))}${steps[0]}`));
    run(store); // the ring is saved, so only the put is repeated
    const behind = put();
    assert.match(behind, /^k1:[\w-]{43},k2:[\w-]{43}\n$/);
    await from(behind);
    assert.equal((await first.session()).status, 200);

    step(1);
    assert.match(put(), /^k2:[\w-]{43},k1:[\w-]{43}\n$/);
    await from(put());
    assert.equal((await first.session()).status, 200);
    const second = await signedIn();
    assert.equal(sealedBy(second), 'k2');
    await from(behind); // a machine that does not have it yet
    assert.equal((await second.session()).status, 200);

    step(2);
    assert.match(put(), /^k2:[\w-]{43}\n$/);
    assert.equal(statSync(ring).mode & 0o777, 0o600);
    await from(put());
    assert.equal((await second.session()).status, 200);
    w.refused(await first.session(), 401, 'not_signed_in');
  } finally {
    await w.stop();
  }
});
