// The packed package: its content, its size, and whether its types work.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { brotliCompressSync } from 'node:zlib';
import { build } from 'esbuild';
import { installed, root, sha256 } from './lib/installed.mjs';

const folder = installed();
const packed = join(folder, 'node_modules/oauth2-wasm');
const brotli = (name) => brotliCompressSync(readFileSync(join(packed, 'dist', name))).length;

test('the package holds the committed modules and loader', () => {
  for (const [name, source] of [
    ['oauth2.wasm', 'wasm/oauth2.wasm'],
    ['oauth2-full.wasm', 'wasm/oauth2-full.wasm'],
    ['wasm_exec.js', 'wasm_exec.js'],
  ]) {
    assert.equal(sha256(readFileSync(join(packed, 'dist', name))), sha256(readFileSync(join(root, source))), name);
  }
});

test('the package holds what it needs and nothing else', () => {
  const { exports: all } = JSON.parse(readFileSync(join(packed, 'package.json'), 'utf8'));
  const entries = Object.entries(all).filter(([path, { default: file }]) => path !== '.' && file);
  const folders = entries.map(([path]) => path.slice(2)).filter((path) => path !== 'wasm_exec.js');
  assert.deepEqual(readdirSync(packed).sort(), ['LICENSE', 'README.md', 'dist', 'package.json', ...folders].sort());
  assert.deepEqual(
    readdirSync(join(packed, 'dist'))
      .filter((name) => !name.endsWith('.map'))
      .sort(),
    [
      ...[
        'index.js',
        'node.js',
        'workerd.js',
        'vault-open.js',
        'early.js',
        'oauth2.wasm',
        'oauth2-full.wasm',
        'oauth2-edge.wasm',
        'qr.js.LICENSE.txt',
        'types',
      ],
      ...entries.map(([, { default: file }]) => file.slice('./dist/'.length)),
    ].sort(),
  );
  const { dependencies, exports } = JSON.parse(readFileSync(join(packed, 'package.json'), 'utf8'));
  assert.equal(dependencies, undefined);
  const targets = (value) => (typeof value === 'string' ? [value] : Object.values(value).flatMap(targets));
  for (const target of targets(exports)) assert.ok(existsSync(join(packed, target)), target);
});

// The aim is 42,000; RATIONALE.md says where the bytes are. This keeps them from growing unnoticed.
test('what a page loads fits into 60,850 bytes, and the client with its loader into 9,650 (brotli)', (t) => {
  const [client, module, full] = [brotli('index.js'), brotli('oauth2.wasm'), brotli('oauth2-full.wasm')];
  t.diagnostic(`index.js ${client}, oauth2.wasm ${module}, oauth2-full.wasm ${full}`);
  assert.ok(client < 9650, String(client));
  assert.ok(client + module <= 60_850, String(client + module));
  assert.ok(full <= 64_350, String(full)); // a tenth of it is kind mcp
});

test('what only some pages need stands beside the client, and is small (brotli)', (t) => {
  const table = { popup: 970, indexeddb: 700, qr: 4000, redis: 1800, postgres: 2400, files: 2800, 'mcp-sdk': 700, sealed: 2050 };
  Object.assign(table, { auth: 720, vue: 550, svelte: 200, guard: 1950, testing: 1100, early: 500, mcp: 3500 });
  Object.assign(table, { vault: 3200, 'vault-worker': 4700, 'vault-open': 14_000, silent: 1400, idle: 800 });
  for (const [entry, most] of Object.entries(table)) {
    const name = `${entry}.js`;
    t.diagnostic(`${name} ${brotli(name)}`);
    assert.ok(brotli(name) < most, `${name} ${brotli(name)}`);
    // The package's own vault has a worker that imports nothing, and its page names the module.
    if (/^vault(-open)?$/.test(entry)) continue;
    assert.doesNotMatch(readFileSync(join(packed, 'dist', name), 'utf8'), /oauth2\.wasm/, 'the module is index.js’s alone');
  }
  const react = brotli('react.js') + brotli('auth.js');
  t.diagnostic(`react.js with auth.js ${react}`);
  assert.ok(react <= 1200, String(react));
  assert.match(readFileSync(join(packed, 'dist/react.js'), 'utf8'), /^"use client";/, 'for React Server Components');
  assert.match(readFileSync(join(packed, 'dist/qr.js.LICENSE.txt'), 'utf8'), /Project Nayuki[\s\S]*Permission is hereby granted/);
});

test('each script has a source map with the sources in it (E85)', () => {
  for (const file of readdirSync(join(packed, 'dist')).filter((name) => /\.js$/.test(name))) {
    const name = file.slice(0, -'.js'.length);
    if (name === 'presets' || name === 'wasm_exec') continue; // unchanged
    assert.match(readFileSync(join(packed, `dist/${name}.js`), 'utf8'), new RegExp(`sourceMappingURL=${name}\\.js\\.map\\s*$`));
    const { sources, sourcesContent } = JSON.parse(readFileSync(join(packed, `dist/${name}.js.map`), 'utf8'));
    assert.ok(sources.includes(`../src/${name}.ts`), name);
    assert.equal(sourcesContent.length, sources.length);
  }
});

const DOM = ['--lib', 'es2022,dom,dom.iterable', '--types', ''];

/** Compiles a program against the installed package. */
const compile = async (name, text, ...options) => {
  writeFileSync(join(folder, name), text);
  await check(folder, name, ...DOM, ...options);
};

const check = async (cwd, name, ...options) => {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const args = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--target', 'es2022', ...options];
  await promisify(execFile)(process.execPath, [tsc, ...args, name], { cwd }).catch(({ stdout }) => assert.fail(stdout));
};

test('the types need no library of the DOM: those of Node do (E86)', async () => {
  const text = `import { type Claims, openClient } from 'oauth2-wasm';
import 'oauth2-wasm/qr';
const client = await openClient({ client_id: 'app' });
client.addEventListener('granted', ({ detail }) => detail.scope, { once: true });
const claims: Claims | undefined = (await client.status()).claims;
console.log(claims?.email, (await client.fetch('https://api.example/')).ok);
`;
  writeFileSync(join(folder, 'nodom.ts'), text);
  // Without skipLibCheck: an unknown name is an error in the package's own declarations.
  await check(folder, 'nodom.ts', '--lib', 'es2022', '--types', 'node', '--typeRoots', join(root, 'node_modules/@types'), '--module', 'nodenext');
});

test('tools that know no "exports" find every entry and its types, too (E87)', async () => {
  // As Parcel and TypeScript's node10 resolve the package: by "main", and by folders.
  const old = join(folder, 'old');
  const copy = join(old, 'node_modules/oauth2-wasm');
  rmSync(old, { recursive: true, force: true });
  cpSync(packed, copy, { recursive: true });
  const { exports: left, ...rest } = JSON.parse(readFileSync(join(copy, 'package.json'), 'utf8'));
  writeFileSync(join(copy, 'package.json'), JSON.stringify(rest));
  const text = Object.keys(left)
    .filter((name) => !/\.\w+$/.test(name))
    .map((name, i) => `import * as m${i} from 'oauth2-wasm${name.slice(1)}';\nconst n${i}: object = m${i};\nconsole.log(n${i});\n`);
  assert.ok(text.length > 15, String(text.length));
  writeFileSync(join(old, 'all.ts'), text.join(''));
  await check(old, 'all.ts', ...DOM, '--module', 'esnext', '--moduleResolution', 'bundler');
  await build({ entryPoints: [join(old, 'all.ts')], bundle: true, format: 'esm', platform: 'browser', write: false, absWorkingDir: old });
});

for (const options of [
  ['--module', 'nodenext'],
  ['--module', 'esnext', '--moduleResolution', 'bundler'],
]) {
  test(`E88 E96 the types fit what callers write: ${options.join(' ')}`, () =>
    compile('types.ts', readFileSync(join(root, 'js/test/types.ts'), 'utf8'), ...options));
}

test('M95 the transports of both MCP SDKs take the options as they are', () =>
  compile(
    'mcp-sdk.ts',
    `import * as two from '@modelcontextprotocol/client';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { OAuthClientProvider } from '@modelcontextprotocol/sdk/client/auth.js';
import { openFiles } from 'oauth2-wasm/files';
import { openMcp } from 'oauth2-wasm/mcp';
import { sdkOptions } from 'oauth2-wasm/mcp-sdk';
const mcp = await openMcp({ client_metadata: {} }, await openFiles('agent'));
const options = sdkOptions(mcp, new URL('https://mcp.example/'), async (signIn) => signIn.begin());
const providers: [OAuthClientProvider, two.OAuthClientProvider] = [options.authProvider, options.authProvider];
for (const Transport of [StreamableHTTPClientTransport, SSEClientTransport, two.StreamableHTTPClientTransport, two.SSEClientTransport] as const) new Transport(new URL('https://mcp.example/'), options);
new two.StreamableHTTPClientTransport(new URL('https://mcp.example/'), { authProvider: providers[1] });
`,
    '--module',
    'nodenext',
    '--skipLibCheck',
    '--types',
    'node',
    '--lib',
    'es2022,dom,dom.iterable',
  ));

test('B14 the stores take the clients of npm redis and pg as they are', () =>
  compile(
    'stores.ts',
    `import pg from 'pg';
import { createClient, createCluster, createSentinel } from 'redis';
import { type Locks, openClient } from 'oauth2-wasm';
import { createPostgresTables, postgresLocks, postgresMigration, postgresStore } from 'oauth2-wasm/postgres';
import { type ExpiringStore, redisLocks, redisStore } from 'oauth2-wasm/redis';
import { newSealKey, sealed } from 'oauth2-wasm/sealed';
const clients = [createClient(), createClient({ socket: { port: 1 } }), createCluster({ rootNodes: [] })] as const;
for (const client of clients) {
  const store: ExpiringStore = redisStore(client, { prefix: 'app:' });
  const locks: Locks = redisLocks(client, { lease: 20_000 });
  const hands = await sealed(store, newSealKey());
  await hands.store.storeUntil('key', '', 'text', Date.now() + 1000);
  await openClient({ client_id: 'app' }, { ...hands, locks });
}
redisStore(createSentinel({ name: 'm', sentinelRootNodes: [] }));
const pool = new pg.Pool();
await createPostgresTables(pool, { schema: 'app' });
console.log(postgresMigration().join(';'));
await openClient({ client_id: 'app' }, { ...(await sealed(postgresStore(pool), process.env.SEAL_KEYS!)), locks: postgresLocks(pool) });
`,
    '--module',
    'nodenext',
    '--skipLibCheck',
    '--types',
    'node',
    '--lib',
    'es2022,dom,dom.iterable',
  ));

for (const name of ['README.md', 'js/README.md']) {
  test(`the code in ${name} compiles`, async () => {
    const blocks = [...readFileSync(join(root, name), 'utf8').matchAll(/^```(?:ts|js|typescript|javascript)\n(.*?)^```/gms)];
    assert.ok(blocks.length > 0);
    for (const [i, [, text]] of blocks.entries()) await compile(`block${i}.ts`, text, '--module', 'esnext', '--moduleResolution', 'bundler');
  });
}
