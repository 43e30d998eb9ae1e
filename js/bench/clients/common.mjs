// The common parts of all contenders: one configuration, and a network that answers at once.
export const issuer = 'https://as.example';
export const config = {
  issuer,
  client_id: 'app',
  redirect_uri: 'https://app.example/cb',
  authorization_endpoint: `${issuer}/authorize`,
  token_endpoint: `${issuer}/token`,
  jwks_uri: `${issuer}/jwks`,
};

const secret = 'Zk2TqW9o3mE7rX1cV5bN8yU4iO6pA0sDfGhJkLzXcVb';
export const answer = { access_token: secret, token_type: 'Bearer', expires_in: 3600, refresh_token: secret, scope: 'profile' };

/** The server's answers, as JSON text by path. */
export const replies = { '/token': JSON.stringify(answer) };

const real = globalThis.fetch;

/**
 * Replaces the global fetch by a stand-in for the network. All contenders use it by default. The
 * module itself is still loaded over the network.
 */
export const network = () => {
  globalThis.fetch = async (input, init) => {
    const { pathname } = new URL(input.url ?? input);
    if (pathname.endsWith('.wasm')) return real(input, init);
    if (!(pathname in replies)) throw new TypeError('bench: nothing stands there');
    return new Response(replies[pathname], { status: 200, headers: { 'content-type': 'application/json' } });
  };
};

/** The server's part: the address that the browser is sent back to. */
export const callbackOf = (url) => {
  const state = /[?&]state=([^&]*)/.exec(url)[1];
  return `${config.redirect_uri}?code=SplxlOBeZQQYbYS6WxSbIA&state=${state}`;
};
