// Starts npm oidc-provider, a certified authorization server that is not ours, on a free loopback port and prints `ready: ISSUER`.
// Arguments are redirect URIs. Clients: `public` (PKCE, no secret), `basic` and `post` (secret `a-secret-of-the-test`).
// Every login name is an account.
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const redirect_uris = process.argv.slice(2);

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

server.on('request', provider.callback());
console.log(`ready: ${issuer}`);
