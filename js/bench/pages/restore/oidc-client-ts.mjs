import { UserManager, WebStorageStateStore } from 'oidc-client-ts';
import { api, config, issuer, metadata, redirect, restored, scope } from './common.mjs';

const manager = new UserManager({
  authority: issuer,
  client_id: config.client_id,
  redirect_uri: redirect,
  scope,
  metadata,
  userStore: new WebStorageStateStore({ store: localStorage }),
  automaticSilentRenew: true,
  monitorSession: false,
});
if (location.search.includes('code=')) {
  await manager.signinRedirectCallback();
  history.replaceState(null, '', '/');
}
const user = await manager.getUser();
if (user) await restored(() => fetch(api, { headers: { authorization: `Bearer ${user.access_token}` } }));
else await manager.signinRedirect();
