import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { promisify } from 'node:util';
import { installed, library } from './lib/installed.mjs';
import { provider, signIn, until } from './lib/provider.mjs';
import { PATIENCE } from './suite/patience.js';

const { Host, memoryStore, OAuthError, openClient } = await library();
const dist = join(installed(), 'node_modules/oauth2-wasm/dist');
const module = await WebAssembly.compile(readFileSync(join(dist, 'oauth2-full.wasm')));

let server;
before(async () => (server = await provider()));
after(() => server.stop());
beforeEach(() => {
  server.requests.length = 0;
  for (const path in server.answers) delete server.answers[path];
});

/** While `work` runs, instances give their exports through `change`. */
const withExports = async (change, work) => {
  const { instantiate } = WebAssembly;
  WebAssembly.instantiate = async (...args) => {
    const made = await instantiate(...args);
    const { exports } = made.instance ?? made;
    if (!exports.oauth2_abi) return made; // Node's fetch uses its own module
    return { module: made.module ?? args[0], instance: { exports: change({ ...exports, memory: exports.memory }) } };
  };
  try {
    return await work();
  } finally {
    WebAssembly.instantiate = instantiate;
  }
};

/** Gives `work` a function that returns the memory of the last instance. */
const withMemory = (work) => {
  let memory;
  const watched = (exports) => {
    memory = exports.memory;
    return exports;
  };
  return withExports(watched, () => work(() => memory));
};

/** Gives a client large inputs until it has moved to another instance. */
const outgrow = (client, memory) => {
  const first = memory();
  const large = [...Array(900)].map((_, i) => [`p${i}`, 'x'.repeat(1000)]);
  return until(async () => {
    await client.authorize({ parameters: large }).catch(() => {});
    return memory() !== first;
  }, 'another instance');
};

test('a trap fails the commands under way and the session goes on from the store', async () => {
  let armed = false;
  const trapping = (exports) => ({
    ...exports,
    oauth2_input(...args) {
      if (!armed) return exports.oauth2_input(...args);
      armed = false;
      throw new WebAssembly.RuntimeError('unreachable');
    },
  });
  await withExports(trapping, async () => {
    const client = await openClient(server.config, { module });
    const events = [];
    for (const type of ['status', 'restarted']) client.addEventListener(type, (event) => events.push([type, event.detail.code ?? event.detail.status]));
    await signIn(client);
    server.answers['/userinfo'] = () => new Promise(() => {});
    const waiting = client.userinfo();
    await until(() => server.count('/userinfo'), 'the request');
    armed = true;
    const [trapped, other] = await Promise.allSettled([client.token(), waiting]);
    assert.ok(trapped.reason instanceof OAuthError);
    assert.deepEqual([trapped.reason.kind, trapped.reason.code, trapped.reason.op], ['internal', 'instance_lost', 'token']);
    assert.deepEqual([other.reason.kind, other.reason.op], ['internal', 'userinfo']);
    assert.equal(trapped.reason.cause.name, 'Trap');
    assert.equal((await client.status()).status, 'granted');
    assert.match((await client.token()).access_token, /^ACCESS-/);
    assert.deepEqual(events, [
      ['status', 'granted'],
      ['restarted', 'instance_lost'],
      ['status', 'granted'],
    ]);
  });
});

test('an instance that traps again and again is made anew only when somebody asks', async () => {
  let made = 0;
  const trapping = (exports) => {
    made++;
    return {
      ...exports,
      oauth2_input() {
        throw new WebAssembly.RuntimeError('unreachable');
      },
    };
  };
  await withExports(trapping, async () => {
    const client = await openClient(server.config, { module });
    await assert.rejects(client.status(), { kind: 'internal', code: 'instance_lost' });
    await new Promise((resolve) => setTimeout(resolve, 50));
    const before = made;
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(made, before);
    await assert.rejects(client.status(), { kind: 'internal', code: 'instance_lost' });
    assert.ok(made > before);
    client.close();
  });
});

test('an instance with much memory is exchanged between commands, and the session comes along', async () => {
  await withMemory(async (memory) => {
    // If the store fails, only the instance has the tokens.
    const store = {
      load: () => ({ version: '' }),
      store: () => {
        throw new Error('full');
      },
    };
    const client = await openClient(server.config, { module, store, pendingStore: memoryStore() });
    await signIn(client);
    const events = [];
    for (const type of ['status', 'granted', 'restarted']) client.addEventListener(type, () => events.push(type));
    const first = memory();
    await outgrow(client, memory);
    assert.ok(first.buffer.byteLength > 4 << 20);
    await until(() => memory().buffer.byteLength < 4 << 20);
    const status = await client.status();
    assert.deepEqual([status.status, status.not_persisted], ['granted', true]);
    assert.match((await client.token()).access_token, /^ACCESS-/);
    assert.deepEqual(events, []);
  });
});

test('E23 an instance with much memory does not bring back who signed out elsewhere', async () => {
  await withMemory(async (memory) => {
    const inner = memoryStore();
    const store = { load: (key) => inner.load(key), store: (...given) => inner.store(...given) }; // it does not tell of changes
    const client = await openClient(server.config, { module, store, pendingStore: memoryStore() });
    await signIn(client);
    const other = await openClient(server.config, { module, store, pendingStore: memoryStore() });
    assert.equal((await other.status()).status, 'granted');
    await other.logOut();
    await outgrow(client, memory);
    assert.equal((await client.status()).status, 'not_authenticated');
  });
});

test('what is answered after close is ignored, and no input reaches the instance', async () => {
  let inputs = 0;
  const counting = (exports) => ({
    ...exports,
    oauth2_input(...args) {
      inputs++;
      return exports.oauth2_input(...args);
    },
  });
  await withExports(counting, async () => {
    let loaded;
    const store = { load: () => new Promise((resolve) => (loaded = resolve)), store: () => '' };
    const client = await openClient(server.config, { module, store });
    await until(() => loaded);
    client.close();
    loaded({ version: '' });
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(inputs, 0);
  });
});

test('inputs are wiped from the memory, and no entropy comes twice', async () => {
  const seen = new Set();
  const watching = (exports) => {
    const decoder = new TextDecoder();
    const look = (address, length) => new Uint8Array(exports.memory.buffer, address, length);
    const watch =
      (call, at) =>
      (...args) => {
        const [address, length] = args.slice(at);
        const { entropy } = JSON.parse(decoder.decode(look(address, length)));
        assert.match(entropy, /^[\w-]{44}$/);
        assert.ok(!seen.has(entropy));
        seen.add(entropy);
        queueMicrotask(() => assert.ok(look(address, length).every((byte) => byte === 0)));
        return call(...args);
      };
    return { ...exports, oauth2_open: watch(exports.oauth2_open, 0), oauth2_input: watch(exports.oauth2_input, 1) };
  };
  await withExports(watching, async () => {
    const client = await openClient(server.config, { module });
    // More than the pool holds at a time.
    for (let i = 0; i < 200; i++) await client.status();
    assert.ok(seen.size > 200);
  });
});

test('a request that fails while the machine says that it is offline was not sent', async () => {
  Object.defineProperty(globalThis, 'navigator', { value: { onLine: false }, configurable: true, writable: true });
  try {
    const client = await openClient({ ...server.config, token_endpoint: 'http://127.0.0.1:1/token' });
    await assert.rejects(signIn(client), { kind: 'network', code: 'unsent' });
    // That the machine is offline is not enough: a server on the same machine can be reached.
    await signIn(await openClient(server.config));
  } finally {
    delete globalThis.navigator;
  }
});

/** Runs a program in a separate process, with the installed package. */
const program = async (text) => {
  const file = join(installed(), `program-${process.pid}-${Date.now()}.mjs`);
  writeFileSync(file, text);
  const { stdout } = await promisify(execFile)(process.execPath, [file], { timeout: PATIENCE });
  return stdout;
};

test('a timer keeps the process alive only while somebody waits for a command', async () => {
  const waits = await program(`
    import { Host } from 'oauth2-wasm';
    import { readFileSync } from 'node:fs';
    const module = readFileSync(new URL(import.meta.resolve('oauth2-wasm/oauth2-full.wasm')));
    const host = await Host.open({ module, open: { kind: 'contract' } });
    await host.run('perform', { effect: { kind: 'timer', ms: 300 } });
    console.log('fired');
    const controller = new AbortController();
    host.run('perform', { effect: { kind: 'timer', ms: 2592000000 } }, controller.signal).catch(() => console.log('given up'));
    controller.abort();
  `);
  assert.equal(waits, 'fired\ngiven up\n');
});

test('import touches nothing of a page', async () => {
  const said = await program(`
    for (const name of ['window', 'document', 'location', 'navigator', 'history', 'sessionStorage', 'localStorage', 'fetch']) {
      Object.defineProperty(globalThis, name, { get() { throw new Error('touched ' + name); }, configurable: true });
    }
    for (const name of ['getRandomValues', 'subtle']) Object.defineProperty(crypto, name, { get() { throw new Error('touched ' + name); } });
    const { openClient } = await import(new URL('./index.js', import.meta.resolve('oauth2-wasm')));
    console.log(typeof openClient);
  `);
  assert.equal(said, 'function\n');
});

test('hosts of another kind are opened with their own messages', async () => {
  await assert.rejects(Host.open({ module, open: { kind: 'nothing' } }), { name: 'OAuthError', field: 'kind' });
  const host = await Host.open({ module, open: { kind: 'contract' } });
  await assert.rejects(host.run('dance'), { code: 'unknown_command' });
  assert.ok(host.memoryBytes > 0);
  host.close();
});

test('what is no JSON fails where it comes from: a command at once, an answer as its effect', async () => {
  const host = await Host.open({ module, open: { kind: 'contract' }, store: { load: () => ({ version: 1n }), store: () => '1' } });
  await assert.rejects(host.run('perform', { effect: { kind: 'load', key: 1n } }), TypeError);
  assert.deepEqual(await host.run('perform', { effect: { kind: 'load', key: 'k' } }), { answer: { failed: { kind: 'internal' } } });
  assert.deepEqual(await host.run('perform', { effect: { kind: 'store', key: 'k', version: '', value: 'v' } }), { answer: { ok: { version: '1' } } });
  host.close();
});

test('a source of randomness that failed once is asked again, and gives all letters', async () => {
  const said = await program(`
    import { Host, memoryStore } from 'oauth2-wasm';
    import { readFileSync } from 'node:fs';
    const module = readFileSync(new URL(import.meta.resolve('oauth2-wasm/oauth2-full.wasm')));
    const { getRandomValues } = crypto;
    crypto.getRandomValues = () => { throw new Error('none yet'); };
    const store = memoryStore();
    try { store.store('k', '', 'v'); } catch ({ message }) { console.log(message); }
    await Host.open({ module, open: { kind: 'contract' } }).catch(({ message }) => console.log(message));
    crypto.getRandomValues = getRandomValues;
    const versions = new Set();
    let version = '';
    for (let i = 0; i < 500; i++) versions.add((version = store.store('k', version, 'v')));
    console.log(versions.size, new Set([...versions].join('')).size);
    (await Host.open({ module, open: { kind: 'contract' } })).close();
  `);
  assert.equal(said, 'none yet\nnone yet\n500 64\n');
});

test("S74 a server's sessions in a store of its own do not wait for the Web Locks of its process", async () => {
  const { local, ...shared } = memoryStore();
  const before = Object.getOwnPropertyDescriptor(globalThis, 'navigator');
  // As in Node 24, if somebody holds the lock of a session with the same name in another store.
  Object.defineProperty(globalThis, 'navigator', { configurable: true, value: { locks: { request: () => assert.fail('a lock was asked for') } } });
  try {
    const client = await openClient(server.config, { module, store: shared });
    await signIn(client);
    assert.equal((await client.refresh()).status, 'granted');
    client.close();
  } finally {
    delete globalThis.navigator;
    if (before) Object.defineProperty(globalThis, 'navigator', before);
  }
});
