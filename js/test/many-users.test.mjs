// A session for each of many users, in one process of a server without a backend for a frontend.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { env } from 'node:process';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { installed } from './lib/installed.mjs';

const dist = join(installed(), 'node_modules/oauth2-wasm/dist');
const { memoryStore, openClient } = await import(pathToFileURL(join(dist, 'node.js')).href);
const { newSealKey, sealed } = await import(pathToFileURL(join(dist, 'sealed.js')).href);

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc');

/** The bytes in use after garbage collection. */
const used = async () => {
  for (let i = 0; i < 4; i++) {
    gc();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

// MANY_USERS=100000 opens and closes that many, and prints the figures.
test('B62 a session for each of many users, its key from who is authenticated, sealed in the store: the own token, and nothing left in memory', async (t) => {
  const opens = Number(env.MANY_USERS ?? 2000);
  const users = Array.from({ length: 100 }, (_, i) => `user/${i}`);
  const { load, store } = memoryStore(); // without `subscribe`, like a database
  const written = [];
  const hands = await sealed({ load, store: (key, version, value) => (written.push(value), store(key, version, value)) }, newSealKey());
  const module = await WebAssembly.compile(await readFile(join(dist, 'oauth2-full.wasm')));
  const name = (user) => `user.${createHash('sha256').update(user).digest('base64url')}`;
  const clientOf = (user) => openClient({ client_id: 'app', token_endpoint: 'https://as.example/token', name: name(user) }, { ...hands, module });
  const visit = async (user) => {
    const client = await clientOf(user);
    try {
      const { access_token } = await client.token();
      if (access_token !== `token-of-${user}`) assert.fail(`${user} has ${access_token}`);
    } finally {
      client.close();
    }
  };
  for (const user of users) {
    const client = await clientOf(user);
    await client.setToken({ access_token: `token-of-${user}`, token_type: 'Bearer', expires_in: 3600, refresh_token: 'r' });
    client.close();
  }
  assert.ok(
    written.every((text) => !text.includes('token-of-')),
    'what is stored is sealed',
  );
  for (let i = 0; i < 300; i++) await visit(users[i % users.length]);
  const before = await used();
  const began = performance.now();
  for (let i = 0; i < opens; i++) await visit(users[i % users.length]);
  const ms = (performance.now() - began) / opens;
  const after = await used();
  t.diagnostic(`${opens} opens, tokens and closes: ${ms.toFixed(3)} ms each, ${before >> 10} KiB in use before, ${after >> 10} KiB after`);
  assert.ok(after < before + (4 << 20), `${(after - before) >> 10} KiB are left of ${opens} sessions`);
});
