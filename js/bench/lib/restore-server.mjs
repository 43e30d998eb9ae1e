import { generateKeyPairSync, sign } from 'node:crypto';
import { createServer } from 'node:http';
import { brotliCompressSync } from 'node:zlib';

const types = { html: 'text/html; charset=utf-8', js: 'text/javascript', wasm: 'application/wasm' };

/** Delays a server's answers, like a network. */
const pause = (ms) => ms && new Promise((resolve) => setTimeout(resolve, ms));

const listen = async (answer) => {
  const server = createServer({ keepAliveTimeout: 0 }, answer);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
};

/**
 * An origin with files, compressed in advance. The browser may cache all except the page.
 *
 * @param {Record<string, Buffer | string>} files by path
 * @param {() => number} latency in milliseconds
 */
export const site = (files, latency) => {
  const made = Object.fromEntries(Object.entries(files).map(([path, body]) => [path, brotliCompressSync(body)]));
  return listen(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    const path = pathname === '/' ? '/index.html' : pathname;
    await pause(latency());
    if (!made[path]) return response.writeHead(404).end();
    const lasting = path.endsWith('.html') ? 'no-store' : 'public, max-age=31536000, immutable';
    response
      .writeHead(200, {
        'content-type': types[path.split('.').at(-1)],
        'content-encoding': 'br',
        'content-length': made[path].length,
        'cache-control': lasting,
      })
      .end(made[path]);
  });
};

/**
 * An authorization server that never asks the user, and an API. It has the endpoints of every
 * contender, and signs ID tokens.
 *
 * @param {() => number} latency in milliseconds
 */
export const authority = async (latency) => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const jwt = (claims) => {
    const text = `${part({ alg: 'RS256', typ: 'JWT', kid: 'k' })}.${part(claims)}`;
    return `${text}.${sign('sha256', Buffer.from(text), privateKey).toString('base64url')}`;
  };
  const jwks = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k', alg: 'RS256', use: 'sig' }] };
  let issued = 0;
  const cors = {
    'access-control-allow-origin': '*',
    'access-control-allow-headers': 'authorization, content-type, auth0-client',
    'access-control-max-age': '7200',
  };
  const server = await listen(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, server.url);
    const json = (body, status = 200) =>
      response.writeHead(status, { ...cors, 'content-type': 'application/json', 'cache-control': 'no-store' }).end(JSON.stringify(body));
    await pause(latency());
    if (request.method === 'OPTIONS') return response.writeHead(204, cors).end();
    if (pathname === '/authorize') {
      const back = new URL(searchParams.get('redirect_uri'));
      const answer = new URLSearchParams({
        code: part(searchParams.get('nonce') ?? ''),
        state: searchParams.get('state'),
        iss: `${server.url}/`,
        session_state: 's',
      });
      back[searchParams.get('response_mode') === 'fragment' ? 'hash' : 'search'] = answer;
      return response.writeHead(302, { location: back.href, 'cache-control': 'no-store' }).end();
    }
    if (pathname === '/token' || pathname === '/oauth/token') {
      const parts = [];
      for await (const piece of request) parts.push(piece);
      const given = new URLSearchParams(Buffer.concat(parts).toString());
      const now = Math.floor(Date.now() / 1000);
      const nonce = given.has('code') ? JSON.parse(Buffer.from(given.get('code'), 'base64url')) : undefined;
      const id_token = jwt({ iss: `${server.url}/`, sub: 'alice', aud: 'app', iat: now, exp: now + 3600, ...(nonce && { nonce }) });
      return json({
        access_token: `ACCESS-${++issued}`,
        token_type: 'Bearer',
        expires_in: 3600,
        refresh_token: `REFRESH-${issued}`,
        id_token,
        scope: 'openid offline_access',
      });
    }
    if (pathname === '/jwks') return json(jwks);
    if (pathname === '/userinfo') return /^Bearer ACCESS-/.test(request.headers.authorization) ? json({ sub: 'alice' }) : json({}, 401);
    json({}, 404);
  });
  return server;
};
