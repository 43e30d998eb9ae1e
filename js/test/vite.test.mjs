import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { build, createServer } from 'vite';
import { launch, pages, strictPolicy } from './lib/browser.mjs';
import { root, sha256 } from './lib/installed.mjs';
import { serve } from './lib/serve.mjs';

const folder = pages();
const app = { root: join(folder, 'pages/vite'), configFile: false, logLevel: 'warn' };

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

/** The app's output, and the browser's complaints. */
const visit = async (url) => {
  const page = await browser.newPage();
  const complaints = [];
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(url);
  await page.waitForFunction(() => document.querySelector('output').textContent);
  const text = await page.textContent('output');
  await page.close();
  return { text, complaints };
};

const assertUrl = (text) => {
  const url = new URL(text);
  assert.equal(url.origin + url.pathname, 'https://as.example/authorize');
  assert.equal(url.searchParams.get('code_challenge').length, 43);
};

test('Q21 a Vite app, built, signs in under a strict policy', async () => {
  await build({ ...app, build: { outDir: 'dist', emptyOutDir: true } });
  const dist = join(app.root, 'dist');
  const wasm = readdirSync(join(dist, 'assets')).filter((name) => name.endsWith('.wasm'));
  assert.equal(wasm.length, 1);
  assert.equal(sha256(readFileSync(join(dist, 'assets', wasm[0]))), sha256(readFileSync(join(root, 'wasm/oauth2.wasm'))));
  const server = await serve(dist, { headers: strictPolicy() });
  try {
    const { text, complaints } = await visit(server.url + '/');
    assertUrl(text);
    assert.deepEqual(
      complaints.filter((complaint) => !complaint.includes('favicon')),
      [],
    );
  } finally {
    server.stop();
  }
});

test('a policy without wasm-unsafe-eval is a clear error', async () => {
  await build({ ...app, build: { outDir: 'dist-strict', emptyOutDir: true } });
  const server = await serve(join(app.root, 'dist-strict'), { headers: strictPolicy("'self'") });
  try {
    const { text } = await visit(server.url + '/');
    assert.match(text, /^CompileError: .*(unsafe-eval|Content Security Policy)/);
  } finally {
    server.stop();
  }
});

test('a Vite app on the development server signs in', async () => {
  const server = await createServer({
    ...app,
    cacheDir: join(folder, 'work/vite'),
    server: { host: '127.0.0.1', port: 0 },
    optimizeDeps: { noDiscovery: false },
  });
  try {
    await server.listen();
    const { port } = server.httpServer.address();
    assertUrl((await visit(`http://127.0.0.1:${port}/`)).text);
  } finally {
    await server.close();
  }
});
