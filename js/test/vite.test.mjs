import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { build, createServer } from 'vite';
import { launch, pages, strictPolicy } from './lib/browser.mjs';
import { root, sha256 } from './lib/installed.mjs';
import { freePort } from './lib/process.mjs';
import { provider } from './lib/provider.mjs';
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

/** An application whose vault's script is one of Vite's workers. */
const vaultApp = async (t, { config = {}, dev = false, entry } = {}) => {
  const server = await provider();
  t.after(() => server.stop());
  const rootFolder = join(folder, 'pages/vite-vault');
  const dist = mkdtempSync(join(tmpdir(), 'vite-'));
  t.after(() => rmSync(dist, { recursive: true, force: true }));
  const headers = { 'content-security-policy': strictPolicy()['content-security-policy'] + '; img-src data:' };
  const made = (url) => ({
    root: rootFolder,
    configFile: false,
    logLevel: 'warn',
    define: { VAULT_CONFIG: JSON.stringify({ ...server.config, redirect_uri: `${url}/` }) },
    ...config,
  });
  if (!dev) {
    const site = await serve(dist, { headers });
    t.after(() => site.stop());
    await build({ ...made(site.url), build: { outDir: dist, emptyOutDir: true } });
    return { server, url: site.url, dist };
  }
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const site = await createServer({
    ...made(url),
    cacheDir: join(dist, 'cache'),
    optimizeDeps: { include: ['oauth2-wasm/vault', 'oauth2-wasm/vault-worker'] },
    server: { host: '127.0.0.1', port, strictPort: true },
  });
  t.after(() => site.close());
  await site.listen();
  return { server, url };
};

const where = (dev) => (dev ? 'on the development server' : 'built, under a strict policy');
for (const dev of [false, true]) {
  for (const which of ['entry', 'own']) {
    for (const shared of [true, false]) {
      const what = which === 'own' ? 'of the package' : `that is the application's`;
      test(`P72 a Vite app with a vault, ${where(dev)}: a ${shared ? 'shared' : 'dedicated'} worker ${what}`, async (t) => {
        // A name that stays, as js/README has it, and Vite's own.
        const worker = { rolldownOptions: { output: { entryFileNames: 'auth-worker.js' } } };
        const { server, url } = await vaultApp(t, { dev, config: shared ? { worker } : {} });
        const context = await browser.newContext();
        t.after(() => context.close());
        const complaints = [];
        context.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
        context.on('weberror', (error) => complaints.push(String(error.error())));
        const page = await context.newPage();
        if (!shared) await page.addInitScript(() => delete window.SharedWorker);
        const load = async () => {
          await page.goto(url);
          await page.waitForFunction(() => window.openVault);
          return page.evaluate((which) => window.openVault(which).catch(String), which);
        };
        assert.equal(await load(), 'not_authenticated');
        const script = await page.evaluate(() => window.workerUrl);
        assert.match(script, dev ? /worker_file/ : shared ? /^\/auth-worker\.js$/ : /^\/assets\/auth-worker-[\w-]+\.js$/);
        const finished = await page.evaluate(async () => {
          const { url, state } = await window.client.authorize();
          const reply = new URL(new URL(url).searchParams.get('redirect_uri'));
          reply.search = new URLSearchParams({ code: 'THE-CODE', state });
          return (await window.client.callback({ url: reply.href })).status;
        });
        assert.equal(finished, 'granted');
        const call = () => page.evaluate((u) => window.client.fetch(u).then((r) => r.status, String), `${server.url}/api`);
        assert.equal(await call(), 200);
        assert.equal(await load(), 'granted');
        assert.equal(await call(), 200);
        assert.deepEqual(complaints, []);
      });
    }
  }
}
