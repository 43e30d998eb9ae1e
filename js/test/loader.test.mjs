import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { installed } from './lib/installed.mjs';

const dist = join(installed(), 'node_modules/oauth2-wasm/dist');
const { instantiate, Trap } = await import(pathToFileURL(join(dist, 'wasm_exec.js')).href);
const bytes = readFileSync(join(dist, 'oauth2-full.wasm'));

let drawn = 0;
const head = () => ({ now: 1_700_000_000_000, entropy: Buffer.alloc(32, ++drawn).toString('base64url') });
const open = (instance) => instance.open(JSON.stringify({ ...head(), kind: 'contract' }));

const sources = {
  bytes: () => bytes,
  'an ArrayBuffer': () => Uint8Array.from(bytes).buffer,
  'a module': () => new WebAssembly.Module(bytes),
  'a promise': async () => bytes,
  'a response': () => new Response(bytes, { headers: { 'content-type': 'application/wasm' } }),
  'a response of another type': () => new Response(bytes, { headers: { 'content-type': 'text/plain' } }),
  'a response without a type': () => new Response(bytes),
};
for (const [name, make] of Object.entries(sources)) {
  test(`the loader makes an instance from ${name}`, async () => {
    const instance = await instantiate(make());
    assert.ok(instance.module instanceof WebAssembly.Module);
    assert.equal(open(instance), 1);
    assert.equal(open(await instantiate(instance.module)), 1);
  });
}

test('a response that is no success is an error', async () => {
  await assert.rejects(instantiate(new Response('not here', { status: 404 })), /HTTP status 404/);
});

test('a module of another contract is refused', async () => {
  const { instantiate: real } = WebAssembly;
  WebAssembly.instantiate = async (...args) => {
    const { instance, module } = await real(...args);
    return { module, instance: { exports: { ...instance.exports, oauth2_abi: () => 2 } } };
  };
  try {
    await assert.rejects(instantiate(bytes), (error) => error instanceof Trap && /version 2/.test(error.cause.message));
  } finally {
    WebAssembly.instantiate = real;
  }
});

test('a refusal gives its reason', async () => {
  const instance = await instantiate(bytes);
  assert.equal(instance.open('{'), 0);
  assert.equal(JSON.parse(instance.effect(0)).error.code, 'unreadable');
  assert.equal(instance.effect(0), null);
});

test('codes of inputs', async () => {
  const instance = await instantiate(bytes);
  const handle = open(instance);
  const input = (message) => instance.input(handle, JSON.stringify({ ...head(), ...message }));
  const perform = { command: 'perform', id: 1, effect: { kind: 'timer', ms: 1 } };
  assert.equal(instance.input(9, '{}'), 1);
  assert.equal(instance.input(handle, ''), 2);
  assert.equal(input({}), 2);
  assert.equal(instance.input(handle, JSON.stringify({ ...perform, now: 1, entropy: 'AA' })), 4);
  assert.equal(input(perform), 0);
  assert.deepEqual(JSON.parse(instance.effect(handle)).kind, 'timer');
  assert.equal(instance.effect(handle), null);
  instance.close(handle);
  instance.close(handle);
  assert.equal(input(perform), 1);
});

test('texts up to 1 MiB of UTF-8 go through, longer ones are code 3', async () => {
  const instance = await instantiate(bytes);
  const handle = open(instance);
  let id = 0;
  const message = (text) => JSON.stringify({ ...head(), command: 'perform', id: ++id, effect: { kind: 'echo', text } });
  for (const unit of ['x', 'é', '€', '\u{1F511}']) {
    const size = Buffer.byteLength(unit);
    const room = (1 << 20) - Buffer.byteLength(message(''));
    const text = unit.repeat(Math.floor(room / size) - 1);
    assert.equal(instance.input(handle, message(text)), 0, unit);
    assert.equal(JSON.parse(instance.effect(handle)).text, text);
    assert.equal(instance.input(handle, message(unit.repeat(Math.ceil((1 << 20) / size)))), 3, unit);
  }
  assert.equal(instance.input(handle, message('still here')), 0);
});

test('after any exception the instance is dead', async () => {
  const { instantiate: real } = WebAssembly;
  let trap = false;
  WebAssembly.instantiate = async (...args) => {
    const { instance, module } = await real(...args);
    const oauth2_effect = (handle) => {
      if (trap) throw new WebAssembly.RuntimeError('unreachable');
      return instance.exports.oauth2_effect(handle);
    };
    return { module, instance: { exports: { ...instance.exports, memory: instance.exports.memory, oauth2_effect } } };
  };
  try {
    const instance = await instantiate(bytes);
    const handle = open(instance);
    trap = true;
    assert.throws(() => instance.effect(handle), Trap);
    trap = false;
    for (const call of [() => instance.effect(handle), () => open(instance), () => instance.input(handle, '{}'), () => instance.close(handle)])
      assert.throws(call, Trap);
  } finally {
    WebAssembly.instantiate = real;
  }
});
