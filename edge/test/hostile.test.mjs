// Big but legal inputs: work and memory are linear in their size, and no other request waits for
// them. HOSTILE=minutes measures more often, and one more host (make hostile).
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { root } from '../dev/workerd.mjs';
import { assertLinear, exponent } from './hostile/growth.mjs';
import { atOnce, authserver, backend, kept, toBackend, toServer } from './hostile/http.mjs';
import { inputs } from './hostile/module.mjs';

const minutes = process.env.HOSTILE === 'minutes';
const rounds = minutes ? 3 : 1;
const skip = process.platform !== 'linux' && 'CPU and memory of a process are read from /proc';
const hosts = ['ts-worker', 'nethttp', ...(minutes ? ['go-worker'] : [])];
const mib = 1 << 20;

test('a line is told from a square, whatever both begin with', () => {
  const of = (cost) =>
    exponent(
      [1, 2, 4, 8, 16].map((n) => [n, cost(n)]),
      1,
    );
  for (const [name, cost, low, high] of [
    ['a line', (n) => 3 * n, 0.8, 1.3],
    ['a line behind a fixed cost', (n) => 1000 + 3 * n, 0.8, 1.3],
    ['n log n', (n) => n * Math.log2(2 * n), 0.8, 1.6],
    ['a line that is measured badly', (n) => 100 + n * [3, 4, 3, 5, 4][Math.log2(n)], 0.8, 1.6],
    ['a square', (n) => n * n, 1.6, 2.5],
    ['a square behind a fixed cost', (n) => 500 + n * n, 1.6, 2.5],
    ['a square with a line in it', (n) => 5 * n + 2 * n * n, 1.6, 2.5],
  ]) {
    const found = of(cost);
    assert.ok(found > low && found < high, `${name}: ${found}`);
  }
  assert.equal(
    of(() => 7),
    undefined,
    'what does not grow',
  );
  assert.equal(
    of((n) => (n === 4 ? 100 : 0)),
    undefined,
    'a peak in between',
  );
  assert.equal(
    of((n) => (n === 16 ? 100 : 0)),
    Infinity,
    'what begins at once',
  );
});

test('the module: no input costs more than a line, itself or those who share the instance (S105)', async () => {
  const shipped = readFileSync(join(root, 'wasm/oauth2-edge.wasm'));
  const counting = execFileSync('go', ['run', './wasm/internal/counting/instrument'], { cwd: root, input: shipped, maxBuffer: 64 * mib });
  await assertLinear(inputs(new WebAssembly.Module(counting)), 1);
});

for (const name of hosts) {
  describe(name, { skip }, async () => {
    const { default: host } = await import(`./hosts/${name}.mjs`);

    test(`${host.name}: no request, and no answer of an API, costs more than a line, itself or those who ask at the same time (S106)`, async () => {
      const b = await backend(host);
      try {
        await assertLinear(toBackend(b), rounds);
      } finally {
        await b.stop();
      }
    });

    test(`${host.name}: a body takes memory by what it holds, and not by what it looks like (S107)`, async () => {
      const b = await backend(host);
      try {
        const { letters, ...others } = await atOnce(b);
        for (const [shape, memory] of Object.entries(others))
          assert.ok(memory < 4 * letters + 32 * mib, `${shape}: ${memory} bytes, and ${letters} for letters`);
      } finally {
        await b.stop();
      }
    });
  });
}

describe('authserver', { skip }, () => {
  test('the authorization server: no request costs more than a line, itself or those who ask at the same time (S108)', async () => {
    const server = await authserver();
    try {
      await assertLinear(toServer(server), rounds);
    } finally {
      await server.stop();
    }
  });

  const challenge = `code_challenge=${'c'.repeat(43)}&code_challenge_method=S256&redirect_uri=http%3A%2F%2F127.0.0.1%2Fcb`;
  for (const [name, flood] of Object.entries({
    'pushed requests': {
      endpoint: 'pushed_authorization_request_endpoint',
      done: 201,
      count: minutes ? 12_000 : 600,
      body: (i) => `client_id=app&response_type=code&${challenge}&state=${i}${'x'.repeat(7000)}`,
    },
    'device authorizations': {
      endpoint: 'device_authorization_endpoint',
      done: 200,
      count: minutes ? 100_000 : 1000,
      body: () => 'client_id=app&scope=read+profile',
    },
  })) {
    test(`the authorization server: ${name} of a stranger do not fill its memory (S109)`, async () => {
      const server = await authserver();
      try {
        const { memory, sent, statuses } = await kept(server, flood);
        assert.deepEqual(statuses, [flood.done, 429]);
        assert.ok(memory < sent / 2 + 16 * mib, `${memory} bytes are kept of ${sent}`);
      } finally {
        await server.stop();
      }
    });
  }
});
