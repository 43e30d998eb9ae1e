import { Auth0Client } from '@auth0/auth0-spa-js';
import { api, config, redirect, restored, scope } from './common.mjs';

const client = new Auth0Client({
  domain: AS,
  clientId: config.client_id,
  useRefreshTokens: true,
  cacheLocation: 'localstorage',
  authorizationParams: { redirect_uri: redirect, scope },
});
if (location.search.includes('code=')) {
  await client.handleRedirectCallback();
  history.replaceState(null, '', '/');
}
if (await client.isAuthenticated()) {
  await restored(async () => fetch(api, { headers: { authorization: `Bearer ${await client.getTokenSilently()}` } }));
} else await client.loginWithRedirect();
