import { InMemoryWebStorage, OidcClient, WebStorageStateStore } from 'oidc-client-ts';
import { config } from '../common.mjs';

export const name = 'oidc-client-ts';
export const does =
  "State, verifier, challenge, URL (the nonce is the application's); the attempt is stored, found and deleted, in memory here. The callback and the " +
  'answer are checked. Its UserManager, which stores the tokens, is not used.';
export const make = async () => {
  const client = new OidcClient({
    authority: config.issuer,
    client_id: config.client_id,
    redirect_uri: config.redirect_uri,
    scope: 'profile',
    response_type: 'code',
    metadata: config,
    stateStore: new WebStorageStateStore({ store: new InMemoryWebStorage() }),
  });
  return {
    begin: () => client.createSigninRequest({ nonce: crypto.randomUUID() }),
    finish: async (_, callback) => (await client.processSigninResponse(callback)).access_token,
  };
};
