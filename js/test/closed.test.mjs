// What was closed is let go: a browser gives a page memory for about a hundred instances of a
// module.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { launch, openPage, pages } from './lib/browser.mjs';
import { installed, library } from './lib/installed.mjs';
import { chromiumArgs } from './lib/runtimes.mjs';
import { serve } from './lib/serve.mjs';
import { PAGE, small } from './lib/vault.mjs';

/** How many of them are left after collections. It runs in Node and in a page. */
const left = async (refs, gc) => {
  const alive = () => refs.filter((ref) => ref.deref()).length;
  // What a collection finds may wait for a task, or for the next collection.
  for (let tries = 0; tries < 50 && (!tries || alive()); tries++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    gc();
  }
  return `${alive()} left`;
};

/**
 * Opens and closes clients, and counts those whose instances are left. It runs in Node and in a
 * page.
 */
const closed = async (openClient, gc, left) => {
  const instances = [];
  const { instantiate } = WebAssembly;
  WebAssembly.instantiate = async (...given) => {
    const made = await instantiate(...given);
    instances.push(new WeakRef(made.instance ?? made));
    return made;
  };
  const issuer = 'https://as.example';
  const config = {
    issuer,
    client_id: 'app',
    redirect_uri: 'https://app.example/callback',
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    scope: 'notes',
  };
  const lasting = new AbortController();
  const kept = [];
  const ways = {
    'each with its own name': (n) => [{ ...config, name: `own-${n}` }, {}],
    'all with one name': () => [config, {}],
    'with a signal that lives on': (n) => [{ ...config, name: `signal-${n}` }, { signal: lasting.signal }],
    'kept by the page': (n) => [{ ...config, name: `kept-${n}` }, {}],
    'kept, and closed during a command': (n) => [{ ...config, name: `during-${n}` }, {}],
  };
  const found = {};
  for (const [way, given] of Object.entries(ways)) {
    instances.length = 0;
    const use = async (n) => {
      const client = await openClient(...given(n));
      const command = client.authorize();
      if (!way.endsWith('command')) await command;
      client.close();
      if (way.startsWith('kept')) kept.push(client);
      await Promise.resolve(command).catch(() => {});
    };
    for (let n = 0; n < 10; n++) await use(n);
    found[way] = `${instances.length >= 10 ? 'all' : instances.length} made, ${await left(instances, gc)}`;
  }
  WebAssembly.instantiate = instantiate;
  return { ...found, kept: kept.length };
};

const none = {
  'each with its own name': 'all made, 0 left',
  'all with one name': 'all made, 0 left',
  'with a signal that lives on': 'all made, 0 left',
  'kept by the page': 'all made, 0 left',
  'kept, and closed during a command': 'all made, 0 left',
  kept: 20,
};

test('P75 a page may open and close any number of clients: nothing is left of them', async (t) => {
  const site = await serve(pages());
  const browser = await launch({ args: [...chromiumArgs, '--js-flags=--expose-gc'] });
  t.after(async () => {
    await browser.close();
    site.stop();
  });
  const page = await openPage(await browser.newContext(), `${site.url}/pages/app.html`);
  assert.deepEqual(await page.evaluate(`(${closed})(window.oauth.openClient, gc, ${left})`), none);
});

test('P75 and so may a page with a vault, whose instance is elsewhere', async (t) => {
  const app = await small();
  const browser = await launch({ args: [...chromiumArgs, '--js-flags=--expose-gc'] });
  t.after(async () => {
    await browser.close();
    app.stop();
  });
  const context = await browser.newContext();
  const counted = async (frame) => {
    const clients = [];
    const lasting = new AbortController();
    const use = async (where) => {
      const client = await window.openVault(where);
      await client.status();
      client.close();
      clients.push(new WeakRef(client));
    };
    for (let n = 0; n < 10; n++) await use({ ...(frame ? { frame } : { worker: '/auth-worker.js' }), ...(n % 2 && { signal: lasting.signal }) });
    return `${clients.length} made, ${await window.left(clients, gc)}`;
  };
  for (const way of ['shared', 'dedicated', 'frame']) {
    const page = await openPage(context, app.site.url + PAGE);
    await page.evaluate(`void (window.left = ${left})`);
    if (way === 'dedicated') await page.evaluate(() => void (window.SharedWorker = undefined));
    assert.equal(await page.evaluate(counted, way === 'frame' ? app.frameUrl : ''), '10 made, 0 left', way);
  }
});

test('P75 and so may a process', async () => {
  setFlagsFromString('--expose-gc');
  const { openClient } = await library();
  assert.deepEqual(await closed(openClient, runInNewContext('gc'), left), none);
});

test('P75 so may one that gets tokens for resources', async () => {
  setFlagsFromString('--expose-gc');
  const { openMcp } = await import(pathToFileURL(join(installed(), 'node_modules/oauth2-wasm/dist/mcp.js')).href);
  // It makes its clients later, so there is nothing to authorize yet.
  const open = async (_, options) =>
    Object.assign(await openMcp({ redirect_uri: 'http://127.0.0.1/callback', client_metadata: {} }, options), { authorize() {} });
  assert.deepEqual(await closed(open, runInNewContext('gc'), left), none);
});
