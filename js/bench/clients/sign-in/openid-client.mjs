import * as client from 'openid-client';
import { config } from '../common.mjs';

export const name = 'openid-client';
export const does =
  'State, verifier, nonce, challenge, URL; the application keeps and finds the attempt. The callback and the answer are checked. Nothing is stored.';
export const make = async () => {
  const server = new client.Configuration(config, config.client_id, undefined, client.None());
  return {
    async begin() {
      const verifier = client.randomPKCECodeVerifier();
      const state = client.randomState();
      const url = client.buildAuthorizationUrl(server, {
        redirect_uri: config.redirect_uri,
        scope: 'profile',
        state,
        nonce: client.randomNonce(),
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      });
      return { url: url.href, state, verifier };
    },
    async finish({ state, verifier }, callback) {
      const tokens = await client.authorizationCodeGrant(server, new URL(callback), { pkceCodeVerifier: verifier, expectedState: state });
      return tokens.access_token;
    },
  };
};
