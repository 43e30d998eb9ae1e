// Starts npm oidc-provider, a certified authorization server that is not ours, on a free loopback port and prints `ready: ISSUER`.
// Arguments are redirect URIs. Clients: `public` (PKCE, no secret), `basic` and `post` (secret `a-secret-of-the-test`).
// Every login name is an account. GET /test/stats counts grants; POST /test/lose makes the next token answer get lost on its way.
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const redirect_uris = process.argv.slice(2);
const stats = { authorization_code: 0, refresh_token: 0, refused: 0 };
let lose = 0;

const server = createServer();
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;

const client = (client_id, token_endpoint_auth_method) => ({
  client_id,
  ...(token_endpoint_auth_method !== 'none' && { client_secret: 'a-secret-of-the-test' }),
  application_type: 'native',
  redirect_uris,
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  token_endpoint_auth_method,
});

const provider = new Provider(issuer, {
  clients: [client('public', 'none'), client('basic', 'client_secret_basic'), client('post', 'client_secret_post')],
  features: { revocation: { enabled: true } },
  clientBasedCORS: () => true,
  issueRefreshToken: async () => true,
  rotateRefreshToken: true,
  pkce: { required: () => true },
  findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id, name: 'A person' }) }),
  claims: { openid: ['sub'], profile: ['name'] },
  ttl: { AccessToken: 3600, RefreshToken: 86400, Session: 3600, Interaction: 3600, Grant: 86400, IdToken: 3600 },
});
provider.on('grant.success', (ctx) => (stats[ctx.oidc.params.grant_type] += 1));
provider.on('grant.error', () => (stats.refused += 1));

const handle = provider.callback();
server.on('request', (request, response) => {
  if (request.url === '/test/stats') {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(stats));
  } else if (request.url === '/test/lose') {
    lose += 1;
    response.end('{}');
  } else {
    if (request.url === '/token' && request.method === 'POST' && lose > 0) {
      lose -= 1;
      // The server does all its work; the answer is lost with the connection.
      response.end = () => request.socket.destroy();
    }
    handle(request, response);
  }
});
console.log(`ready: ${issuer}`);
