import * as arctic from 'arctic';
import { config } from '../common.mjs';

export const name = 'arctic';
export const does =
  'State, verifier, challenge, URL, no nonce; the application keeps and finds the attempt and checks the callback. The answer is read; what stands in it ' +
  "is the caller's to check. Nothing is stored.";
export const make = async () => {
  const client = new arctic.OAuth2Client(config.client_id, null, config.redirect_uri);
  return {
    async begin() {
      const state = arctic.generateState();
      const verifier = arctic.generateCodeVerifier();
      const url = client.createAuthorizationURLWithPKCE(config.authorization_endpoint, state, arctic.CodeChallengeMethod.S256, verifier, ['profile']);
      return { url: url.href, state, verifier };
    },
    async finish({ state, verifier }, callback) {
      const query = new URL(callback).searchParams;
      if (query.get('state') !== state) throw new Error('wrong state');
      const tokens = await client.validateAuthorizationCode(config.token_endpoint, query.get('code'), verifier);
      return tokens.accessToken();
    },
  };
};
