// Provider presets in the package: their content, and that a client accepts them.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { installed, library, root } from './lib/installed.mjs';

const packed = join(installed(), 'node_modules/oauth2-wasm/dist/presets.js');
const presets = await import(pathToFileURL(packed).href);
const { openClient } = await library();

test('H7 the package has the presets of the one file, without what is for people', () => {
  const data = JSON.parse(readFileSync(join(root, 'core/oauth/presets/presets.json'), 'utf8'));
  assert.deepEqual(Object.keys(presets).sort(), Object.keys(data).sort());
  for (const [name, { about, docs, ...members }] of Object.entries(data)) {
    assert.ok(about && docs, name);
    assert.deepEqual(presets[name], members, name);
  }
});

test('H7 H4 a preset is spread into a configuration, and what stands behind it goes before it', async () => {
  const client = await openClient({
    ...presets.microsoft,
    client_id: 'app',
    redirect_uri: 'https://app.example/cb',
    token_endpoint_auth_method: 'none',
    variables: { tenant: '9188040d-6c67-4c5b-b112-36a304b66dad' },
    scope: 'openid',
  });
  const { url, state } = await client.authorize();
  const { origin, pathname, searchParams } = new URL(url);
  assert.equal(origin + pathname, 'https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/oauth2/v2.0/authorize');
  const query = Object.fromEntries(searchParams);
  assert.deepEqual([query.client_id, query.redirect_uri, query.scope, query.state], ['app', 'https://app.example/cb', 'openid', state]);
  assert.equal(query.code_challenge_method, 'S256');
  client.close();
});

test('H7 the parameters of a preset are in the URL', async () => {
  const client = await openClient({ ...presets.google, client_id: 'app', client_secret: 'secret', redirect_uri: 'https://app.example/cb' });
  const { searchParams } = new URL((await client.authorize()).url);
  assert.deepEqual([searchParams.get('access_type'), searchParams.get('scope')], ['offline', 'openid email profile']);
  client.close();
});

test('H7 a variable that leads elsewhere, or is missing, is refused by that name', async () => {
  for (const variables of [{ shop: '../' }, { shop: 'a.b/c' }, { shop: '' }, {}]) {
    const config = { ...presets.shopify, client_id: 'app', client_secret: 'secret', redirect_uri: 'https://app.example/cb', variables };
    await assert.rejects(openClient(config), { kind: 'client', code: 'bad_value', field: 'variables' });
  }
});

test('H7 a page that imports one preset loads no other', async () => {
  const { outputFiles } = await build({
    stdin: { contents: `import { github } from './presets.js'; console.log(github.issuer);`, resolveDir: join(packed, '..') },
    bundle: true,
    format: 'esm',
    write: false,
  });
  assert.match(outputFiles[0].text, /github\.com/);
  assert.doesNotMatch(outputFiles[0].text, /facebook|kakao|reddit/);
});
