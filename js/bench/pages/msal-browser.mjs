import { PublicClientApplication } from '@azure/msal-browser';
import { authority, done, scope, settings } from './settings.mjs';

const client = new PublicClientApplication({
  auth: {
    clientId: settings.client_id,
    authority,
    knownAuthorities: [new URL(authority).host],
    redirectUri: settings.redirect_uri,
    authorityMetadata: JSON.stringify({ ...settings, jwks_uri: `${authority}/jwks` }),
    onRedirectNavigate: (url) => {
      void done(url);
      return false;
    },
  },
  system: { protocolMode: 'OIDC' },
});
await client.initialize();
await client.loginRedirect({ scopes: [scope] });
