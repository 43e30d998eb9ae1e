// The common parts of row 10's pages. A page without a session signs in, and its server asks
// nothing; a page with one records when it knew, and when the API had answered.
const as = AS;
export const redirect = `${location.origin}/`;
export const api = `${as}/userinfo`;
export const scope = 'openid offline_access';
export const issuer = `${as}/`;
export const config = {
  client_id: 'app',
  issuer,
  redirect_uri: redirect,
  scope,
  token_destinations: [api],
  authorization_endpoint: `${as}/authorize`,
  token_endpoint: `${as}/token`,
  jwks_uri: `${as}/jwks`,
};
export const metadata = {
  issuer,
  authorization_endpoint: config.authorization_endpoint,
  token_endpoint: config.token_endpoint,
  jwks_uri: config.jwks_uri,
  userinfo_endpoint: api,
};

/** @param {() => Promise<Response>} ask calls the API with the client */
export const restored = async (ask) => {
  const ready = performance.now();
  const response = await ask();
  const { sub } = await response.json();
  window.result = { ready, answered: performance.now(), sub };
};
