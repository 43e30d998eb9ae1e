// The same backend of npm openid-client, express-session and Express, as their documentation shows
// them: sign-in with PKCE, state and nonce, a session of its own in memory or Redis, a refresh
// where the token is about to end (one at a time for each session), and a proxy of node:http.
import { Agent, request } from 'node:http';
import { RedisStore } from 'connect-redis';
import express from 'express';
import session from 'express-session';
import * as client from 'openid-client';
import { createClient } from 'redis';

const { PORT, BFF, CLIENT_SECRET, REDIS_URL } = process.env;
const { base, client: registered, proxy } = JSON.parse(BFF);
const [{ path, target }] = proxy;
const redirect_uri = `${base}/callback`;
const EARLY_MS = 5_000;

const config = await client.discovery(
  new URL(registered.issuer),
  registered.client_id,
  { id_token_signed_response_alg: 'ES256' },
  client.ClientSecretBasic(CLIENT_SECRET),
  {
    execute: [client.allowInsecureRequests],
  },
);

let store;
if (REDIS_URL) {
  const redis = createClient({ url: REDIS_URL });
  await redis.connect();
  store = new RedisStore({ client: redis });
}

const app = express();
app.disable('x-powered-by');
app.set('etag', false);
app.use(
  session({
    ...(store && { store }),
    secret: CLIENT_SECRET,
    name: 'sid',
    resave: false,
    saveUninitialized: false,
    cookie: { httpOnly: true, sameSite: 'lax', maxAge: 3_600_000 },
  }),
);

app.get('/auth/login', async ({ session }, response) => {
  const verifier = client.randomPKCECodeVerifier();
  session.attempt = { verifier, state: client.randomState(), nonce: client.randomNonce() };
  const { state, nonce } = session.attempt;
  const code_challenge = await client.calculatePKCECodeChallenge(verifier);
  response.redirect(
    client.buildAuthorizationUrl(config, { redirect_uri, scope: registered.scope, code_challenge, code_challenge_method: 'S256', state, nonce }).href,
  );
});

const keep = (session, { access_token, refresh_token = session.tokens?.refresh_token, expires_in }) => {
  session.tokens = { access_token, refresh_token, ends: Date.now() + expires_in * 1000 };
};

app.get('/auth/callback', async (incoming, response) => {
  const { verifier, state, nonce } = incoming.session.attempt;
  const tokens = await client.authorizationCodeGrant(config, new URL(incoming.originalUrl, base), {
    pkceCodeVerifier: verifier,
    expectedState: state,
    expectedNonce: nonce,
    idTokenExpected: true,
  });
  await new Promise((resolve, reject) => incoming.session.regenerate((error) => (error ? reject(error) : resolve())));
  incoming.session.sub = tokens.claims().sub;
  keep(incoming.session, tokens);
  response.redirect('/');
});

/**
 * Refreshes by what was spent. Who read the session before the new token was stored finds it here.
 */
const refreshing = new Map();
const fresh = async ({ session }) => {
  if (session.tokens.ends - EARLY_MS > Date.now()) return;
  const spent = session.tokens.refresh_token;
  if (!refreshing.has(spent)) {
    refreshing.set(spent, client.refreshTokenGrant(config, spent));
    setTimeout(() => refreshing.delete(spent), 10_000).unref();
  }
  keep(session, await refreshing.get(spent));
  await new Promise((resolve, reject) => session.save((error) => (error ? reject(error) : resolve())));
};

const agent = new Agent({ keepAlive: true });
const { hostname, port, pathname } = new URL(target);
app.use(path, async (incoming, outgoing) => {
  if (!incoming.session.tokens) return outgoing.status(401).end();
  if (!incoming.headers['x-csrf']) return outgoing.status(403).end();
  await fresh(incoming);
  const { cookie, host, connection, ...headers } = incoming.headers;
  headers.authorization = `Bearer ${incoming.session.tokens.access_token}`;
  const onward = request({ hostname, port, agent, method: incoming.method, path: pathname + incoming.url, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode, answer.headers);
    answer.pipe(outgoing);
  });
  onward.on('error', () => outgoing.destroy());
  incoming.pipe(onward);
});

app.listen(Number(PORT), '127.0.0.1', () => console.log('ready: '));
