// A Worker with npm @cloudflare/workers-oauth-provider as its authorization server, and an MCP
// server of the SDK for TypeScript behind it. Every user is alice, who agrees. Memory replaces
// Cloudflare's KV.
import { OAuthProvider } from '@cloudflare/workers-oauth-provider';
import { createMcpHandler, fromJsonSchema, McpServer } from '@modelcontextprotocol/server';

const kept = new Map();
const OAUTH_KV = {
  get: async (key, options) => {
    const text = kept.get(key) ?? null;
    return text && (options?.type ?? options) === 'json' ? JSON.parse(text) : text;
  },
  put: async (key, text) => void kept.set(key, text),
  delete: async (key) => void kept.delete(key),
  list: async ({ prefix = '' } = {}) => ({ keys: [...kept.keys()].filter((name) => name.startsWith(prefix)).map((name) => ({ name })), list_complete: true }),
};

const handler = createMcpHandler(() => {
  const server = new McpServer({ name: 'worker', version: '1' });
  server.registerTool('echo', { inputSchema: fromJsonSchema({ type: 'object', properties: { text: { type: 'string' } } }) }, ({ text }) => ({
    content: [{ type: 'text', text }],
  }));
  return server;
});

const site = {
  async fetch(request, { OAUTH_PROVIDER }) {
    if (new URL(request.url).pathname !== '/authorize') return new Response(null, { status: 404 });
    const asked = await OAUTH_PROVIDER.parseAuthRequest(request);
    const { redirectTo } = await OAUTH_PROVIDER.completeAuthorization({ request: asked, userId: 'alice', metadata: {}, scope: asked.scope, props: {} });
    return Response.redirect(redirectTo, 302);
  },
};

let provider;
const providerAt = (origin) =>
  (provider ??= new OAuthProvider({
    apiRoute: '/mcp',
    apiHandler: { fetch: (request) => handler.fetch(request) },
    defaultHandler: site,
    authorizeEndpoint: '/authorize',
    tokenEndpoint: '/token',
    clientRegistrationEndpoint: '/register',
    scopesSupported: ['read'],
    resourceMetadata: { resource: `${origin}/mcp`, authorization_servers: [origin] },
    accessTokenTTL: 60,
  }));

export default { fetch: (request, env, context) => providerAt(new URL(request.url).origin).fetch(request, { ...env, OAUTH_KV }, context) };
