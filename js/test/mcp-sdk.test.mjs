// Clients of both MCP SDKs for TypeScript, with their own transports, against MCP servers of both,
// with tokens from core/authserver.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { installed } from './lib/installed.mjs';
import { mcpServer } from './lib/mcp-server.mjs';
import { startGo } from './lib/process.mjs';
import { alice } from './lib/user.mjs';

const dist = (name) => import(pathToFileURL(join(installed(), `node_modules/oauth2-wasm/dist/${name}.js`)).href);
const [{ openMcp }, { openFiles }, { sdkOptions }] = await Promise.all(['mcp', 'files', 'mcp-sdk'].map(dist));

const sdks = {
  1: async () => ({
    ...(await import('@modelcontextprotocol/sdk/client/index.js')),
    ...(await import('@modelcontextprotocol/sdk/client/streamableHttp.js')),
    ...(await import('@modelcontextprotocol/sdk/client/auth.js')),
  }),
  2: () => import('@modelcontextprotocol/client'),
};

const REDIRECT = 'http://127.0.0.1/cb';
const base = mkdtempSync(join(tmpdir(), 'mcp-sdk-'));
const closing = [];
after(async () => {
  for (const close of closing.reverse()) await close();
  rmSync(base, { recursive: true, force: true });
});

/** An MCP server, its authorization server, a directory for the session, and a user. */
const world = async (server, ...flags) => {
  const mcp = await mcpServer(server);
  closing.push(mcp.stop);
  const { match, stop } = await startGo('authserver', './js/test/authserver', ['-resource', mcp.url, '-scope', 'write', ...flags, REDIRECT]);
  closing.push(stop);
  const issuer = match[1];
  const basic = Buffer.from(`service:${encodeURIComponent('a secret of the service, for tests').replaceAll('%20', '+')}`).toString('base64');
  await mcp.serve(issuer, async (token) => {
    const response = await fetch(`${issuer}/introspect`, {
      method: 'POST',
      headers: { authorization: `Basic ${basic}` },
      body: new URLSearchParams({ token }),
    });
    return response.json();
  });
  const folder = join(base, String(closing.length));
  const signIns = [];
  const signIn = async (needed) => {
    signIns.push(needed.scope);
    const { url } = await needed.begin();
    const arrived = await alice()(url);
    await needed.finish(arrived.url);
  };
  /** A client, as in a separate process. */
  const process = async (options = {}) => {
    const found = await openMcp(
      { redirect_uri: REDIRECT, offline_access: false, private_origins: [issuer], clients: [{ issuer, client_id: 'app' }] },
      { ...(await openFiles(folder)), signIn, ...options },
    );
    closing.push(() => found.close());
    return found;
  };
  return { url: mcp.url, asked: mcp.asked, signIns, signIn, process };
};

const connect = async ({ Client, StreamableHTTPClientTransport }, url, options) => {
  const client = new Client({ name: 'agent', version: '1' });
  closing.push(() => client.close());
  await client.connect(new StreamableHTTPClientTransport(new URL(url), options));
  return client;
};
const call = async (client, name) => (await client.callTool({ name, arguments: { text: name } })).content[0].text;

for (const generation of [1, 2]) {
  describe(`a client of SDK ${generation}.x`, () => {
    for (const of of [1, 2]) {
      test(`M95 SDK ${generation}.x on a server of ${of}.x: meets a 401, signs in once for all processes, and steps up`, async () => {
        const sdk = await sdks[generation]();
        const { url, signIns, process } = await world({ generation: of });
        for (let n = 0; n < 2; n++) {
          const client = await connect(sdk, url, sdkOptions(await process(), url));
          assert.equal(await call(client, 'echo'), 'echo');
        }
        assert.deepEqual(signIns, ['read']);
        const client = await connect(sdk, url, sdkOptions(await process(), url));
        assert.deepEqual(await Promise.all(Array.from({ length: 4 }, () => call(client, 'write'))), Array(4).fill('write'));
        assert.equal(await call(client, 'echo'), 'echo');
        assert.deepEqual(signIns, ['read', 'read write'], 'one asks, for all of the scope');
      });
    }

    test(`M95 SDK ${generation}.x: a token that ends is refreshed once, by one of several processes`, async () => {
      const sdk = await sdks[generation]();
      const { url, asked, signIns, process } = await world({ generation }, '-access-token', '2s'); // and a token that came twice would end it
      const clients = [];
      for (let n = 0; n < 3; n++) clients.push(await connect(sdk, url, sdkOptions(await process(), url)));
      const end = Date.now() + 3500;
      while (Date.now() < end) for (const client of clients) assert.equal(await call(client, 'echo'), 'echo');
      assert.equal(signIns.length, 1);
      const tokens = new Set(asked.map(({ authorization }) => authorization).filter(Boolean));
      assert.ok(tokens.size >= 2, `${tokens.size} tokens`);
    });

    test(`M96 SDK ${generation}.x with the provider alone: it signs in by the client, and the next connection is good`, async () => {
      const sdk = await sdks[generation]();
      const { url, signIns, signIn, process } = await world({ generation });
      const { authProvider } = sdkOptions(await process(), url, signIn);
      await assert.rejects(connect(sdk, url, { authProvider }), sdk.UnauthorizedError);
      assert.deepEqual(signIns, ['read']);
      const client = await connect(sdk, url, { authProvider });
      assert.equal(await call(client, 'echo'), 'echo');
      await assert.rejects(call(client, 'write'), sdk.UnauthorizedError);
      assert.deepEqual(signIns, ['read', 'read write']);
      assert.equal(await call(await connect(sdk, url, { authProvider }), 'write'), 'write');
      assert.equal(signIns.length, 2);
    });

    test(`M96 SDK ${generation}.x: where nobody may be asked, its error is the SDK's own, and finishAuth says what does it`, async () => {
      const sdk = await sdks[generation]();
      const { url, process } = await world({ generation, challenge: generation === 1 });
      const mcp = await process({ signIn: undefined });
      for (const options of [sdkOptions(mcp, url), { authProvider: sdkOptions(mcp, url).authProvider }]) {
        await assert.rejects(connect(sdk, url, options), sdk.UnauthorizedError);
        const transport = new sdk.StreamableHTTPClientTransport(new URL(url), options);
        await assert.rejects(transport.finishAuth('code'), /Mcp\.finish takes/);
      }
    });
  });
}
