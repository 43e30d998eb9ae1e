// A small provider for the tests of the shim: each token endpoint request is counted, and its
// answer can be scripted.
import { createServer } from 'node:http';
import { PATIENCE } from '../suite/patience.js';

const read = async (request) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString();
};

/**
 * @param {{allowed?: string}} [given] another header that pages may send
 * @returns {Promise<object>} `url`; `requests`, each with path, method, headers, body and
 * `closed`, which resolves when the exchange is over, however it ended;
 * `answers`, functions by path that replace the usual answer: each gets the request and returns
 * `{status, headers, body}` or a promise of it; a body that is text is sent as JSON unchanged;
 * `config`, for a client
 */
export const provider = async ({ allowed = 'x-none' } = {}) => {
  const requests = [];
  const answers = {};
  let issued = 0;
  const usual = {
    '/token': () => ({
      body: { access_token: `ACCESS-${++issued}`, token_type: 'Bearer', expires_in: 3600, refresh_token: `REFRESH-${issued}` },
    }),
    '/revoke': () => ({}),
    '/userinfo': () => ({ body: { sub: 'alice' } }),
    '/api': ({ headers, body }) =>
      headers.authorization === `Bearer ACCESS-${issued}` ? { body: { ok: true, body } } : { status: 401, headers: { 'www-authenticate': 'Bearer' } },
  };
  // Idle connections stay open: if one were closed while a request was on its way, the test would
  // fail for no reason.
  const server = createServer({ keepAliveTimeout: 0 }, async (request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    const cors = {
      'access-control-allow-origin': '*',
      'access-control-allow-headers': `authorization, content-type, dpop, ${allowed}`,
      'access-control-expose-headers': '*',
    };
    if (request.method === 'OPTIONS') return response.writeHead(204, cors).end();
    const closed = new Promise((resolve) => response.once('close', resolve));
    const seen = { path: request.url, method: request.method, headers: request.headers, body: await read(request), closed };
    requests.push(seen);
    const answer = answers[pathname] ?? usual[pathname] ?? usual['/' + pathname.split('/')[1]];
    const { status = 200, headers = {}, body } = (await answer?.(seen)) ?? { status: 404 };
    response.writeHead(status, { 'content-type': 'application/json', ...cors, ...headers });
    response.end(body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${server.address().port}`;
  return {
    url,
    requests,
    answers,
    count: (path) => requests.filter((request) => request.path.startsWith(path)).length,
    config: {
      client_id: 'app',
      authorization_endpoint: `${url}/authorize`,
      token_endpoint: `${url}/token`,
      revocation_endpoint: `${url}/revoke`,
      userinfo_endpoint: `${url}/userinfo`,
      redirect_uri: 'https://app.example/cb',
      scope: 'read',
      token_destinations: [`${url}/api`],
    },
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
};

/** Signs a client in without a user: the server's reply is made up from the authorization URL. */
export const signIn = async (client, parameters) => {
  const { url, state } = await client.authorize(parameters);
  const redirect = new URL(new URL(url).searchParams.get('redirect_uri'));
  redirect.searchParams.set('code', 'THE-CODE');
  redirect.searchParams.set('state', state);
  return { redirect: redirect.href, status: await client.handleRedirect(redirect.href) };
};

/** Resolves once the condition holds. */
export const until = async (condition, what = 'condition') => {
  for (const end = Date.now() + PATIENCE; Date.now() < end; ) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`never came: ${what}`);
};
