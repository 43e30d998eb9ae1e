// MCP servers of the SDKs for TypeScript, on loopback, whose tools need a token: `echo` one with
// the scope read, `write` one with the scope write.
import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';

const NAME = { name: 'server', version: '1' };
const says = (text) => ({ content: [{ type: 'text', text }] });
const TOOLS = ['echo', 'write'];
const INPUT = { type: 'object', properties: { text: { type: 'string' } } };

/** The SDK of the second generation: a function from `Request` to `Response`. */
const second = async (verifier, metadata) => {
  const { createMcpHandler, fromJsonSchema, McpServer, requireBearerAuth } = await import('@modelcontextprotocol/server');
  const handler = createMcpHandler(() => {
    const server = new McpServer(NAME);
    for (const tool of TOOLS) server.registerTool(tool, { inputSchema: fromJsonSchema(INPUT) }, ({ text }) => says(text));
    return server;
  });
  return async (request, response, body, scope) => {
    const asked = new Request(metadata, { method: request.method, headers: request.headers, body: body.length ? body : undefined });
    const authInfo = await requireBearerAuth({ verifier, requiredScopes: [scope], resourceMetadataUrl: metadata })(asked);
    const answer = authInfo instanceof Response ? authInfo : await handler.fetch(asked, { authInfo });
    response.writeHead(answer.status, Object.fromEntries(answer.headers));
    for await (const piece of answer.body ?? []) response.write(piece);
    response.end();
  };
};

/** The SDK of the first generation, on `node:http`. */
const first = async (verifier, metadata) => {
  const [{ Server }, { StreamableHTTPServerTransport }, { requireBearerAuth }, { CallToolRequestSchema, ListToolsRequestSchema }] = await Promise.all(
    ['server/index.js', 'server/streamableHttp.js', 'server/auth/middleware/bearerAuth.js', 'types.js'].map(
      (name) => import(`@modelcontextprotocol/sdk/${name}`),
    ),
  );
  return async (request, response, body, scope) => {
    // The part of Express that the middleware needs.
    Object.assign(response, {
      status: (code) => Object.assign(response, { statusCode: code }),
      set: (name, value) => response.setHeader(name, value) && response,
      json: (value) => response.setHeader('content-type', 'application/json').end(JSON.stringify(value)),
    });
    await requireBearerAuth({ verifier, requiredScopes: [scope], resourceMetadataUrl: metadata })(request, response, async () => {
      if (request.method !== 'POST') return response.writeHead(405).end();
      const server = new Server(NAME, { capabilities: { tools: {} } });
      server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: TOOLS.map((name) => ({ name, inputSchema: INPUT })) }));
      server.setRequestHandler(CallToolRequestSchema, ({ params }) => says(params.arguments.text));
      const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
      await server.connect(transport);
      await transport.handleRequest(request, response, JSON.parse(body));
    });
  };
};

/**
 * Starts one of the first or second generation.
 *
 * @param {{ generation: 1 | 2, challenge?: boolean }} options without a challenge a 401 does not
 * say where the metadata is (RFC 9728 section 5.1)
 * @returns its URL; `serve` takes the issuer of its tokens, and a function that says whether a
 * token is valid, in the form of RFC 7662; `asked` are the requests with their credentials
 */
export const mcpServer = async ({ generation, challenge = true }) => {
  let serve, issuer;
  const asked = [];
  const server = createServer({ keepAliveTimeout: 0 }, async (request, response) => {
    const body = await buffer(request);
    const { pathname } = new URL(request.url, origin);
    if (pathname === '/.well-known/oauth-protected-resource/mcp') {
      response.setHeader('content-type', 'application/json');
      return response.end(JSON.stringify({ resource: url, authorization_servers: [issuer], scopes_supported: ['read'] }));
    }
    if (pathname !== '/mcp') return response.writeHead(404).end();
    asked.push({ method: request.method, authorization: request.headers.authorization, body: String(body) });
    if (!challenge)
      response.setHeader = (
        (set) => (name, value) =>
          name.toLowerCase() === 'www-authenticate' ? response : set.call(response, name, value)
      )(response.setHeader);
    await serve(request, response, body, /"name":"write"/.test(String(body)) ? 'write' : 'read').catch((error) => {
      console.error(error);
      response.destroy();
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${server.address().port}`;
  const url = `${origin}/mcp`;
  return {
    url,
    asked,
    async serve(of, introspect) {
      issuer = of;
      const { OAuthError, OAuthErrorCode } = await import('@modelcontextprotocol/server');
      const { InvalidTokenError } = await import('@modelcontextprotocol/sdk/server/auth/errors.js');
      const verifier = {
        async verifyAccessToken(token) {
          const { active, scope, exp, client_id: clientId } = await introspect(token);
          if (!active) throw generation === 2 ? new OAuthError(OAuthErrorCode.InvalidToken, 'it is not active') : new InvalidTokenError('it is not active');
          return { token, clientId, scopes: scope.split(' '), expiresAt: exp };
        },
      };
      serve = await (generation === 2 ? second : first)(verifier, `${origin}/.well-known/oauth-protected-resource/mcp`);
    },
    stop: () => new Promise((resolve) => (server.close(resolve), server.closeAllConnections())),
  };
};
