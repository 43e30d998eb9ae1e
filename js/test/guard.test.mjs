// The check at the resource: one suite in Node, Deno and Bun, and tokens of npm oidc-provider, JWTs
// and opaque ones, bound and not.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { installed, root } from './lib/installed.mjs';
import { start } from './lib/process.mjs';
import { runtimes } from './lib/runtimes.mjs';
import { runGuard, signer } from './suite/guard.js';
import { PATIENCE } from './suite/patience.js';

const folder = installed();
const library = await import(pathToFileURL(join(folder, 'node_modules/oauth2-wasm/dist/guard.js')).href);

test('R16 the suite passes in this Node', async () => {
  const { failures, passed, total } = await runGuard(library);
  assert.deepEqual(failures, []);
  assert.equal(passed, total);
});

for (const [name, args] of [
  ['deno', ['run', '-A', '--no-lock', '--node-modules-dir=manual']],
  ['bun', []],
]) {
  test(`R16 the suite passes in ${name}`, async () => {
    const work = mkdtempSync(join(tmpdir(), 'guard-'));
    try {
      await promisify(execFile)(runtimes[name], [...args, join(folder, 'runners/guard.mjs'), join(work, 'result.json')], { cwd: folder, timeout: PATIENCE });
      assert.deepEqual(JSON.parse(readFileSync(join(work, 'result.json'), 'utf8')).failures, []);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  });
}

test('R55 the types have every member that the contract lists', () => {
  const [, section] = /### `kind: "resource"`(.*?)\| command \|/s.exec(readFileSync(join(root, 'core/contract/README.md'), 'utf8'));
  const types = readFileSync(join(root, 'js/src/guard.ts'), 'utf8');
  const rows = [...section.matchAll(/^\| (`[^|]*) \|/gm)].flatMap(([, names]) => [...names.matchAll(/`([a-z_]+)`/g)].map(([, name]) => name));
  assert.ok(rows.length > 25, String(rows.length));
  for (const name of rows) assert.match(types, new RegExp(`\\n  ${name}\\??: `), name);
});

let provider;
before(async () => {
  provider = await start('node', [join(root, 'js/test/lib/oidc-provider.mjs'), 'http://127.0.0.1/'], /^ready: (\S+)/);
});
after(() => provider?.stop());

for (const format of ['jwt', 'opaque']) {
  test(`R57 ${format} tokens of oidc-provider: a bearer's and a bound one are let in, and not for another resource`, async () => {
    const issuer = provider.match[1];
    const resource = `https://api.example/${format}`;
    const key = await signer('ES256');
    const token = async (indicator, bound) => {
      const proof = bound && { dpop: await key.proof('POST', `${issuer}/token`, '') };
      const response = await fetch(`${issuer}/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${btoa('basic:a-secret-of-the-test')}`, ...proof },
        body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'read', resource: indicator }),
      });
      const answer = await response.json();
      assert.ok(answer.access_token, JSON.stringify(answer));
      assert.equal(answer.access_token.split('.').length, format === 'jwt' ? 3 : 1);
      return answer.access_token;
    };
    const guard = new library.Guard({
      resource,
      authorization_servers: [{ issuer, ...(format === 'opaque' && { client_id: 'basic', client_secret: 'a-secret-of-the-test' }) }],
      scope: 'read',
    });
    const check = (headers, need) => guard.check(new Request(resource, { headers }), need);
    const bearer = await token(resource);
    const verdict = await check({ authorization: `Bearer ${bearer}` });
    assert.equal(verdict.claims?.client_id, 'basic', JSON.stringify(verdict));
    const bound = await token(resource, true);
    const proof = await key.proof('GET', resource, bound);
    assert.equal((await check({ authorization: `DPoP ${bound}`, dpop: proof })).allowed, true);
    assert.equal((await check({ authorization: `DPoP ${bound}`, dpop: proof })).reason.code, 'replayed');
    assert.equal((await check({ authorization: `Bearer ${bound}` })).reason.code, 'proof_needed');
    assert.equal((await check({ authorization: `Bearer ${bearer}` }, { scope: 'write' })).reason.code, 'insufficient_scope');
    const other = await check({ authorization: `Bearer ${await token(`${resource}/other`)}` });
    assert.equal(other.reason?.field, 'aud', JSON.stringify(other));
    guard.close();
  });
}
