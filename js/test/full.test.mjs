// The two modules of the package: what the pages' module refuses, and the pages' entry with the
// full module.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, openPage, pages, strictPolicy } from './lib/browser.mjs';
import { library } from './lib/installed.mjs';
import { serve } from './lib/serve.mjs';

const config = {
  client_id: 'app',
  issuer: 'https://as.example',
  authorization_endpoint: 'https://as.example/authorize',
  token_endpoint: 'https://as.example/token',
  redirect_uri: 'https://app.example/cb',
};
const more = { ...config, client_secret: 's3cret', token_endpoint_auth_method: 'client_secret_jwt' };

let browser;
let site;
before(async () => {
  site = await serve(pages(), { headers: strictPolicy() });
  browser = await launch();
});
after(async () => {
  await browser.close();
  site.stop();
});

/**
 * Opens clients in a page with the entry of that name, and returns the result of each, and the
 * modules that were loaded.
 */
const inPage = async (entry, ...configs) => {
  const context = await browser.newContext();
  const page = await openPage(context, `${site.url}/pages/app.html`);
  const loaded = [];
  page.on('request', (request) => request.url().endsWith('.wasm') && loaded.push(request.url().split('/').pop()));
  const outcomes = await page.evaluate(
    async ([entry, configs]) => {
      const { openClient } = await import(`/node_modules/oauth2-wasm/dist/${entry}.js`);
      const outcomes = [];
      for (const config of configs) {
        const tell = ({ code, field, expected, came, message }) => ({ code, field, expected, came, message });
        const client = await openClient(config).catch(tell);
        outcomes.push(client.code ? client : await client.clientCredentials({}).catch(tell));
      }
      return outcomes;
    },
    [entry, configs],
  );
  await context.close();
  return { outcomes, loaded };
};

test('E131 in a page, what oauth2.wasm does not have is an error that names the module which has it', async () => {
  const { outcomes, loaded } = await inPage('index', more, config);
  assert.deepEqual(outcomes, [
    {
      code: 'not_in_this_module',
      field: 'token_endpoint_auth_method',
      expected: 'oauth2-full.wasm',
      came: 'client_secret_jwt',
      message: 'oauth2-wasm: open: not in this module: token_endpoint_auth_method: expected oauth2-full.wasm, came client_secret_jwt',
    },
    {
      code: 'not_in_this_module',
      field: 'command',
      expected: 'oauth2-full.wasm',
      came: 'client_credentials',
      message: 'oauth2-wasm: client_credentials: not in this module: command: expected oauth2-full.wasm, came client_credentials',
    },
  ]);
  assert.deepEqual(loaded, ['oauth2.wasm']);
});

test('E134 oauth2-wasm/full is the same client in a page, with the module that has all of it', async () => {
  const { outcomes, loaded } = await inPage('full', more, { ...config, name: 'other' });
  // One sends a request to a server that does not exist, and a client without a secret says what is
  // missing.
  assert.deepEqual(
    outcomes.map(({ code }) => code),
    ['network', 'missing'],
  );
  assert.deepEqual(loaded, ['oauth2-full.wasm']);
});

test('E134 Node runs the module that has all of it', async () => {
  const { openClient } = await library();
  const client = await openClient(more);
  await assert.rejects(openClient({ ...config, token_endpoint_auth_method: 'private_key_jwt' }), { code: 'missing', field: 'client_key' });
  client.close();
});
