// The common parts of row 2's pages. Each signs in by redirect, and its client returns the address
// instead of going there.
export const authority = 'https://127.0.0.1:9';
export const settings = {
  issuer: authority,
  client_id: 'app',
  redirect_uri: `${location.origin}/callback`,
  authorization_endpoint: `${authority}/authorize`,
  token_endpoint: `${authority}/token`,
};
export const scope = 'profile';
export const done = async (url) => {
  const { searchParams } = new URL(url);
  const missing = ['client_id', 'redirect_uri', 'state', 'code_challenge'].filter((name) => !searchParams.get(name));
  window.result = { at: performance.now(), missing };
};
