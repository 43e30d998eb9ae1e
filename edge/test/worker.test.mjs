// The Worker's own parts: its configuration, its key ring, and that it can be deployed as it is.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { instantiate } from '../../wasm_exec.js';
import { freePort, root, workerd } from '../dev/workerd.mjs';
import { sealKey, work } from './lib/world.mjs';

mkdirSync(work, { recursive: true });

/** A module of the Worker, for Node. */
const imported = async (name) => {
  const outfile = join(work, `${name}.mjs`);
  await build({ entryPoints: [join(root, `edge/worker/${name}.ts`)], bundle: true, format: 'esm', outfile, logLevel: 'warning' });
  return import(pathToFileURL(outfile).href);
};
const { readRing, seal, unseal } = await imported('seal');

test('the rehearsal goes through an exchange and the beginning of a sign-in, and leaves nothing behind', async () => {
  const { rehearse } = await imported('rehearsal');
  const instance = await instantiate(readFileSync(join(root, 'wasm/oauth2-edge.wasm')));
  const said = [];
  let handle;
  rehearse({
    ...instance,
    open: (text) => (handle = instance.open(text)),
    effect: (h) => {
      const text = instance.effect(h);
      if (text) said.push(JSON.parse(text));
      return text;
    },
  });
  assert.deepEqual(said.filter(({ kind }) => kind === 'respond').map(({ status }) => status), [303, 200]);
  assert.equal(said.filter(({ kind, ok }) => kind === 'result' && ok).length, 2);
  assert.equal(instance.input(handle, '{}'), 1, 'the session is there still');
});

const { Memory } = await imported('memory');

test('what is remembered is bounded, and forgotten in time', () => {
  const memory = new Memory();
  const late = Date.now() + 60_000;
  for (let i = 0; i < 1002; i++) memory.remember(`key ${i}`, `text ${i}`, late);
  assert.deepEqual([0, 1, 2, 1001].map((i) => memory.recall(`key ${i}`)), [undefined, undefined, 'text 2', 'text 1001']);
  memory.remember('key 1001', 'another', late);
  assert.equal(memory.recall('key 1001'), 'another');
  assert.equal(memory.recall('key 2'), 'text 2');
  memory.remember('over', 'text', Date.now());
  assert.equal(memory.recall('over'), undefined);
});

const tampered = { kind: 'tampered' };

test('a sealed text is read by a ring that has its key, in its context, and unchanged', async () => {
  const [old, next] = [sealKey('old'), sealKey('next')];
  const [before, both, after] = await Promise.all([old, `${next},${old}`, next].map(readRing));
  const sealed = await seal(before, 'grüße', 'context');
  assert.match(sealed, /^old\.[\w-]+$/);
  assert.equal(await unseal(both, sealed, 'context'), 'grüße');
  assert.match(await seal(both, 'x', 'context'), /^next\./);
  await assert.rejects(unseal(after, sealed, 'context'), tampered);
  await assert.rejects(unseal(before, sealed, 'other context'), tampered);
  await assert.rejects(unseal(await readRing(sealKey('old')), sealed, 'context'), tampered);
  assert.notEqual(await seal(before, 'grüße', 'context'), sealed);
  for (let i = 4; i < sealed.length; i++) {
    const changed = sealed.slice(0, i) + (sealed[i] === 'A' ? 'B' : 'A') + sealed.slice(i + 1);
    await assert.rejects(unseal(before, changed, 'context'), tampered, `character ${i}`);
  }
  for (let n = 0; n < sealed.length; n++) await assert.rejects(unseal(before, sealed.slice(0, n), 'context'), tampered, `${n} characters`);
});

test('a key ring that is none is refused without a word of it', async () => {
  const key = sealKey('a');
  for (const [name, text, why] of [
    ['nothing', '', /no key/],
    ['no id', key.slice(2), /key 1 is not/],
    ['short', key.slice(0, -1), /key 1 is not/],
    ['second', `${key},b:x`, /key 2 is not/],
    ['standard base64', `a:${'+/'.repeat(21)}A`, /key 1 is not/],
    ['the same id', `${key} ${sealKey('a')}`, /two keys are called a$/],
  ]) {
    await assert.rejects(readRing(text), ({ message }) => why.test(message) && !message.includes(key.slice(2, 20)), name);
  }
});

const config = { base: 'http://localhost', client: { client_id: 'a', issuer: 'http://127.0.0.1:1', authorization_endpoint: 'http://127.0.0.1:1/a', token_endpoint: 'http://127.0.0.1:1/t' } };

for (const [name, BFF, secrets, why] of [
  ['no key ring', config, {}, /SEAL_KEYS: there is no key/],
  ['a bad key ring', config, { SEAL_KEYS: 'a:b' }, /SEAL_KEYS: key 1/],
  ['a secret among the variables', { ...config, client: { ...config.client, client_secret: 'open to all' } }, { SEAL_KEYS: sealKey('a') }, /CLIENT_SECRET is its place/],
  ['a key that is none', config, { SEAL_KEYS: sealKey('a'), CLIENT_KEY: '{"kty":"EC"}' }, /CLIENT_KEY: is no private JWK/],
  ['an unknown member', { ...config, tokens: 'here' }, { SEAL_KEYS: sealKey('a') }, /unknown_member: tokens/],
  ['no client', { ...config, client: {} }, { SEAL_KEYS: sealKey('a'), CLIENT_SECRET: 'of nobody' }, /missing: client_id/],
  ['a client without a secret', config, { SEAL_KEYS: sealKey('a') }, /missing: client_secret/],
]) {
  test(`misconfigured: ${name}: the log says what is wrong, the answer only that something is`, async () => {
    const folder = mkdtempSync(join(work, 'settings-'));
    const port = await freePort();
    const running = await (await workerd({ folder, port, variables: { BFF: { ...BFF, base: `http://localhost:${port}` } }, secrets }))();
    try {
      const response = await fetch(`http://localhost:${port}/session`, { headers: { 'x-csrf': '1' } });
      assert.equal(response.status, 500);
      assert.equal(response.headers.get('cache-control'), 'no-store');
      assert.deepEqual(await response.json(), { error: 'misconfigured', error_description: 'The log of this server says what is wrong.' });
    } finally {
      await running.stop();
      rmSync(folder, { recursive: true, force: true });
    }
    assert.match(running.said.join('\n'), why);
    assert.doesNotMatch(running.said.join('\n'), /open to all/);
  });
}

test('the Worker is well typed', () => {
  execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', join(root, 'edge/tsconfig.json')], { encoding: 'utf8' });
});

for (const [folder, name, file] of [['edge', 'oauth2-edge.wasm', 'wasm/oauth2-edge.wasm'], ['edge/goworker', 'app.wasm', 'build/goworker/app.wasm']]) {
  test(`wrangler deploy --dry-run takes ${folder} as it is, without an account`, () => {
    const out = mkdtempSync(join(work, 'wrangler-'));
    const env = { ...process.env, WRANGLER_SEND_METRICS: 'false', CI: '1', WRANGLER_LOG_PATH: out };
    delete env.CLOUDFLARE_API_TOKEN;
    const said = execFileSync(join(root, 'node_modules/.bin/wrangler'), ['deploy', '--dry-run', '--outdir', join(out, 'worker')], { cwd: join(root, folder), env, encoding: 'utf8' });
    for (const binding of [/env\.SESSIONS \(Sessions\)/, /env\.BFF/, /env\.PROXY_TIMEOUT_MS/]) assert.match(said, binding);
    assert.doesNotMatch(said, /WARNING/);
    const module = readdirSync(join(out, 'worker')).find((other) => other.endsWith(name));
    assert.ok(readFileSync(join(out, 'worker', module)).equals(readFileSync(join(root, file))));
    rmSync(out, { recursive: true, force: true });
  });
}

test('both Workers are deployed alike, with what the tests run them with', () => {
  const [ts, go] = ['edge', 'edge/goworker'].map((folder) => {
    const lines = readFileSync(join(root, folder, 'wrangler.jsonc'), 'utf8').replace(/^\s*\/\/.*$/gm, '');
    const { name, main, build, assets, ...rest } = JSON.parse(lines);
    return rest;
  });
  assert.deepEqual(go, ts);
});

test('the guide names every variable, secret and binding that the Worker reads', () => {
  const [, members] = /interface Env \{([\s\S]*?)\n\}/.exec(readFileSync(join(root, 'edge/worker/settings.ts'), 'utf8'));
  const names = [...members.matchAll(/^  (\w+)\??:/gm)].map(([, name]) => name);
  assert.ok(names.length >= 6);
  const guide = readFileSync(join(root, 'edge/README.md'), 'utf8');
  for (const name of names) assert.match(guide, new RegExp(`^\\| \`${name}\``, 'm'));
  const go = readFileSync(join(root, 'edge/goworker/main.go'), 'utf8');
  const read = [...go.matchAll(/(?:Getenv|GetBinding|bound)\("(\w+)"\)/g)].map(([, name]) => name);
  assert.deepEqual([...new Set(read)].sort(), names.sort(), 'the Worker in Go reads the same');
});
