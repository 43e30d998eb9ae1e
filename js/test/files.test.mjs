// The directory that processes share, also those in Go.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createVerify, createPublicKey, randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { installed, library } from './lib/installed.mjs';
import { build, contractServer } from './lib/process.mjs';
import { comparesAndSets, conflict } from './lib/stores.mjs';
import { runContract } from './suite/contract.js';
import { PATIENCE } from './suite/patience.js';

const oauth = await library();
const url = pathToFileURL(join(installed(), 'node_modules/oauth2-wasm/dist/files.js')).href;
const { openFiles } = await import(url);

const base = mkdtempSync(join(tmpdir(), 'files-'));
const fresh = () => join(base, randomBytes(6).toString('hex'), 'sessions');
const children = new Set();
const awake = setInterval(() => {}, 1000); // signals end waits here, but their timers do not keep the process alive
after(() => {
  clearInterval(awake);
  for (const child of children) child.kill('SIGKILL');
  rmSync(base, { recursive: true, force: true });
});

const held = (locks, lock, ms = PATIENCE) =>
  new Promise((resolve, reject) => {
    let free;
    const done = new Promise((end) => (free = end));
    const ended = locks.request(lock, { signal: AbortSignal.timeout(ms) }, () => {
      resolve(() => (free(), ended));
      return done;
    });
    ended.catch(reject);
  });

/** A process that answers line by line. */
const talk = (file, args) => {
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  children.add(child);
  child.once('exit', () => children.delete(child));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => (await lines.next()).value;
  return {
    next,
    async ask(request) {
      child.stdin.write(JSON.stringify(request) + '\n');
      const { error, ...answer } = JSON.parse(await next());
      if (error) throw new Error(error);
      return answer;
    },
    signal: (signal) => process.kill(child.pid, signal),
    end: () => new Promise((resolve) => (child.once('exit', resolve), child.kill('SIGKILL'))),
  };
};
const goPeer = (folder) => talk(build('filepeer', './js/test/filepeer'), [folder]);
/** A Node process that runs a program with `openFiles` and `say`. */
const nodePeer = (program) =>
  talk(process.execPath, [
    '--input-type=module',
    '-e',
    `import { openFiles } from ${JSON.stringify(url)};\nconst say = (line) => process.stdout.write(line + '\\n');\n${program}`,
  ]);

describe('a directory', () => {
  test('M91 compares and sets, gives no version twice, and another handle sees it', async () => {
    const folder = fresh();
    const [a, b] = [(await openFiles(folder)).store, (await openFiles(folder)).store];
    await comparesAndSets(a, b);
    const tries = await Promise.allSettled(Array.from({ length: 8 }, (_, i) => [a, b][i % 2].store('many', '', String(i))));
    assert.equal(tries.filter(({ status }) => status === 'fulfilled').length, 1);
    for (const { reason } of tries.filter(({ status }) => status === 'rejected')) assert.equal(reason.name, 'ConflictError');
    assert.deepEqual(readdirSync(folder).sort(), ['value-many'], 'no lock and no half of a value stays');
    assert.equal(statSync(folder).mode & 0o777, 0o700);
    assert.equal(statSync(join(folder, 'value-many')).mode & 0o777, 0o600);
  });

  test('M91 refuses a directory of others, and what was cut short', async () => {
    const folder = fresh();
    const { store } = await openFiles(folder);
    const version = await store.store('k', '', 'a value');
    const file = join(folder, 'value-k');
    const whole = readFileSync(file, 'utf8');
    for (const broken of ['', 'oauth2-wasm 1', whole.slice(0, -1), whole + 'x', whole.replace('a value', 'b value'), whole.replace('wasm 1', 'wasm 2')]) {
      writeFileSync(file, broken);
      await assert.rejects(store.load('k'), /corrupt/);
      await assert.rejects(store.store('k', version, 'y'), /corrupt/);
      assert.equal(readFileSync(file, 'utf8'), broken, 'it is left as it is');
    }
    chmodSync(folder, 0o755);
    await assert.rejects(openFiles(folder), /mode 0755/);
  });

  test('M91 a write that fails leaves what was there', async () => {
    const folder = fresh();
    const { store } = await openFiles(folder);
    const version = await store.store('k', '', 'before');
    // A file may have 512 bytes: after that the disk is full.
    const peer = talk('/bin/sh', [
      '-c',
      `ulimit -f 1; trap '' XFSZ; exec ${process.execPath} --input-type=module -e "$0"`,
      `
      import { openFiles } from ${JSON.stringify(url)};
      const { store } = await openFiles(${JSON.stringify(folder)});
      console.log(await store.store('k', ${JSON.stringify(version)}, 'x'.repeat(4096)).catch(({ code }) => code));`,
    ]);
    assert.equal(await peer.next(), 'EFBIG');
    assert.deepEqual(await store.load('k'), { version, value: 'before' });
    assert.deepEqual(readdirSync(folder), ['value-k']);
  });

  test('M91 a process that is killed while it writes leaves a whole value, and the next open its halves not', async () => {
    const folder = fresh();
    const { store } = await openFiles(folder);
    for (let round = 0; round < 4; round++) {
      const peer = nodePeer(`
        const { store } = await openFiles(${JSON.stringify(folder)});
        let { version } = await store.load('long');
        for (let n = 0; ; n++) { version = await store.store('long', version, String(n % 10).repeat(100_000)); say('stored'); }`);
      for (let n = 0; n <= round; n++) assert.equal(await peer.next(), 'stored');
      await peer.end();
      const { value, version } = await store.load('long');
      assert.equal(value, value[0].repeat(100_000));
      await store.store('long', version, 'next');
    }
    writeFileSync(join(folder, 'guard-value-left'), '');
    writeFileSync(join(folder, 'unfinished-value-left'), 'half a token');
    writeFileSync(join(folder, 'lock-left'), '');
    await openFiles(folder);
    assert.deepEqual(readdirSync(folder), ['value-long']);
  });

  test('M92 a lock has one holder of all handles, and who gives up leaves nothing behind', async () => {
    const folder = fresh();
    const locks = [(await openFiles(folder)).locks, (await openFiles(folder)).locks];
    const unlock = await held(locks[0], 'n');
    for (const one of locks) {
      await assert.rejects(held(one, 'n', 200), { name: 'TimeoutError' });
      await (await held(one, 'another'))();
    }
    await unlock();
    let [inside, done] = [0, 0];
    await Promise.all(
      Array.from({ length: 12 }, (_, i) =>
        locks[i % 2].request('count', { signal: AbortSignal.timeout(PATIENCE) }, async () => {
          assert.equal(++inside, 1);
          await sleep(1);
          inside--;
          done++;
        }),
      ),
    );
    assert.equal(done, 12);
    assert.deepEqual(readdirSync(folder), []);
  });

  test('M92 the contract of hosts, with files as store and locks', async () => {
    const live = await contractServer();
    try {
      const cases = JSON.parse(readFileSync(new URL('../../core/contract/contract.json', import.meta.url), 'utf8'));
      const module = await WebAssembly.compile(readFileSync(join(installed(), 'node_modules/oauth2-wasm/dist/oauth2-full.wasm')));
      const { failures, passed } = await runContract(oauth, module, cases, live.url, () => openFiles(fresh()));
      assert.deepEqual(failures, []);
      assert.ok(passed > 50);
    } finally {
      await live.stop();
    }
  });
});

describe('a directory of processes in Go and Node', () => {
  test('M93 each reads what the other wrote, under any key, and compares with it', async () => {
    const folder = fresh();
    const { store } = await openFiles(folder);
    const go = goPeer(folder);
    const long = 'n'.repeat(300);
    const keys = [
      'oauth2.session',
      'OAUTH2.session',
      '',
      '.',
      '..',
      '../escape',
      '/etc/x',
      'a\\b',
      'a/b',
      'a%2fb',
      'a.',
      'a',
      ' ',
      'ä',
      '𝄞',
      '\0',
      'k~',
      long + '1',
      long + '2',
      'N'.repeat(100),
    ];
    for (const key of keys) {
      const ours = await store.store(key, '', `${key}\n ünïcode 𝄞`);
      assert.deepEqual(await go.ask({ do: 'load', key }), { version: ours, value: `${key}\n ünïcode 𝄞` }, key);
      const { version: theirs } = await go.ask({ do: 'store', key, version: ours, value: '' });
      assert.deepEqual(await store.load(key), { version: theirs, value: '' }, key);
      await assert.rejects(store.store(key, ours, 'y'), conflict);
      const last = await store.store(key, theirs, 'z');
      await assert.rejects(go.ask({ do: 'store', key, version: theirs, value: 'y' }), /conflict|another/i);
      await go.ask({ do: 'store', key, version: last });
      assert.deepEqual(await store.load(key), { version: '' }, key);
    }
    await go.end();
  });

  test('M93 neither takes a lock from the other, a stopped one neither, and a killed one leaves it', async () => {
    const folder = fresh();
    const { locks } = await openFiles(folder);
    const go = goPeer(folder);
    await go.ask({ do: 'lock', key: 'Ä.session' });
    await assert.rejects(held(locks, 'Ä.session', 200), { name: 'TimeoutError' });
    go.signal('SIGSTOP');
    await assert.rejects(held(locks, 'Ä.session', 200), { name: 'TimeoutError' });
    const waiting = held(locks, 'Ä.session');
    go.signal('SIGCONT');
    await go.end();
    const unlock = await waiting;

    const other = goPeer(folder);
    let got = false;
    const asked = other.ask({ do: 'lock', key: 'Ä.session' }).then(() => (got = true));
    await sleep(200);
    assert.equal(got, false);
    await unlock();
    await asked;
    await other.ask({ do: 'unlock' });

    const node = nodePeer(`
      const { locks } = await openFiles(${JSON.stringify(folder)});
      await locks.request('Ä.session', { signal: AbortSignal.timeout(1e6) }, () => (say('held'), new Promise((end) => setTimeout(end, 1e6))));`);
    assert.equal(await node.next(), 'held');
    got = false;
    const again = other.ask({ do: 'lock', key: 'Ä.session' }).then(() => (got = true));
    node.signal('SIGSTOP');
    await sleep(200);
    assert.equal(got, false, 'a stopped holder holds');
    await node.end();
    await again;
    assert.ok(existsSync(join(folder, 'lock-%c3%84.session')));
    await other.ask({ do: 'unlock' });
    await other.end();
  });

  test('M93 who is killed while waiting for a lock never gets it', async () => {
    const folder = fresh();
    const { locks } = await openFiles(folder);
    const unlock = await held(locks, 'n');
    const waiter = nodePeer(`
      const { locks } = await openFiles(${JSON.stringify(folder)});
      setTimeout(say, 100, 'waiting');
      await locks.request('n', { signal: AbortSignal.timeout(1e6) }, async () => say('held'));`);
    assert.equal(await waiter.next(), 'waiting');
    await waiter.end();
    await unlock();
    await (await held(locks, 'n'))();
    assert.deepEqual(readdirSync(folder), []);
  });

  test('M93 additions of processes in both languages are all there', async () => {
    const folder = fresh();
    const { store } = await openFiles(folder);
    const go = goPeer(folder);
    const node = nodePeer(`
      const { store } = await openFiles(${JSON.stringify(folder)});
      for (let n = 0; n < 20; ) {
        const { version, value = '' } = await store.load('number');
        await store.store('number', version, value + 'n').then(() => n++, ({ name, message }) => { if (name !== 'ConflictError') throw new Error(message); });
      }
      say('done');`);
    for (let n = 0; n < 20; ) {
      const { version, value = '' } = await go.ask({ do: 'load', key: 'number' });
      await go.ask({ do: 'store', key: 'number', version, value: value + 'g' }).then(
        () => n++,
        ({ message }) => assert.match(message, /conflict|another/i),
      );
    }
    assert.equal(await node.next(), 'done');
    assert.deepEqual([...(await store.load('number')).value].sort().join(''), 'g'.repeat(20) + 'n'.repeat(20));
    await Promise.all([go.end(), node.end()]);
  });

  test('M93 a key of one is the key of the other', async () => {
    const folder = fresh();
    const { keys } = await openFiles(folder);
    const go = goPeer(folder);
    assert.equal(await keys.load('one'), undefined);
    const { x } = await go.ask({ do: 'create', key: 'one', alg: 'ES256' });
    const found = await keys.load('one');
    assert.equal(found.privateKey.extractable, false);
    assert.equal((await crypto.subtle.exportKey('jwk', found.publicKey)).x, Buffer.from(x, 'base64').toString('base64url'));
    const rsa = { modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) };
    const algorithms = {
      ES256: { name: 'ECDSA', namedCurve: 'P-256' },
      ES384: { name: 'ECDSA', namedCurve: 'P-384' },
      ES512: { name: 'ECDSA', namedCurve: 'P-521' },
      Ed25519: { name: 'Ed25519' },
      RS256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', ...rsa },
      PS384: { name: 'RSA-PSS', hash: 'SHA-384', ...rsa },
    };
    for (const [alg, algorithm] of Object.entries(algorithms)) {
      const pair = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
      assert.equal(await keys.add(alg, pair), pair);
      const there = await keys.load(alg);
      assert.deepEqual(await crypto.subtle.exportKey('jwk', there.publicKey), await crypto.subtle.exportKey('jwk', pair.publicKey));
      assert.deepEqual(
        (await keys.add(alg, await crypto.subtle.generateKey(algorithms.ES256, true, ['sign', 'verify']))).publicKey.algorithm,
        pair.publicKey.algorithm,
        'the first stays',
      );
      await go.ask({ do: 'create', key: alg, alg: 'ES256' }); // the key is read, not created
      assert.deepEqual((await keys.load(alg)).publicKey.algorithm, pair.publicKey.algorithm);
      if (alg === 'ES256') {
        const { signature } = await go.ask({ do: 'sign', key: alg });
        const open = createPublicKey({ key: await crypto.subtle.exportKey('jwk', pair.publicKey), format: 'jwk' });
        assert.ok(createVerify('SHA256').update('data').verify(open, Buffer.from(signature, 'base64')));
      }
      await keys.delete(alg);
      await keys.delete(alg);
      assert.equal(await keys.load(alg), undefined);
      await go.ask({ do: 'create', key: alg, alg });
      assert.deepEqual((await keys.load(alg)).publicKey.algorithm, pair.publicKey.algorithm);
    }
    await go.end();
  });
});
