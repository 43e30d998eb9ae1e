// The Worker's own parts: its configuration, its key ring, and that it can be deployed unchanged.
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

/** A module of the Worker or its host, for Node. */
const imported = async (path) => {
  const outfile = join(work, path.replace(/\W/g, '-') + '.mjs');
  await build({ entryPoints: [join(root, path)], bundle: true, format: 'esm', outfile, logLevel: 'warning' });
  return import(pathToFileURL(outfile).href);
};
const { readRing, seal, unseal } = await imported('js/src/seal.ts');

test('the rehearsal goes through an exchange and the beginning of a sign-in, and leaves nothing behind', async () => {
  const { rehearse } = await imported('edge/worker/rehearsal.ts');
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
  assert.deepEqual(
    said.filter(({ kind }) => kind === 'respond').map(({ status }) => status),
    [303, 200],
  );
  assert.equal(said.filter(({ kind, ok }) => kind === 'result' && ok).length, 2);
  assert.equal(instance.input(handle, '{}'), 1, 'the session is there still');
});

/**
 * An Exchange whose browser sends these pieces and then calls `end`, which by default does nothing,
 * so that the body never ends.
 */
const sending = async (pieces, end = () => {}, headers = {}) => {
  const { Exchange } = await imported('js/src/exchange.ts');
  const body = new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(new TextEncoder().encode(piece));
      end(controller);
    },
  });
  return new Exchange(new Request('http://localhost/auth/exchange', { method: 'POST', body, headers, duplex: 'half' }), 1000);
};
const close = (controller) => controller.close();

test('a body stays with the host, which says its length where that is known (S31)', async () => {
  assert.deepEqual((await sending(['abc'], close, { 'content-length': '3' })).command().body.length, 3);
  assert.deepEqual(Object.keys(JSON.parse(JSON.stringify((await sending(['abc'], close)).command().body))), ['ref']);
});

test('a body that is asked for comes as a whole, or not: it is cut, late or too long (S32, S34)', async () => {
  const read = async (exchange, limits) => exchange.body({ max_body: 5, timeout_ms: 60_000, ...limits });
  assert.deepEqual(await read(await sending(['ab', 'cde'], close)), { body: { text: 'abcde' } });
  assert.deepEqual(await read(await sending([], close)), { body: { text: '' } });
  assert.deepEqual(await read(await sending(['ab', 'cde'], close, { 'content-length': '5' })), { body: { text: 'abcde' } });
  for (const [kind, exchange, limits] of [
    ['too_large', await sending(['ab', 'cdef'])],
    ['too_large', await sending([], undefined, { 'content-length': '6' })],
    ['timeout', await sending(['ab'], undefined, { 'content-length': '3' }), { timeout_ms: 1 }],
    ['timeout', await sending(['ab']), { timeout_ms: 1 }],
    ['timeout', await sending([]), { timeout_ms: 1 }],
    ['aborted', await sending(['ab'], (controller) => controller.error(new Error('reset')))],
    ['aborted', await sending(['ab'], close, { 'content-length': '3' })],
  ]) {
    await assert.rejects(read(exchange, limits), { kind });
  }
});

/** A session for requests, and a function that sends one and returns its `respond`. */
const served = async () => {
  const { Requests } = await imported('js/src/requests.ts');
  const engine = new Requests(new WebAssembly.Module(readFileSync(join(root, 'wasm/oauth2-edge.wasm'))));
  const client = {
    client_id: 'a',
    client_secret: 'b',
    issuer: 'http://127.0.0.1',
    authorization_endpoint: 'http://127.0.0.1/a',
    token_endpoint: 'http://127.0.0.1/t',
  };
  const open = `"kind":"bff","config":${JSON.stringify({ base: 'http://localhost/auth', client })}`;
  let count = 0;
  const ask = async (respond = async () => ({})) => {
    const said = [];
    const id = ++count;
    const command = { command: 'request', id, request: `${id}`, method: 'GET', url: `http://localhost/auth/${id}`, headers: [] };
    await engine.run(open, command, { respond: (effect) => (said.push(effect), respond()) });
    return said;
  };
  const run = (headers) => engine.run(open, { command: 'request', id: ++count, request: `${count}`, method: 'GET', url: 'http://localhost/', headers }, {});
  return { engine, ask, run };
};

test('one session serves the requests, also those at the same time', async () => {
  const { engine, ask } = await served();
  const first = await engine.ready();
  let go;
  const gate = new Promise((resolve) => (go = resolve));
  const waiting = ask(() => gate.then(() => ({})));
  assert.deepEqual(
    (await Promise.all([ask(), ask(), ask()])).map(([{ request, status }]) => [request, status]),
    [
      ['2', 404],
      ['3', 404],
      ['4', 404],
    ],
  );
  go();
  assert.equal((await waiting)[0].request, '1');
  assert.equal(await engine.ready(), first);
});

test("what a turn that was cut off left behind is nobody's", async () => {
  const { engine, ask } = await served();
  await ask();
  const cut = await engine.ready();
  cut.inside = true; // as after the runtime has ended a request midway
  assert.equal((await ask())[0].request, '2');
  assert.notEqual(await engine.ready(), cut);
  await assert.rejects(async () => {
    const { engine, ask } = await served();
    const session = await engine.ready();
    const asked = ask(async () => ((session.inside = true), {}));
    await asked;
  }, /cut off/);
});

test('an effect of another request ends the session, and goes nowhere', async () => {
  const { engine, ask } = await served();
  await ask();
  const session = await engine.ready();
  const { effect } = session.instance;
  session.instance.effect = (handle) => effect(handle)?.replace('"request":"2"', '"request":"1"') ?? null;
  let said;
  await assert.rejects(async () => (said = await ask()), /another request/);
  assert.equal(said, undefined);
  assert.equal((await ask())[0].request, '3');
});

test('a request with more headers than the module reads is named as that (S30)', async () => {
  const { Unreadable } = await imported('js/src/requests.ts');
  const { run } = await served();
  await assert.rejects(run(Array(20_000).fill(['x-a', '1'])), ({ constructor }) => constructor.name === Unreadable.name);
});

test('an instance that threw is left', async () => {
  const { engine, ask } = await served();
  await ask();
  const session = await engine.ready();
  session.instance.input = () => {
    throw new Error('trapped');
  };
  await assert.rejects(ask(), /trapped/);
  assert.equal((await ask())[0].status, 404);
});

const { Memory } = await imported('js/src/memory.ts');

test('what is remembered is bounded, and forgotten in time', () => {
  const memory = new Memory();
  const late = Date.now() + 60_000;
  for (let i = 0; i < 1002; i++) memory.remember(`key ${i}`, `text ${i}`, late);
  assert.deepEqual(
    [0, 1, 2, 1001].map((i) => memory.recall(`key ${i}`)),
    [undefined, undefined, 'text 2', 'text 1001'],
  );
  memory.remember('key 1001', 'another', late);
  assert.equal(memory.recall('key 1001'), 'another');
  assert.equal(memory.recall('key 2'), 'text 2');
  memory.remember('over', 'text', Date.now());
  assert.equal(memory.recall('over'), undefined);
  memory.remember('key 3', 'at the end', late);
  for (let i = 0; i < 999; i++) memory.remember(`new ${i}`, 'text', late);
  assert.equal(memory.recall('key 3'), 'at the end');
  assert.equal(memory.recall('key 4'), undefined);
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

const config = {
  base: 'http://localhost',
  client: { client_id: 'a', issuer: 'http://127.0.0.1:1', authorization_endpoint: 'http://127.0.0.1:1/a', token_endpoint: 'http://127.0.0.1:1/t' },
};

for (const [name, BFF, secrets, why] of [
  ['no key ring', config, {}, /SEAL_KEYS: there is no key/],
  ['a bad key ring', config, { SEAL_KEYS: 'a:b' }, /SEAL_KEYS: key 1/],
  [
    'a secret among the variables',
    { ...config, client: { ...config.client, client_secret: 'open to all' } },
    { SEAL_KEYS: sealKey('a') },
    /CLIENT_SECRET is its place/,
  ],
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

for (const [folder, name, file] of [
  ['edge', 'oauth2-edge.wasm', 'wasm/oauth2-edge.wasm'],
  ['edge/goworker', 'app.wasm', 'build/goworker/app.wasm'],
]) {
  test(`wrangler deploy --dry-run takes ${folder} as it is, without an account`, () => {
    const out = mkdtempSync(join(work, 'wrangler-'));
    const env = { ...process.env, WRANGLER_SEND_METRICS: 'false', CI: '1', WRANGLER_LOG_PATH: out };
    delete env.CLOUDFLARE_API_TOKEN;
    const said = execFileSync(process.execPath, [join(root, 'node_modules/wrangler/bin/wrangler.js'), 'deploy', '--dry-run', '--outdir', join(out, 'worker')], {
      cwd: join(root, folder),
      env,
      encoding: 'utf8',
    });
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
