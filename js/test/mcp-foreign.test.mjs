// The client of MCP servers with authorization servers of others: it finds them through the
// resource's metadata, registers by itself, signs in, refreshes, and a second process uses the same
// credential.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { bundle, freePort, run } from '../../edge/dev/workerd.mjs';
import { installed, root } from './lib/installed.mjs';
import { mcpServer } from './lib/mcp-server.mjs';
import { decide } from './lib/oidc-pages.mjs';
import { start } from './lib/process.mjs';
import { runtimes } from './lib/runtimes.mjs';

const dist = (name) => import(pathToFileURL(join(installed(), `node_modules/oauth2-wasm/dist/${name}.js`)).href);
const [{ openMcp }, { openFiles }, { sdkOptions }] = await Promise.all(['mcp', 'files', 'mcp-sdk'].map(dist));

/** The page to which browsers come back. */
const home = createServer((_, response) => response.end('home')).listen(0, '127.0.0.1');
await once(home, 'listening');
const REDIRECT = `http://127.0.0.1:${home.address().port}/cb`;
const base = mkdtempSync(join(tmpdir(), 'mcp-foreign-'));
const closing = [() => home.close()];
after(async () => {
  for (const close of closing.reverse()) await close();
  rmSync(base, { recursive: true, force: true });
});

/** The last URL of a browser that only follows redirects. */
const follow = async (url) => {
  for (let at = new URL(url); ; ) {
    const location = (await fetch(at, { redirect: 'manual' })).headers.get('location');
    assert.ok(location, `no redirect at ${at}`);
    at = new URL(location, at);
    if (String(at).startsWith(REDIRECT)) return at;
  }
};

/** Uses a server with two clients, one after the other, like two processes. */
const use = async (url, origins, browse, tool, more = {}) => {
  const folder = join(base, String(closing.length));
  const signIns = [];
  for (let n = 0; n < 2; n++) {
    const mcp = await openMcp(
      { redirect_uri: REDIRECT, private_origins: origins, client_metadata: { client_name: 'agent' }, ...more },
      {
        ...(await openFiles(folder)),
        async signIn(needed) {
          signIns.push(needed.issuer);
          const begun = await needed.begin();
          await needed.finish(await browse(begun.url));
        },
      },
    );
    closing.push(() => mcp.close());
    const client = new Client({ name: 'agent', version: '1' });
    closing.push(() => client.close());
    await client.connect(new StreamableHTTPClientTransport(new URL(url), sdkOptions(mcp, url)));
    await tool(client, mcp);
  }
  assert.equal(signIns.length, 1);
};

const echo = async (client) => assert.equal((await client.callTool({ name: 'echo', arguments: { text: 'hello' } })).content[0].text, 'hello');

test('M97 the example server of the MCP SDK for TypeScript, with its own authorization server', async () => {
  const [port, auth] = [await freePort(), await freePort()];
  const { stop } = await start(
    process.execPath,
    [join(root, 'node_modules/@modelcontextprotocol/sdk/dist/esm/examples/server/simpleStreamableHttp.js'), '--oauth', '--oauth-strict'],
    /listening on port/,
    {
      env: { ...process.env, MCP_PORT: String(port), MCP_AUTH_PORT: String(auth) },
    },
  );
  closing.push(stop);
  await use(`http://localhost:${port}/mcp`, [`http://localhost:${auth}`], follow, async (client) => {
    assert.match((await client.callTool({ name: 'greet', arguments: { name: 'agent' } })).content[0].text, /agent/);
  });
});

test('M97 npm oidc-provider', async () => {
  const server = await mcpServer({ generation: 2 });
  closing.push(server.stop);
  const { match, stop } = await start(
    'node',
    [join(root, 'js/test/lib/oidc-provider.mjs'), '--access-token', '2', '--resource', server.url, REDIRECT],
    /^ready: (\S+)/,
  );
  closing.push(stop);
  const issuer = match[1];
  await server.serve(issuer, async (token) => {
    const headers = { authorization: `Basic ${btoa('basic:a-secret-of-the-test')}` };
    return (await fetch(`${issuer}/token/introspection`, { method: 'POST', headers, body: new URLSearchParams({ token }) })).json();
  });
  const browse = async (url) => (await decide(url, 'approve')).url;
  await use(server.url, [issuer], browse, async (client) => {
    await echo(client);
    await sleep(2200); // its token expires
    await echo(client);
  });
});

test('M97 npm @cloudflare/workers-oauth-provider in workerd', async () => {
  const folder = join(base, 'worker');
  mkdirSync(folder);
  await bundle(join(root, 'js/test/lib/workers-oauth.mjs'), join(folder, 'worker.js'));
  const port = await freePort();
  writeFileSync(
    join(folder, 'config.capnp'),
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "worker", worker = (
    modules = [(name = "worker.js", esModule = embed "worker.js")],
    compatibilityDate = "2026-04-01", compatibilityFlags = ["nodejs_compat"],
  ))],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "worker")],
);`,
  );
  const { stop } = await run(runtimes.workerd, ['serve', '--control-fd=1', join(folder, 'config.capnp')], /"event":"listen"/);
  closing.push(stop);
  const url = `http://127.0.0.1:${port}/mcp`;
  await use(url, [], follow, async (client, mcp) => {
    await echo(client);
    await (await mcp.client(url)).refresh(); // it allows no lifetime below a minute
    await echo(client);
  });
});
