import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { launch } from '../../test/lib/browser.mjs';
import { beside, bundled } from '../lib/beside.mjs';
import { figure, inTurn } from '../lib/figures.mjs';
import { atLeast } from '../lib/table.mjs';

export const title = 'Cold start in Chromium';
export const how =
  "From navigation until the page has an authorization URL with PKCE, by each client's own sign-in by redirect. The page is one bundle (esbuild, of what it imports), served from " +
  'loopback in brotli -q 11; endpoints are given, so nothing else is fetched. Cache empty: a new profile. Warm: the third visit. Slow: cache empty, with 40 ms of latency a request and 10 Mbit/s ' +
  '(emulated by Chromium). Main thread: the time of its tasks until then, the page itself among them.';

const contenders = [
  {
    name: 'oauth2-wasm',
    page: 'oauth2-wasm',
    wasm: true,
    does: 'index.js, which then fetches and compiles the module; the attempt stands in sessionStorage before the URL is given out.',
  },
  {
    name: 'oauth2-wasm, module preloaded',
    page: 'oauth2-wasm',
    wasm: true,
    preload: true,
    does: 'The same with <link rel="preload" as="fetch" crossorigin> for the module in the page.',
  },
  { name: 'oidc-client-ts', page: 'oidc-client-ts', does: 'UserManager.signinRedirect; the attempt stands in localStorage.' },
  { name: 'auth0-spa-js', page: 'auth0-spa-js', does: 'Auth0Client.loginWithRedirect; the attempt stands in sessionStorage.' },
  { name: 'msal-browser', page: 'msal-browser', does: 'PublicClientApplication.loginRedirect; the attempt stands in sessionStorage.' },
  { name: 'empty page', floor: true, does: 'No client: a script of one line.' },
];

/**
 * One site: /NAME/ is a contender's page. Files are compressed in advance, and the browser may
 * cache them.
 */
const makeSite = async () => {
  const folder = beside();
  const files = new Map();
  const add = (path, type, body) => files.set(path, { type, raw: body.length, body: brotliCompressSync(body) });
  for (const [n, { page, wasm, preload }] of contenders.entries()) {
    const code = page ? await bundled({ entryPoints: [join(folder, `pages/${page}.mjs`)] }) : Buffer.from('window.result={at:performance.now(),missing:[]}');
    add(`/${n}/app.js`, 'text/javascript', code);
    if (wasm) add(`/${n}/oauth2.wasm`, 'application/wasm', readFileSync(join(folder, '../node_modules/oauth2-wasm/dist/oauth2.wasm')));
    const link = preload ? '<link rel="preload" href="oauth2.wasm" as="fetch" type="application/wasm" crossorigin>' : '';
    add(
      `/${n}/`,
      'text/html; charset=utf-8',
      Buffer.from(`<!doctype html><title>.</title><link rel="icon" href="data:,">${link}<script type="module" src="app.js"></script>`),
    );
  }
  let bytes = 0;
  const server = createServer((request, response) => {
    const file = files.get(request.url);
    if (!file) return response.writeHead(404).end();
    if (!/\bbr\b/.test(request.headers['accept-encoding'])) throw new Error('bench: a browser without brotli');
    bytes += file.body.length;
    const lasting = /html/.test(file.type) ? 'no-store' : 'public, max-age=31536000, immutable';
    response
      .writeHead(200, { 'content-type': file.type, 'content-encoding': 'br', 'content-length': file.body.length, 'cache-control': lasting })
      .end(file.body);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    served: () => {
      const n = bytes;
      bytes = 0;
      return n;
    },
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
};

/** One visit, in a new tab, so that no other visit affects its tasks or its session storage. */
const visit = async (site, context, { name }, limits) => {
  const tab = await context.newPage();
  try {
    tab.on('pageerror', (error) => console.error(name, String(error)));
    const session = await context.newCDPSession(tab);
    await session.send('Performance.enable');
    if (limits) {
      await session.send('Network.enable');
      await session.send('Network.emulateNetworkConditions', limits);
    }
    site.served();
    await tab.goto(`${site.url}/${contenders.findIndex((c) => c.name === name)}/`);
    await tab.waitForFunction(() => window.result, undefined, { polling: 20, timeout: 10_000 });
    const { metrics } = await session.send('Performance.getMetrics');
    const { at, missing } = await tab.evaluate(() => window.result);
    if (missing.length) throw new Error(`${name}: the URL lacks ${missing}`);
    return { at, busy: metrics.find((m) => m.name === 'TaskDuration').value * 1000, bytes: site.served() };
  } finally {
    await tab.close();
  }
};

const slow = { offline: false, latency: 40, downloadThroughput: 1_250_000, uploadThroughput: 1_250_000 };

/**
 * With an empty cache, then warm at the third visit, in one profile; over a slow network in
 * another.
 */
const measure = async (browser, site, contender) => {
  const profile = async (use) => {
    const context = await browser.newContext();
    try {
      return await use(context);
    } finally {
      await context.close();
    }
  };
  const [cold, warm] = await profile(async (context) => {
    const first = await visit(site, context, contender);
    await visit(site, context, contender);
    return [first, await visit(site, context, contender)];
  });
  const { at } = await profile((context) => visit(site, context, contender, slow));
  return { cold: cold.at, coldBusy: cold.busy, bytes: cold.bytes, warm: warm.at, warmBusy: warm.busy, slow: at };
};

const shown = {
  cold: ['Cache empty', 'ms'],
  warm: ['Warm', 'ms'],
  slow: ['Slow', 'ms'],
  coldBusy: ['Main thread, cache empty', 'ms'],
  warmBusy: ['Main thread, warm', 'ms'],
  bytes: ['Transferred', 'bytes'],
};

export const run = async ({ rounds }) => {
  const site = await makeSite();
  const browser = await launch();
  try {
    const seen = await inTurn(contenders, rounds, (contender) => measure(browser, site, contender));
    const figures = Object.entries(shown).flatMap(([what, [group, unit]]) =>
      contenders.map(({ name, does, floor }) => figure(group, name, unit, seen[name][what], { does, floor, better: 'less' })),
    );
    return {
      figures,
      aims: ['Cache empty', 'Warm'].map((group) =>
        atLeast(`${group.toLowerCase()}: the URL after at most 1.25 times the time of oidc-client-ts`, figures, group, 'oidc-client-ts', 0.8),
      ),
    };
  } finally {
    await browser.close();
    site.stop();
  }
};
