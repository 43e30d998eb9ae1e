// Runs contenders in Node and in a page of Chromium. Their module exports setUp, contenders (name,
// does, make) and measure(client, ms).
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { launch } from '../../test/lib/browser.mjs';
import { serve } from '../../test/lib/serve.mjs';
import { beside, bundled, scratch } from './beside.mjs';
import { inTurn } from './figures.mjs';

const inNode = async (folder, file, { rounds, slice }) => {
  const real = globalThis.fetch;
  const { setUp, contenders, measure } = await import(pathToFileURL(join(folder, file)).href);
  setUp();
  try {
    const clients = new Map();
    for (const c of contenders) clients.set(c, await c.make());
    return { contenders, seen: await inTurn(contenders, rounds, (c) => measure(clients.get(c), slice)) };
  } finally {
    globalThis.fetch = real;
  }
};

const page = (file) => `
  import { setUp, contenders, measure } from './${file}';
  setUp();
  const clients = {};
  for (const { name, make } of contenders) clients[name] = await make();
  window.contenders = contenders.map(({ make, ...rest }) => rest);
  window.measure = (name, ms) => measure(clients[name], ms);
  window.ready = true;`;

const inChromium = async (folder, file, { rounds, slice }) => {
  const made = scratch(`page-${file.replaceAll(/\W+/g, '-')}`);
  writeFileSync(join(made, 'page.js'), await bundled({ stdin: { contents: page(file), resolveDir: folder } }));
  copyFileSync(join(folder, '../node_modules/oauth2-wasm/dist/oauth2.wasm'), join(made, 'oauth2.wasm'));
  // Isolated from other origins, a page has a clock of 5 us instead of 100.
  const isolated = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' };
  const site = await serve(made, { extra: { '/index.html': '<!doctype html><script type=module src=page.js></script>' }, headers: isolated });
  const browser = await launch();
  try {
    const tab = await browser.newPage();
    const broken = new Promise((_, reject) => tab.on('pageerror', reject));
    await tab.goto(`${site.url}/index.html`);
    await Promise.race([broken, tab.waitForFunction(() => window.ready)]);
    const contenders = await tab.evaluate(() => window.contenders);
    return { contenders, seen: await inTurn(contenders, rounds, ({ name }) => tab.evaluate(([n, ms]) => window.measure(n, ms), [name, slice])) };
  } finally {
    await browser.close();
    site.stop();
  }
};

/** Both: [place, {contenders, seen}]. */
export const places = async (file, context) => {
  const folder = beside();
  return [
    ['Node', await inNode(folder, file, context)],
    ['Chromium', await inChromium(folder, file, context)],
  ];
};
