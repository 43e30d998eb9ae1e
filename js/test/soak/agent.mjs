// One of the ten processes of `make soak-agents`: a client of an MCP SDK that calls a tool again
// and again, and reports the results. core/oauth/mcp/mcpsdk/internal/soak sets its task in
// SOAK_TASK.
import { randomUUID } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const task = JSON.parse(process.env.SOAK_TASK);
process.stdin.on('end', () => process.exit(0)).resume(); // the process that started it has ended

const say = (line) => process.stdout.write(`${line}\n`);
const named = (input, init = {}) => {
  const headers = new Headers(init.headers ?? (input instanceof Request ? input.headers : undefined));
  headers.set('user-agent', task.Agent);
  return fetch(input, { ...init, headers });
};

/** The SDK of the first or the second generation. */
const sdk = async (generation) => {
  if (generation === 2) return import('@modelcontextprotocol/client');
  const [{ Client }, { StreamableHTTPClientTransport }] = await Promise.all([
    import('@modelcontextprotocol/sdk/client/index.js'),
    import('@modelcontextprotocol/sdk/client/streamableHttp.js'),
  ]);
  return { Client, StreamableHTTPClientTransport };
};

/**
 * A provider like those of tools that keep tokens in a shared file: the file is replaced by a
 * rename, and there is no lock.
 */
const provider = (asked) => {
  const file = `${task.Dir}/tokens.json`;
  const issuer = task.Issuer;
  return {
    redirectUrl: 'http://127.0.0.1/cb',
    clientMetadata: { redirect_uris: ['http://127.0.0.1/cb'], scope: 'read', grant_types: ['authorization_code', 'refresh_token'] },
    clientInformation: () => ({ client_id: 'agents', issuer }),
    tokens: async () => {
      const text = await readFile(file, 'utf8').catch(() => undefined);
      return text && { ...JSON.parse(text), issuer };
    },
    saveTokens: async ({ expires_in = 0, ...tokens }) => {
      const made = `${task.Dir}/new-${randomUUID()}`;
      try {
        await writeFile(made, JSON.stringify({ ...tokens, expiry: new Date(Date.now() + expires_in * 1000) }));
        await rename(made, file);
      } catch {
        await rm(made, { force: true }); // a token that cannot be written is used all the same
      }
    },
    invalidateCredentials: async (what) => {
      if (what === 'all' || what === 'tokens') await rm(file, { force: true });
    },
    redirectToAuthorization: asked,
    saveCodeVerifier() {},
    codeVerifier: () => '',
  };
};

let asked = false;
const ask = () => {
  asked = true;
};

/** The options of a transport: the SDK's own provider, or ours. */
const options = async () => {
  if (task.Role === 'node-sdk') return { authProvider: provider(ask), fetch: named };
  const [{ openMcp }, { openFiles }, { sdkOptions }] = await Promise.all(['mcp', 'files', 'mcp-sdk'].map((name) => import(`${task.Package}/dist/${name}.js`)));
  const files = await openFiles(task.Dir);
  const { Issuer: issuer, Agent: user_agent } = task;
  const config = { redirect_uri: 'http://127.0.0.1/cb', private_origins: [issuer], clients: [{ issuer, client_id: 'agents' }], user_agent };
  const mcp = await openMcp(config, { ...files, signIn: async () => (ask(), false) });
  return sdkOptions(mcp, task.Resource);
};

const { Client, StreamableHTTPClientTransport } = await sdk(Number(task.Agent.at(-1)) % 2 ? 2 : 1);
const how = await options();
console.debug = console.warn = console.error = () => {};
let client;
for (;;) {
  asked = false;
  try {
    if (!client) {
      client = new Client({ name: task.Agent, version: '1' });
      await client.connect(new StreamableHTTPClientTransport(new URL(task.Resource), how), { timeout: 20_000 });
    }
    await client.callTool({ name: 'echo', arguments: { text: 'hello' } }, undefined, { timeout: 20_000 });
    say('ok');
  } catch (error) {
    say(asked ? 'signed-out' : `failed: ${error?.message}`.replaceAll('\n', ' '));
    const broken = client;
    client = undefined;
    await broken.close().catch(() => {});
  }
  await sleep(50 + 250 * Math.random());
}
