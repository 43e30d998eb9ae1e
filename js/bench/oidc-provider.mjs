// Row 7: npm oidc-provider with a public and a confidential client, on a free loopback port. Prints
// `ready: URL`. A GET of /seed gives refresh tokens.
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const server = createServer();
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'app',
      token_endpoint_auth_method: 'none',
      application_type: 'native',
      redirect_uris: ['http://127.0.0.1/cb'],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
    },
    {
      client_id: 'service',
      client_secret: 'a secret of the benchmark',
      token_endpoint_auth_method: 'client_secret_post',
      redirect_uris: [],
      grant_types: ['client_credentials'],
      response_types: [],
    },
  ],
  scopes: ['openid', 'offline_access', 'notes'],
  features: { clientCredentials: { enabled: true }, devInteractions: { enabled: false } },
  rotateRefreshToken: true,
  findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  ttl: { AccessToken: 3600, ClientCredentials: 3600, RefreshToken: 86400, Grant: 86400 },
});

const seed = async () => {
  const client = await provider.Client.find('app');
  const grant = new provider.Grant({ accountId: 'alice', clientId: 'app' });
  grant.addOIDCScope('notes');
  const grantId = await grant.save();
  return new provider.RefreshToken({ client, accountId: 'alice', grantId, scope: 'notes', gty: 'authorization_code' }).save();
};

const handle = provider.callback();
server.on('request', async (request, response) => {
  if (request.url !== '/seed') return handle(request, response);
  response.setHeader('content-type', 'application/json').end(JSON.stringify(await Promise.all(Array.from({ length: 16 }, seed))));
});
console.log(`ready: ${issuer}`);
