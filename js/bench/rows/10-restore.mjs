import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { launch } from '../../test/lib/browser.mjs';
import { beside, bundled } from '../lib/beside.mjs';
import { figure, inTurn } from '../lib/figures.mjs';
import { authority, site } from '../lib/restore-server.mjs';
import { atLeast } from '../lib/table.mjs';

export const title = 'A restored session in Chromium';
export const how =
  'From navigation until the client of a page that is loaded again says who is signed in, and until the API has answered with the token. Each in its mode that outlives a reload. ' +
  'Each visitor is new, signs in, loads the page again, and is measured at the load after that. Files are one bundle (esbuild) an entry, in brotli, kept by the browser; endpoints are ' +
  'given. Everything is on loopback; far: 30 ms later, files, server and API.';

const contenders = [
  {
    name: 'oauth2-wasm, vault in a SharedWorker',
    page: 'own-vault',
    vault: true,
    does: 'No script of the page reaches a token. Registers the keeper at each load.',
  },
  {
    name: 'oauth2-wasm, vault in a Worker, kept by a service worker',
    page: 'own-vault',
    vault: true,
    script: 'window.dedicated = true;',
    does: 'The same where there is no SharedWorker: a new worker takes the session from the keeper.',
  },
  { name: 'oauth2-wasm, insecureSessionStore', page: 'own-tab', wasm: true, does: 'Tokens in sessionStorage.' },
  {
    name: 'oauth2-wasm, insecureSessionStore, module preloaded',
    page: 'own-tab',
    wasm: true,
    preload: true,
    does: 'The same with <link rel="preload"> for the module.',
  },
  { name: 'oauth2-wasm, insecureIndexedDBStore', page: 'own-indexeddb', wasm: true, does: 'Tokens in IndexedDB, for all tabs.' },
  {
    name: 'oauth2-wasm, insecureIndexedDBStore, module preloaded',
    page: 'own-indexeddb',
    wasm: true,
    preload: true,
    does: 'The same with <link rel="preload"> for the module.',
  },
  { name: 'oauth2-wasm, silent', page: 'own-silent', wasm: true, does: 'Keeps no token: a hidden frame asks the server (prompt=none).' },
  {
    name: 'oauth2-wasm, silent, module preloaded',
    page: 'own-silent',
    wasm: true,
    preload: true,
    does: 'The same with <link rel="preload"> for the module.',
  },
  { name: 'oidc-client-ts', page: 'oidc-client-ts', does: 'Tokens in localStorage. The ID token is not verified.' },
  { name: 'auth0-spa-js', page: 'auth0-spa-js', auth0: true, does: 'Tokens in localStorage. The signature of the ID token is not verified.' },
  { name: 'oidc-spa', page: 'oidc-spa', does: 'Keeps no token: a hidden frame asks the server (prompt=none). The ID token is not verified.' },
];

const visit = async (tab, go, name) => {
  await go();
  try {
    await tab.waitForFunction(() => window.result, undefined, { polling: 20, timeout: 20_000 });
  } catch {
    throw new Error(`${name}: no result at ${tab.url()}`);
  }
  return tab.evaluate(() => window.result);
};

/** Signs in, and reloads the page twice. */
const measure = async (browser, { url }, name) => {
  const context = await browser.newContext();
  try {
    const tab = await context.newPage();
    tab.on('pageerror', (error) => console.error(name, String(error)));
    await visit(tab, () => tab.goto(url), name);
    await visit(tab, () => tab.reload(), name);
    return await visit(tab, () => tab.reload(), name);
  } finally {
    await context.close();
  }
};

const far = 30;
const shown = {
  ready: 'Who is signed in',
  answered: 'First answer of the API',
  farReady: 'Who is signed in, far',
  farAnswered: 'First answer of the API, far',
};

export const run = async ({ rounds }) => {
  const folder = beside();
  const dist = (name) => readFileSync(join(folder, '../node_modules/oauth2-wasm/dist', name));
  let latency = 0;
  const server = await authority(() => latency);
  const made = (page) => bundled({ entryPoints: [join(folder, `pages/restore/${page}.mjs`)], define: { AS: JSON.stringify(server.url) } });
  const sites = new Map();
  const browser = await launch();
  try {
    for (const { name, page, vault, wasm = vault, preload, script } of contenders) {
      const head =
        (preload ? '<link rel="preload" href="/oauth2.wasm" as="fetch" type="application/wasm" crossorigin>' : '') +
        (script ? `<script>${script}</script>` : '');
      const files = {
        '/index.html': `<!doctype html><title>.</title><link rel="icon" href="data:,">${head}<script type="module" src="/app.js"></script>`,
        '/app.js': await made(page),
        ...(wasm && { '/oauth2.wasm': dist('oauth2.wasm') }),
        ...(vault && { '/auth-worker.js': await made('auth-worker') }),
      };
      sites.set(name, await site(files, () => latency));
    }
    const seen = await inTurn(contenders, rounds, async ({ name }) => {
      latency = 0;
      const { ready, answered } = await measure(browser, sites.get(name), name);
      latency = far;
      const there = await measure(browser, sites.get(name), name);
      return { ready, answered, farReady: there.ready, farAnswered: there.answered };
    });
    const figures = Object.entries(shown).flatMap(([what, group]) =>
      contenders.map(({ name, does }) => figure(group, name, 'ms', seen[name][what], { does, better: 'less' })),
    );
    const aims = ['ready', 'answered'].flatMap((what) =>
      ['oidc-client-ts', 'auth0-spa-js', 'oidc-spa'].map((other) =>
        atLeast(`${shown[what].toLowerCase()}: no later than with ${other}`, figures, shown[what], other, 1),
      ),
    );
    return { figures, aims };
  } finally {
    await browser.close();
    server.stop();
    sites.forEach(({ stop }) => stop());
  }
};
