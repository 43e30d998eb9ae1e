import * as oauth from 'oauth4webapi';
import { config } from '../common.mjs';

export const name = 'oauth4webapi';
export const does =
  'State, verifier, nonce, challenge; the application puts the URL together, and keeps and finds the attempt. The callback and the answer are checked. ' +
  'Nothing is stored.';
export const make = async () => {
  const client = { client_id: config.client_id };
  return {
    async begin() {
      const verifier = oauth.generateRandomCodeVerifier();
      const challenge = await oauth.calculatePKCECodeChallenge(verifier);
      const state = oauth.generateRandomState();
      const url = new URL(config.authorization_endpoint);
      url.searchParams.set('client_id', config.client_id);
      url.searchParams.set('redirect_uri', config.redirect_uri);
      url.searchParams.set('response_type', 'code');
      url.searchParams.set('scope', 'profile');
      url.searchParams.set('state', state);
      url.searchParams.set('nonce', oauth.generateRandomNonce());
      url.searchParams.set('code_challenge', challenge);
      url.searchParams.set('code_challenge_method', 'S256');
      return { url: url.href, state, verifier };
    },
    async finish({ state, verifier }, callback) {
      const parameters = oauth.validateAuthResponse(config, client, new URL(callback), state);
      const response = await oauth.authorizationCodeGrantRequest(config, client, oauth.None(), parameters, config.redirect_uri, verifier);
      return (await oauth.processAuthorizationCodeResponse(config, client, response)).access_token;
    },
  };
};
