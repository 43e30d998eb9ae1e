import { UserManager } from 'oidc-client-ts';
import { authority, done, scope, settings } from './settings.mjs';

const navigator = { prepare: async () => ({ navigate: ({ url }) => done(url), close() {} }) };
const manager = new UserManager({ authority, client_id: settings.client_id, redirect_uri: settings.redirect_uri, scope, metadata: settings }, navigator);
await manager.signinRedirect();
