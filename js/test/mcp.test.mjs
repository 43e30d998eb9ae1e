// Tokens for resources whose metadata names their servers, against servers on loopback; and in Node
// the check of the addresses to which requests go.
import assert from 'node:assert/strict';
import dns from 'node:dns';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { installed, library, root } from './lib/installed.mjs';

const { memoryStore, openClient } = await library();
const { isPublicAddress, openMcp, publicFetch } = await import(pathToFileURL(join(installed(), 'node_modules/oauth2-wasm/dist/mcp.js')).href);

const open = [];
after(() => open.forEach((close) => close()));

const listen = async (handler) => {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (part) => (body += part));
    request.on('end', () => {
      const { status = 200, headers = {}, json, text = '' } = handler(request, new URL(request.url, 'http://x'), new URLSearchParams(body), body);
      response.writeHead(status, json ? { 'content-type': 'application/json', ...headers } : headers);
      response.end(json ? JSON.stringify(json) : text);
    });
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  open.push(() => server.close());
  return `http://127.0.0.1:${server.address().port}`;
};

/** A resource and its authorization server. */
const newWorld = async ({ document = false } = {}) => {
  const world = { need: { '/mcp': 'read', '/mcp/write': 'write' }, tokens: new Map(), refresh: new Map(), clients: new Set(), forms: [], n: 0 };
  world.api = await listen(({ headers }, { pathname }, _, body) => {
    if (pathname === '/.well-known/oauth-protected-resource/mcp')
      return { json: { resource: world.resource, authorization_servers: [world.as], scopes_supported: ['read'] } };
    const scope = world.tokens.get(headers.authorization?.replace('Bearer ', ''));
    const challenge = `Bearer resource_metadata="${world.api}/.well-known/oauth-protected-resource/mcp", scope="${world.need[pathname]}"`;
    if (scope === undefined) return { status: 401, headers: { 'www-authenticate': challenge } };
    if (!scope.split(' ').includes(world.need[pathname])) return { status: 403, headers: { 'www-authenticate': `${challenge}, error="insufficient_scope"` } };
    return { text: `welcome ${body}` };
  });
  world.resource = `${world.api}/mcp`;
  world.as = await listen((_, { pathname, searchParams }, form) => {
    switch (pathname) {
      case '/.well-known/oauth-authorization-server':
        return {
          json: {
            issuer: world.as,
            authorization_endpoint: `${world.as}/authorize`,
            token_endpoint: `${world.as}/token`,
            registration_endpoint: `${world.as}/register`,
            code_challenge_methods_supported: ['S256'],
            authorization_response_iss_parameter_supported: true,
            client_id_metadata_document_supported: document,
          },
        };
      case '/register':
        world.clients.add(`client-${++world.n}`);
        return { status: 201, json: { client_id: `client-${world.n}` } };
      case '/authorize': {
        const to = new URL(searchParams.get('redirect_uri'));
        to.search = new URLSearchParams({ code: searchParams.get('scope'), state: searchParams.get('state'), iss: world.as });
        return { status: 302, headers: { location: String(to) } };
      }
      case '/token': {
        world.forms.push(form);
        if (!document && !world.clients.has(form.get('client_id'))) return { status: 401, json: { error: 'invalid_client' } };
        const old = form.get('refresh_token');
        const scope = old ? world.refresh.get(old) : form.get('code');
        world.refresh.delete(old);
        if (scope === undefined || form.get('resource') !== world.resource) return { status: 400, json: { error: 'invalid_grant' } };
        const n = ++world.n;
        world.tokens.set(`access-${n}`, scope);
        world.refresh.set(`refresh-${n}`, scope);
        return { json: { access_token: `access-${n}`, token_type: 'Bearer', expires_in: 3600, refresh_token: `refresh-${n}`, scope } };
      }
    }
    return { status: 404 };
  });
  world.open = async (store, signIn) => {
    const mcp = await openMcp(
      { redirect_uri: 'http://127.0.0.1:1/cb', client_id: 'https://app.example/c.json', client_metadata: { client_name: 'Test' }, private_origins: [world.as] },
      { store, ...(signIn && { signIn }) },
    );
    open.push(() => mcp.close());
    return mcp;
  };
  return world;
};

const browse = async (url) => (await fetch(url, { redirect: 'manual' })).headers.get('location');

/** A user who agrees at once. */
const agree = (counter) => async (signIn) => {
  counter.n++;
  const { url } = await signIn.begin();
  await signIn.finish(await browse(url));
};

for (const document of [true, false]) {
  test(`M43 requests go out with the token of their resource, and the first one signs in (${document ? 'a metadata document' : 'registration'})`, async () => {
    const world = await newWorld({ document });
    const store = memoryStore();
    const counter = { n: 0 };
    const mcp = await world.open(store, agree(counter));
    assert.equal(await mcp.token(world.resource), null);
    for (const body of ['one', 'two']) assert.equal(await (await mcp.fetch(world.resource, { method: 'POST', body })).text(), `welcome ${body}`);
    assert.equal(counter.n, 1);
    assert.equal((await mcp.fetch(new Request(`${world.resource}/write`, { method: 'POST', body: 'x' }))).status, 200);
    assert.equal(counter.n, 2);
    assert.equal(world.forms.at(-1).get('code'), 'read write');
    world.tokens.clear(); // revoked, so it is refreshed
    assert.equal((await mcp.fetch(world.resource)).status, 200);
    assert.equal(counter.n, 2);
    const other = await world.open(store); // like another process, without a user
    assert.equal((await other.fetch(world.resource)).status, 200);
    assert.match((await other.token(world.resource)).access_token, /^access-/);
    world.tokens.clear();
    world.refresh.clear();
    assert.equal((await other.fetch(world.resource)).status, 401);
    assert.equal((await mcp.fetch(world.resource)).status, 200);
    assert.equal(counter.n, 3);
  });
}

test('M43 of requests that are refused at once one signs in; a resource that refuses every token is left alone', async () => {
  const world = await newWorld();
  const counter = { n: 0 };
  const mcp = await world.open(memoryStore(), agree(counter));
  for (const { status } of await Promise.all(Array.from({ length: 8 }, () => mcp.fetch(world.resource)))) assert.equal(status, 200);
  assert.equal(counter.n, 1);
  const stubborn = await world.open(memoryStore(), async (signIn) => {
    await agree(counter)(signIn);
    world.tokens.clear();
    world.refresh.clear();
  });
  let last;
  for (let i = 0; i < 4; i++) await stubborn.fetch(world.resource).catch((error) => (last = error));
  assert.equal(last.code, 'too_many_attempts');
  assert.ok(counter.n < 8, String(counter.n));
});

test('M43, M44 by hand, as an adapter does it, with the redirect coming to another process', async () => {
  const world = await newWorld();
  const store = memoryStore();
  const mcp = await world.open(store);
  const answer = await fetch(world.resource);
  const signIn = await mcp.challenged(answer, { operation: 'tools/list' });
  assert.deepEqual([signIn.resource, signIn.issuer, signIn.scope], [world.resource, world.as, 'read']);
  const { url } = await signIn.begin({ redirect_uri: 'http://127.0.0.1:49152/cb' });
  assert.match(url, /49152/);
  await (await world.open(store)).finish(world.resource, await browse(url));
  const { access_token: first } = await mcp.token(world.resource);
  assert.equal(await mcp.challenged(answer, {}), null); // it is there by now
  const { status, headers } = answer;
  assert.equal(await mcp.challenged({ url: world.resource, status, headers: [...headers] }, { sent: `Bearer ${first}` }), null); // refreshed
  assert.notEqual((await mcp.token(world.resource)).access_token, first);
  await assert.rejects(mcp.challenged({ url: world.resource, status: 403, headers: {} }), { code: 'not_challenged' });
  await mcp.forget(world.resource);
  assert.equal(await mcp.client(world.resource), null);
  await assert.rejects(mcp.finish(world.resource, 'http://127.0.0.1:1/cb'), { code: 'not_signed_in' });
});

test('M37 a server that does not know a registered client any more gets a new registration', async () => {
  const world = await newWorld();
  const counter = { n: 0 };
  const mcp = await world.open(memoryStore(), agree(counter));
  await mcp.fetch(world.resource);
  world.clients.clear();
  world.tokens.clear();
  assert.equal((await mcp.fetch(world.resource)).status, 200);
  assert.equal(world.clients.size, 1);
});

test('M34 in Node a request that has to go to a public address looks at what it connects to', async () => {
  let reached = 0;
  const server = await listen(() => (reached++, { json: {} }));
  const { port } = new URL(server);
  await assert.rejects(publicFetch(server), { kind: 'denied' });
  await assert.rejects(publicFetch(`http://localhost:${port}/`), { kind: 'denied' });
  // A foreign name that resolves to this machine: to the client it looks like any other.
  test.mock.method(dns, 'lookup', (_name, options, done) => (options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4)));
  syncBuiltinESMExports();
  const at = `https://rebinding.example:${port}`;
  const client = await openClient({ client_id: 'x', issuer: at, token_endpoint: `${at}/token`, redirect_uri: 'http://127.0.0.1/cb', private_origins: [] });
  open.push(() => client.close());
  await assert.rejects(client.exchange({ code: 'c' }), { kind: 'client', code: 'denied' });
  test.mock.restoreAll();
  syncBuiltinESMExports();
  assert.equal(reached, 0);
  // The same lines that test the module: Node checks for itself the address of a name.
  const lines = readFileSync(join(root, 'core/internal/address/testdata/public.txt'), 'utf8').trim().split('\n');
  assert.ok(lines.length > 100);
  for (const line of [...lines, 'fe80::1%eth0 false', '2606:4700::1%eth0 false', 'x false']) {
    const [address, want] = line.split(' ');
    assert.equal(String(await isPublicAddress(address)), want, address);
  }
});

test('M33, M40 the engine says where requests may go, and what is wrong with a configuration', async () => {
  const world = await newWorld();
  const mcp = await openMcp({ redirect_uri: 'http://127.0.0.1:1/cb', client_metadata: {} });
  open.push(() => mcp.close());
  await assert.rejects(mcp.fetch(world.resource), { code: 'not_public', field: 'authorization_servers' });
  for (const [field, config] of Object.entries({
    client_id: { client_id: 'app' },
    redirect_uri: { redirect_uri: 'http://app.example/cb' },
    client: { client: { token_endpoint: 'https://evil.example' } },
    clients: { clients: [{ client_id: 'x' }] },
  }))
    await assert.rejects(openMcp(config), { field });
});

test('M54, M59 any grant, handed out or kept; cross-app access', async () => {
  const forms = [];
  const server = await listen((_, { pathname }, form) => {
    forms.push([pathname, Object.fromEntries(form)]);
    return {
      json:
        pathname === '/idp'
          ? { access_token: 'jag', issued_token_type: 'urn:ietf:params:oauth:token-type:id-jag', token_type: 'N_A' }
          : { access_token: `a${forms.length}`, token_type: 'Bearer', expires_in: 60 },
    };
  });
  const client = await openClient({
    client_id: 'x',
    issuer: server,
    token_endpoint: `${server}/token`,
    identity_provider: { client_id: 'there', client_secret: 's', token_endpoint_auth_method: 'client_secret_post', token_endpoint: `${server}/idp` },
  });
  open.push(() => client.close());
  assert.equal((await client.grant({ grant_type: 'urn:x', scope: 's', parameters: { pin: '1' } })).access_token, 'a1');
  assert.deepEqual(forms[0], ['/token', { grant_type: 'urn:x', scope: 's', pin: '1', client_id: 'x' }]);
  await assert.rejects(client.token(), { code: 'not_signed_in' });
  assert.equal((await client.grant({ grant_type: 'urn:x', keep: true })).status, 'granted');
  assert.equal((await client.token()).access_token, 'a2');
  await assert.rejects(client.grant({ grant_type: 'refresh_token' }), { code: 'protected_parameter', field: 'grant_type' });
  assert.equal((await client.crossAppAccess({ subject_token: 'id', scope: 'chat' })).status, 'granted');
  assert.equal((await client.token()).access_token, 'a4');
  assert.equal(forms[2][1].client_id, 'there');
  assert.equal(forms[3][1].assertion, 'jag');
});
