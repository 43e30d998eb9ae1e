// The examples as a reader builds and runs them: installed from their own locks, with this tree's
// packed package, and used in Chromium.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { application, packed } from './lib/application.mjs';
import { decide, launch, strictPolicy } from './lib/browser.mjs';
import { root } from './lib/installed.mjs';
import { authserver, freePort, start } from './lib/process.mjs';
import { serve } from './lib/serve.mjs';

const examples = join(root, 'js/examples');
/** The examples' package is two folders above them, as in the tree. */
const base = join(root, 'build/js/example-package');

let browser, server;
before(async () => {
  // The port of a redirect URI on loopback may be any (RFC 8252 section 7.3).
  server = await authserver('http://127.0.0.1/');
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Installs an example. Its lock names the package by a path, so the package stands there, too. */
const setUp = (name) => {
  const folder = join(base, 'examples', name);
  cpSync(packed(), base, { recursive: true });
  application(join(examples, name), folder);
  return folder;
};

/** Runs a script of the example's package.json. */
const run = (folder, script, env) =>
  execFileSync('npm', ['run', '--silent', script], {
    cwd: folder,
    env: { ...process.env, NEXT_TELEMETRY_DISABLED: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
  });

/**
 * Signs in and out like a user, without a complaint of the browser. `signedIn` looks at the page in
 * between; `preloaded` says that the page itself asks for the module.
 */
const drive = async (t, url, { preloaded = true, signedIn = async () => {} } = {}) => {
  const context = await browser.newContext();
  t.after(() => context.close());
  const complaints = [];
  context.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  context.on('weberror', (error) => complaints.push(String(error.error())));
  const page = await context.newPage();
  let modules = 0;
  context.on('request', (request) => request.url().endsWith('.wasm') && modules++);
  await page.goto(url);
  const signIn = page.getByRole('button', { name: 'Sign in' });
  await signIn.waitFor();
  assert.equal(modules, preloaded ? 1 : 0, 'what was preloaded is what is used');
  await signIn.click();
  await page.waitForURL((at) => at.href.startsWith(server.issuer));
  await decide(page, 'approve');
  await page.getByText('Signed in: Alice').waitFor();
  assert.equal(page.url(), url);
  await signedIn(page);
  assert.deepEqual(complaints, []);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.waitForURL((at) => at.href.startsWith(server.issuer));
};

/** Builds an example with Vite, and serves it under a policy that allows no other script. */
const built = async (t, name) => {
  const folder = setUp(name);
  run(folder, 'build', { VITE_ISSUER: server.issuer });
  const dist = join(folder, 'dist');
  const assets = readdirSync(join(dist, 'assets'));
  const wasm = assets.filter((file) => file.endsWith('.wasm'));
  assert.equal(wasm.length, 1);
  const policy = strictPolicy()['content-security-policy'].replace("connect-src 'self'", `img-src data:; connect-src 'self' ${server.issuer}`);
  const site = await serve(dist, { headers: { 'content-security-policy': policy } });
  t.after(() => site.stop());
  return { dist, assets, wasm: `/assets/${wasm[0]}`, site };
};

test('P62 the example vite-react, built, whose client is in a vault: the page has neither the configuration nor the module, and a reload stays signed in', async (t) => {
  const { dist, assets, wasm, site } = await built(t, 'vite-react');
  const scripts = assets.filter((file) => file.endsWith('.js')).map((file) => readFileSync(join(dist, 'assets', file), 'utf8'));
  assert.ok(scripts.length > 0 && !scripts.some((text) => text.includes(server.issuer)));
  assert.ok(readFileSync(join(dist, 'auth-worker.js'), 'utf8').includes(server.issuer));
  await drive(t, `${site.url}/`, {
    preloaded: false,
    async signedIn(page) {
      const shown = [];
      await page.exposeFunction('noteShown', (text) => shown.push(text));
      await page.addInitScript(() => {
        const note = () => document.body && window.noteShown(document.body.innerText);
        new MutationObserver(note).observe(document, { childList: true, subtree: true, characterData: true });
      });
      await page.reload();
      await page.getByText('Signed in: Alice').waitFor();
      assert.ok(!shown.some((text) => text.includes('Sign in')), shown.join());
    },
  });
  assert.ok(site.asked.includes('/auth-worker.js'));
  assert.ok(site.asked.includes(wasm));
});

test('P62 the example vite-vue, built: the module is asked for beside the script', async (t) => {
  const { dist, wasm, site } = await built(t, 'vite-vue');
  const html = readFileSync(join(dist, 'index.html'), 'utf8');
  assert.match(html, new RegExp(`<link rel="preload" href="${wasm}" as="fetch"`), 'the preload names the built file');
  await drive(t, `${site.url}/`);
});

test('P62 the example plain, under default-src none', async (t) => {
  const folder = setUp('plain');
  const site = await start(process.execPath, ['serve.mjs'], /^ready: (\S+)/, { cwd: folder, env: { ...process.env, PORT: '0', ISSUER: server.issuer } });
  t.after(site.stop);
  await drive(t, `${site.match[1]}/`);
});

test('P62 the example next: a page rendered by the server, a component in the browser, and a route handler that takes the token', async (t) => {
  const folder = setUp('next');
  const env = { ...process.env, NEXT_TELEMETRY_DISABLED: '1', ISSUER: server.issuer };
  run(folder, 'build', env);
  const port = await freePort();
  const site = await start(process.execPath, ['node_modules/next/dist/bin/next', 'start', '-H', '127.0.0.1', '-p', String(port)], /Ready in/, {
    cwd: folder,
    env,
  });
  t.after(site.stop);
  const url = `http://127.0.0.1:${port}`;
  assert.match(await (await fetch(url)).text(), /<p>One moment …<\/p>/);
  assert.equal((await fetch(`${url}/api/me`)).status, 401);
  await drive(t, `${url}/`);
});

test('P64 js/README: a new application, from the template to signed in, on the development server', async (t) => {
  const readme = readFileSync(join(root, 'js/README.md'), 'utf8').split('## A new application in five minutes')[1].split('\n## ')[0];
  const blocks = [...readme.matchAll(/`(src\/[\w.]+)`:\n\n```tsx\n(.*?)^```/gms)];
  assert.deepEqual(
    blocks.map(([, file]) => file),
    ['src/auth.ts', 'src/App.tsx'],
  );
  const [, version, given] = /^npm create --yes vite@(\S+) (.*)$/m.exec(readme);
  const template = join(root, 'node_modules/create-vite');
  assert.equal(JSON.parse(readFileSync(join(template, 'package.json'), 'utf8')).version, version);
  const [name, ...args] = given.replace(' -- ', ' ').split(' ');
  const modules = join(setUp('vite-react'), 'node_modules');
  const folder = join(base, name);
  rmSync(folder, { recursive: true, force: true });
  execFileSync(process.execPath, [join(template, 'index.js'), name, ...args], { cwd: base, stdio: ['ignore', 'pipe', 'pipe'] });
  // The packages of the example's lock.
  symlinkSync(modules, join(folder, 'node_modules'));
  const page = `http://localhost:${await freePort()}/`;
  const mine = await authserver(page);
  t.after(() => mine.stop());
  for (const [, file, text] of blocks)
    writeFileSync(join(folder, file), text.replace('http://127.0.0.1:9000', mine.issuer).replace('http://localhost:5173/', page));
  // Vite's cache does not know that the package has changed.
  const site = await start(process.execPath, [join(modules, 'vite/bin/vite.js'), '--force', '--port', new URL(page).port, '--strictPort'], /Local/, {
    cwd: folder,
    env: { ...process.env, NO_COLOR: '1' },
  });
  t.after(site.stop);
  const context = await browser.newContext();
  t.after(() => context.close());
  const tab = await context.newPage();
  await tab.goto(page);
  await tab.getByRole('button', { name: 'Sign in' }).click();
  await tab.waitForURL((at) => at.href.startsWith(mine.issuer));
  await decide(tab, 'approve');
  await tab.getByRole('button', { name: 'Sign out' }).waitFor();
  assert.equal(tab.url(), page);
});
