import { createOidc, oidcEarlyInit } from 'oidc-spa/core';
import { api, config, issuer, metadata, restored } from './common.mjs';

const { shouldLoadApp } = oidcEarlyInit({ BASE_URL: '/', sessionRestorationMethod: 'iframe' });
if (shouldLoadApp) {
  const oidc = await createOidc({ issuerUri: issuer, clientId: config.client_id, scopes: ['offline_access'], __metadata: metadata });
  if (oidc.isUserLoggedIn) {
    await restored(async () => fetch(api, { headers: { authorization: `Bearer ${(await oidc.getTokens()).accessToken}` } }));
  } else await oidc.login({ doesCurrentHrefRequiresAuth: false });
}
