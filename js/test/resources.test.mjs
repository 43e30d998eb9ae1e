// One refresh token, an access token for each resource: against npm oidc-provider, which rotates
// it; and which answers the host caches.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { library, root } from './lib/installed.mjs';
import { decide } from './lib/oidc-pages.mjs';
import { start } from './lib/process.mjs';
import { until } from './lib/provider.mjs';

const { memoryStore, openClient } = await library();

const A = 'https://api.example/jwt';
const B = 'https://api.example/opaque';

let provider;
before(async () => {
  provider = await start('node', [join(root, 'js/test/lib/oidc-provider.mjs'), '--interval', '1', 'http://127.0.0.1/'], /^ready: (\S+)/);
});
after(() => provider?.stop());

test('B59 oidc-provider: one sign-in, a token for each of two resources, its refresh token rotated, and what it refuses', async (t) => {
  const issuer = provider.match[1];
  const refreshes = [];
  const api = [];
  const store = memoryStore();
  const open = async () => {
    const client = await openClient(
      {
        issuer,
        client_id: 'public',
        discovery: true,
        scope: 'openid offline_access read write',
        token_destinations: [],
        resource_destinations: [
          { url: A, resource: A },
          { url: B, resource: B, scope: 'read' },
        ],
      },
      {
        store,
        fetch: async (input, init) => {
          const request = new Request(input, init);
          if (request.url.startsWith('https://api.example/')) {
            api.push(request.headers.get('authorization'));
            return new Response();
          }
          const form = new URLSearchParams(await request.clone().text());
          if (form.get('grant_type') === 'refresh_token') refreshes.push(form);
          return fetch(request);
        },
      },
    );
    t.after(() => client.close());
    return client;
  };
  const client = await open();
  const parameters = [
    ['resource', A],
    ['resource', B],
  ];
  let approved;
  await client.deviceSignIn({ parameters, show: (device) => (approved ??= decide(device.verification_uri_complete, 'approve')) });
  const own = await client.token();

  const claims = ({ access_token: token }) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
  const [first, second, third] = await Promise.all([
    client.token({ resource: A }),
    client.token({ resource: B, scope: 'read' }),
    client.token({ resource: A }),
  ]);
  assert.deepEqual([claims(first).aud, first.access_token, second.scope], [A, third.access_token, 'read']);
  assert.equal(second.access_token.split('.').length, 1, 'the one of B is opaque');
  assert.deepEqual(
    refreshes.map((form) => [form.get('resource'), form.get('scope')]),
    [
      [A, null],
      [B, 'read'],
    ],
  );
  assert.notEqual(refreshes[0].get('refresh_token'), refreshes[1].get('refresh_token'), 'it is rotated');

  await client.fetch(`${A}/x`);
  await client.fetch(`${B}/x`, { method: 'POST', body: 'x' });
  assert.deepEqual(api, [`Bearer ${first.access_token}`, `Bearer ${second.access_token}`]);
  await assert.rejects(client.fetch('https://api.example/other'), { code: 'resource_not_allowed' });
  await assert.rejects(client.token({ resource: A, scope: 'profile' }), { error: 'invalid_scope' });
  assert.deepEqual(await client.token(), own, "the session's own stays");

  const other = await open();
  assert.equal((await other.token({ resource: A })).access_token, first.access_token, 'another client of the store has it');
  assert.equal(refreshes.length, 3);
  const narrow = await client.token({ resource: A, scope: 'write' });
  assert.deepEqual([claims(narrow).scope, claims(narrow).aud], ['write', A]);
  assert.equal((await client.refresh()).status, 'granted');
  assert.equal((await client.token({ resource: A })).access_token, first.access_token, 'a refresh leaves it');
  // This server uses up the refresh token before it checks the resource, so this is the last one.
  const last = await client.token();
  await assert.rejects(client.token({ resource: 'https://unknown.example' }), { error: 'invalid_target' });
  assert.deepEqual(await client.token(), last, 'a refusal ends nothing here');
  await client.logOut();
  await assert.rejects(client.token({ resource: A }), { code: 'not_signed_in' });
  await until(async () => (await other.status()).status !== 'granted', 'the other client hears of it');
  await assert.rejects(other.fetch(`${A}/x`), { code: 'not_signed_in' });
});

test('B54 what is held for one resource is not given for another, and force brings another one', async (t) => {
  let issued = 0;
  const client = await openClient(
    { client_id: 'app', token_endpoint: 'https://as.example/token', token_destinations: ['https://api.example/'] },
    {
      fetch: async () => Response.json({ access_token: `t${++issued}`, token_type: 'Bearer', expires_in: 3600, refresh_token: `r${issued}` }),
    },
  );
  t.after(() => client.close());
  await client.setToken({ access_token: 'own', token_type: 'Bearer', expires_in: 3600, refresh_token: 'r0' });
  const token = async (parameters) => (await client.token(parameters)).access_token;
  const rows = [
    [{ resource: 'urn:a' }, 't1'],
    [{ resource: 'urn:b' }, 't2'],
    [{ scope: 'a' }, 't3'],
    [{ resource: 'urn:a', scope: 'a' }, 't4'],
    [undefined, 'own'],
    [{ resource: 'urn:a' }, 't1'],
    [{ resource: 'urn:a', force: true }, 't5'],
    [{ force: true, resource: 'urn:b' }, 't6'],
    [{ resource: 'urn:a' }, 't5'],
    [{ resource: 'urn:b' }, 't6'],
    [{}, 'own'],
  ];
  for (const [parameters, want] of rows) assert.equal(await token(parameters), want, JSON.stringify(parameters));
  await assert.rejects(client.token({ resource: 'no URI' }), { code: 'bad_url', field: 'resource' });
});
