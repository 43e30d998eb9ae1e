import { Auth0Client } from '@auth0/auth0-spa-js';
import { authority, done, scope, settings } from './settings.mjs';

const client = new Auth0Client({ domain: authority, clientId: settings.client_id, authorizationParams: { redirect_uri: settings.redirect_uri, scope } });
await client.loginWithRedirect({ openUrl: done });
