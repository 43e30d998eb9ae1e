// The vault: a worker with the whole client. No script of the page can read its tokens or change
// its configuration.
import { serveVault } from 'oauth2-wasm/vault-worker';

const issuer = import.meta.env.VITE_ISSUER ?? 'http://127.0.0.1:9000';

serveVault({
  client_id: 'app',
  issuer,
  discovery: true,
  redirect_uri: `${location.origin}/`,
  scope: 'openid profile',
  token_destinations: [`${issuer}/userinfo`],
});
