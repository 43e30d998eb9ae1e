// One backend with its servers: an authorization server, a gate before its token endpoint, and an
// API.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, root, run } from '../../dev/workerd.mjs';
import { api, gate } from './upstream.mjs';
import { Visitor } from './visitor.mjs';

export const work = join(root, 'build/edge-test');

/** A key of a ring, with its id. */
export const sealKey = (id) => `${id}:${randomBytes(32).toString('base64url')}`;

/** The public part of a private JWK. */
const publicKey = ({ kty, crv, x, y, kid, alg }) => ({ kty, crv, x, y, kid, alg });

const embedded = async ({ base, home, app, logout, secret, clientKey, signingKey, flags = [] }) => {
  const program = join(work, 'authserver');
  const made = `${program}.${process.pid}`;
  execFileSync('go', ['build', '-o', made, './edge/dev/authserver'], { cwd: root, stdio: 'inherit' });
  renameSync(made, program); // test files run in parallel
  const key = (name, jwk) => (jwk ? [`${name}=${JSON.stringify(jwk)}`] : []);
  const proves = clientKey ? key('EDGE_CLIENT_JWK', publicKey(clientKey)) : [`EDGE_CLIENT_SECRET=${secret}`];
  const args = [...proves, ...key('EDGE_SIGNING_JWK', signingKey), program, '-base', base, '-home', home, '-app', app, '-backchannel-logout', logout, ...flags];
  const server = await run('env', args, /^ready: (\S+)/);
  return { ...server, client_id: 'edge', secret, scope: 'openid profile email notes.read', resource: `${server.match[1]}/api/notes` };
};

/** npm oidc-provider, a certified server of others. */
const certified = async ({ base, home, app, logout, clientKey, nextKey, flags = [] }) => {
  const program = join(root, 'js/test/lib/oidc-provider.mjs');
  const redirect_uris = [`${base}/callback`, home, app];
  const server = await run(process.execPath, [program, '--backchannel-logout', logout, ...flags, ...redirect_uris], /^ready: (\S+)/);
  const known = {
    ...server,
    client_id: 'basic',
    secret: 'a-secret-of-the-test',
    scope: 'openid offline_access',
    resource: /^resource: (\S+)/m.exec(server.said.join('\n'))[1],
  };
  if (!clientKey) return known;
  const client = {
    redirect_uris,
    post_logout_redirect_uris: redirect_uris,
    backchannel_logout_uri: logout,
    backchannel_logout_session_required: true,
    grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [clientKey, nextKey].filter(Boolean).map(publicKey) },
  };
  const answer = await fetch(`${server.match[1]}/reg`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(client) });
  assert.equal(answer.status, 201, await answer.clone().text());
  return { ...known, client_id: (await answer.json()).client_id };
};

const servers = { embedded, certified };

/**
 * Starts a world.
 *
 * @param {object} host see hosts/README.md
 * @param {object} [options] these, and the options of a host
 * @param {'embedded' | 'certified'} [options.server]
 * @param {string[]} [options.flags] more for the server's command line
 * @param {object} [options.clientKey] private JWK with which the client authenticates instead of a
 * secret
 * @param {object} [options.nextKey] another private JWK of the client that the certified server
 * accepts
 * @param {object} [options.signingKey] private JWK of the embedded server
 * @param {object} [options.client] more for the configuration of the client
 * @param {object | ((known: {url: string, resource: string}) => object)} [options.config] more for
 * the configuration
 * @param {boolean} [options.direct] no gate before the server's endpoints, which are discovered,
 * because a DPoP proof names its URL
 */
export const world = async (host, { server = 'embedded', flags, clientKey, nextKey, signingKey, client, config = {}, direct, ...options } = {}) => {
  mkdirSync(work, { recursive: true });
  const folder = mkdtempSync(join(work, `${host.name}-`));
  const port = await freePort();
  const url = `http://localhost:${port}`;
  const base = `${url}/auth`;
  let metadata;
  const door = await gate(
    (path) => ({ '/token': metadata.token_endpoint, '/revoke': metadata.revocation_endpoint, '/backchannel_logout': `${base}/backchannel_logout` })[path],
  );
  const secret = randomBytes(32).toString('base64url');
  const authserver = await servers[server]({
    base,
    home: `${url}/`,
    app: `${url}/app`,
    logout: `${door.url}/backchannel_logout`,
    secret,
    flags,
    clientKey,
    nextKey,
    signingKey,
  });
  const issuer = authserver.match[1];
  metadata = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
  const behind = await api();
  const { authorization_endpoint, end_session_endpoint, jwks_uri } = metadata;
  const endpoints = direct
    ? { discovery: true }
    : { authorization_endpoint, end_session_endpoint, jwks_uri, token_endpoint: `${door.url}/token`, revocation_endpoint: `${door.url}/revoke` };
  const given = {
    port,
    folder,
    config: {
      base,
      client: {
        issuer,
        client_id: authserver.client_id,
        scope: authserver.scope,
        ...endpoints,
        ...(clientKey && { token_endpoint_auth_method: 'private_key_jwt', client_key_id: clientKey.kid }),
        ...client,
      },
      proxy: [
        { path: '/api', target: behind.url },
        { path: '/api/notes', target: authserver.resource },
      ],
      pass_headers: ['x-of-the-api'],
      ...(typeof config === 'function' ? config({ url, resource: authserver.resource }) : config),
    },
    secrets: { SEAL_KEYS: sealKey('first'), ...(clientKey ? { CLIENT_KEY: JSON.stringify(clientKey) } : { CLIENT_SECRET: authserver.secret }) },
    ...options,
  };
  // If the host does not start, stop what already runs.
  const running = await host.start(given).catch(async (error) => {
    await authserver.stop();
    behind.stop();
    door.stop();
    throw error;
  });
  const secrets = () => [clientKey?.d ?? given.secrets.CLIENT_SECRET, ...given.secrets.SEAL_KEYS.split(':').slice(1), ...door.tokens.map(({ value }) => value)];
  return {
    url,
    base,
    issuer,
    metadata,
    folder,
    resource: authserver.resource,
    gate: door,
    api: behind,
    host: running,
    given,
    secrets,
    visitor: () => new Visitor(url),
    /** Asserts that an answer contains no secret. */
    keepsQuiet(answer) {
      const all = [answer.text, ...answer.headers.flat()].join('\n');
      for (const secret of secrets()) assert.ok(!all.includes(secret), `a secret is in ${answer.status} ${all.slice(0, 200)}`);
    },
    /** Asserts how a request is refused: the status, a code and a description, and no secret. */
    refused(answer, status, code) {
      assert.equal(`${answer.status} ${answer.json.error}`, `${status} ${code}`, answer.text);
      assert.equal(answer.header('cache-control'), 'no-store');
      assert.equal(answer.header('content-type'), 'application/json');
      assert.equal(answer.header('x-content-type-options'), 'nosniff');
      this.keepsQuiet(answer);
    },
    /** Makes the server revoke a token, or the newest one of a kind. */
    async revoke(kind, token = door.tokens.findLast(({ name }) => name === kind).value) {
      const authorization = `Basic ${Buffer.from(`${authserver.client_id}:${given.secrets.CLIENT_SECRET}`).toString('base64')}`;
      const { status } = await fetch(metadata.revocation_endpoint, { method: 'POST', headers: { authorization }, body: new URLSearchParams({ token }) });
      assert.ok(status < 300, `revocation: ${status}`);
    },
    async stop() {
      await running.stop();
      await authserver.stop();
      behind.stop();
      door.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
