// One backend with all that it talks to: an authorization server, a gate before its token endpoint, and an API.
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

const embedded = async ({ base, home, secret, grace }) => {
  const program = join(work, 'authserver');
  const made = `${program}.${process.pid}`;
  execFileSync('go', ['build', '-o', made, './edge/dev/authserver'], { cwd: root, stdio: 'inherit' });
  renameSync(made, program); // test files run at the same time
  const args = ['EDGE_CLIENT_SECRET=' + secret, program, '-base', base, '-home', home, '-grace', grace ?? '0s'];
  const server = await run('env', args, /^ready: (\S+)/);
  return { ...server, client_id: 'edge', scope: 'openid profile email notes.read' };
};

/** npm oidc-provider, a certified server that is not ours. */
const certified = async ({ base, home }) => {
  const program = join(root, 'js/test/lib/oidc-provider.mjs');
  const server = await run(process.execPath, [program, '--backchannel-logout', `${base}/backchannel_logout`, `${base}/callback`, home], /^ready: (\S+)/);
  return { ...server, client_id: 'basic', secret: 'a-secret-of-the-test', scope: 'openid offline_access' };
};

const servers = { embedded, certified };

/**
 * Starts a world.
 *
 * @param {object} host see hosts/README.md
 * @param {{server?: 'embedded' | 'certified', grace?: string, config?: object, page?: string, proxyTimeoutMs?: number}} [options]
 */
export const world = async (host, { server = 'embedded', grace, config = {}, ...options } = {}) => {
  mkdirSync(work, { recursive: true });
  const folder = mkdtempSync(join(work, `${host.name}-`));
  const port = await freePort();
  const url = `http://localhost:${port}`;
  const base = `${url}/auth`;
  const secret = randomBytes(32).toString('base64url');
  const authserver = await servers[server]({ base, home: `${url}/`, secret, grace });
  const issuer = authserver.match[1];
  const metadata = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
  const behind = await api();
  const door = await gate((path) => (path === '/token' ? metadata.token_endpoint : metadata.revocation_endpoint));
  const { authorization_endpoint, end_session_endpoint, jwks_uri } = metadata;
  const given = {
    port,
    folder,
    config: {
      base,
      client: {
        issuer, authorization_endpoint, end_session_endpoint, jwks_uri,
        client_id: authserver.client_id, scope: authserver.scope,
        token_endpoint: `${door.url}/token`, revocation_endpoint: `${door.url}/revoke`,
      },
      proxy: [{ path: '/api', target: behind.url }, ...(server === 'embedded' ? [{ path: '/api/notes', target: `${issuer}/api/notes` }] : [])],
      ...config,
    },
    secrets: { SEAL_KEYS: sealKey('first'), CLIENT_SECRET: authserver.secret ?? secret },
    ...options,
  };
  const running = await host.start(given);
  const secrets = () => [given.secrets.CLIENT_SECRET, ...given.secrets.SEAL_KEYS.split(':').slice(1), ...door.tokens.map(({ value }) => value)];
  return {
    url, base, issuer, metadata, gate: door, api: behind, host: running, given, secrets,
    visitor: () => new Visitor(url),
    /** Nothing secret is in an answer. */
    keepsQuiet(answer) {
      const all = [answer.text, ...answer.headers.flat()].join('\n');
      for (const secret of secrets()) assert.ok(!all.includes(secret), `a secret is in ${answer.status} ${all.slice(0, 200)}`);
    },
    /** It is refused so: the status, a code and words for a person, and nothing secret. */
    refused(answer, status, code) {
      assert.equal(`${answer.status} ${answer.json.error}`, `${status} ${code}`, answer.text);
      assert.equal(answer.header('cache-control'), 'no-store');
      assert.equal(answer.header('content-type'), 'application/json');
      assert.equal(answer.header('x-content-type-options'), 'nosniff');
      this.keepsQuiet(answer);
    },
    /** Has the server forget the newest token of a kind. */
    async revoke(kind) {
      const { value: token } = door.tokens.findLast(({ name }) => name === kind);
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
