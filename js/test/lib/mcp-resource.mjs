// An MCP server of the SDK for TypeScript, on loopback, with tokens of the project's authorization
// server: the tool `read` needs the scope read, `write` the scope write.
import { createMcpHandler, fromJsonSchema, McpServer, OAuthError, OAuthErrorCode, requireBearerAuth } from '@modelcontextprotocol/server';
import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';

const METADATA = '/.well-known/oauth-protected-resource/mcp';

/** Asks the server about a token (RFC 7662), in the name of its client `service`. */
const introspect = async (issuer, token) => {
  const response = await fetch(`${issuer}/introspect`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`service:${encodeURIComponent('a secret of the service, for tests').replace(/%20/g, '+')}`)}` },
    body: new URLSearchParams({ token }),
  });
  if (!response.ok) throw new Error(`introspection: ${response.status} ${await response.text()}`);
  return response.json();
};

/**
 * Starts one, which also serves the documents by their paths.
 *
 * @returns its URL; `use` takes the issuer of its tokens
 */
export const mcpResource = async (documents = {}) => {
  let issuer;
  const handler = createMcpHandler(() => {
    const server = new McpServer({ name: 'server', version: '1' });
    for (const tool of ['read', 'write']) {
      server.registerTool(tool, { inputSchema: fromJsonSchema({ type: 'object', properties: { text: { type: 'string' } } }) }, ({ text }) => ({
        content: [{ type: 'text', text: `${tool} ${text}` }],
      }));
    }
    return server;
  });
  const verifier = {
    async verifyAccessToken(token) {
      const { active, scope, exp, client_id: clientId, aud } = await introspect(issuer, token);
      if (!active || ![aud].flat().includes(url)) throw new OAuthError(OAuthErrorCode.InvalidToken, 'it is not active, or not for this server');
      return { token, clientId, scopes: scope.split(' '), expiresAt: exp };
    },
  };
  const answer = async (request, body) => {
    const { pathname } = new URL(request.url, origin);
    if (documents[pathname]) return Response.json(documents[pathname]);
    if (pathname === METADATA) return Response.json({ resource: url, authorization_servers: [issuer], scopes_supported: ['read'] });
    if (pathname !== '/mcp') return new Response(null, { status: 404 });
    const asked = new Request(url, { method: request.method, headers: request.headers, body: body.length ? body : undefined });
    const requiredScopes = ['read', ...(/"method":"tools\/call"/.test(body) && /"name":"write"/.test(body) ? ['write'] : [])];
    const authInfo = await requireBearerAuth({ verifier, requiredScopes, resourceMetadataUrl: origin + METADATA })(asked);
    return authInfo instanceof Response ? authInfo : handler.fetch(asked, { authInfo });
  };
  const server = createServer({ keepAliveTimeout: 0 }, async (request, response) => {
    try {
      const { status, headers, body } = await answer(request, String(await buffer(request)));
      response.writeHead(status, Object.fromEntries(headers));
      for await (const piece of body ?? []) response.write(piece);
      response.end();
    } catch (error) {
      console.error(error);
      response.destroy();
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${server.address().port}`;
  const url = `${origin}/mcp`;
  return {
    origin,
    url,
    use: (of) => (issuer = of),
    stop: () => new Promise((resolve) => (server.close(resolve), server.closeAllConnections())),
  };
};
