// npm oidc-client-ts in Chromium, as a client of the project's authorization server on another
// origin.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { decide, launch } from './lib/browser.mjs';
import { root } from './lib/installed.mjs';
import { authserver } from './lib/process.mjs';
import { serve } from './lib/serve.mjs';

const PAGE = '/peer.html';

let browser, site, plain, proving;
before(async () => {
  const script = readFileSync(join(root, 'node_modules/oidc-client-ts/dist/browser/oidc-client-ts.js'), 'utf8');
  site = await serve(join(root, 'js/test/pages'), { extra: { '/oidc-client-ts.js': script } });
  plain = await authserver(site.url + PAGE);
  proving = await authserver('-dpop-nonce=1h', site.url + PAGE);
  browser = await launch();
});
after(async () => {
  await browser?.close();
  for (const server of [plain, proving]) await server?.stop();
  site?.stop();
});

/**
 * The app in a new browser. `run` calls a function there, with the manager and further arguments.
 */
const open = async (t, { issuer }, more = {}) => {
  const context = await browser.newContext();
  t.after(() => context.close());
  const page = await context.newPage();
  const said = [];
  page.on('pageerror', (error) => said.push(String(error)));
  await page.goto(site.url + PAGE);
  const settings = { authority: issuer, ...more };
  const run = (work, given) =>
    page.evaluate(([settings, source, given]) => (0, eval)(`(${source})`)(window.manager(settings), given), [settings, work.toString(), given]);
  /** Leaves with `begin`, decides at the server, and waits until the browser is back. */
  const go = async (begin, decision = 'approve', given) => {
    const left = page.waitForURL((url) => url.origin === issuer);
    await run(begin, given);
    await left;
    const back = page.waitForURL((url) => url.origin === site.url, { waitUntil: 'load' });
    await decide(page, decision);
    await back;
  };
  return { page, run, go, said, issuer };
};

const signIn = async ({ go, run }) => {
  await go((manager) => void manager.signinRedirect({ state: 'mine' }));
  return run(async (manager) => {
    const user = await manager.signinCallback();
    history.replaceState(null, '', location.pathname);
    return JSON.parse(JSON.stringify(user));
  });
};

test('A4 oidc-client-ts: signinRedirect, signinCallback, userinfo, refresh, and signing out at the server and back', async (t) => {
  const app = await open(t, plain, { loadUserInfo: true });
  const user = await signIn(app);
  assert.deepEqual([user.profile.sub, user.profile.name, user.profile.iss, user.token_type, user.state], ['alice', 'Alice', plain.issuer, 'Bearer', 'mine']);

  const fresh = await app.run(async (manager) => JSON.parse(JSON.stringify(await manager.signinSilent())));
  assert.notEqual(fresh.access_token, user.access_token);
  assert.notEqual(fresh.refresh_token, user.refresh_token);
  assert.equal(fresh.profile.sub, 'alice');

  // Its ID token identifies the session, so the user is not asked.
  const back = app.page.waitForURL((url) => url.origin === site.url && url.searchParams.has('state'));
  await app.run((manager) => void manager.signoutRedirect({ state: 'over' }));
  await back;
  assert.equal(await app.run(async (manager) => (await manager.signoutCallback()).userState), 'over');
  const error = await app.run((manager) =>
    manager.signinSilent({ prompt: 'none' }).then(
      () => '',
      (e) => e.error ?? String(e),
    ),
  );
  assert.equal(error, 'login_required');
  assert.deepEqual(app.said, []);
});

test('A4 oidc-client-ts: renewal in a frame (prompt=none) while the user is signed in at the server and scope does not grow', async (t) => {
  const app = await open(t, plain);
  const user = await signIn(app);
  const frame = (scope) =>
    app.run(async (manager, scope) => {
      await manager.removeUser(); // without a refresh token it asks the server in a frame
      return manager.signinSilent({ scope }).then(
        (user) => ({ sub: user.profile.sub, sid: user.profile.sid }),
        (e) => ({ error: e.error ?? String(e) }),
      );
    }, scope);
  assert.deepEqual(await frame('openid profile'), { sub: 'alice', sid: user.profile.sid });
  assert.deepEqual(await frame('openid read'), { error: 'consent_required' });
});

test('A7 oidc-client-ts: a user who denies, told in the fragment', async (t) => {
  const app = await open(t, plain, { response_mode: 'fragment' });
  await app.go((manager) => void manager.signinRedirect(), 'deny');
  assert.match(app.page.url(), /#.*error=access_denied/);
  const [name, error] = await app.run((manager) =>
    manager.signinCallback().then(
      () => [],
      (e) => [e.name, e.error],
    ),
  );
  assert.deepEqual([name, error], ['ErrorResponse', 'access_denied']);
});

test('A6 oidc-client-ts: revoked tokens are good no longer', async (t) => {
  const app = await open(t, plain);
  const { refresh_token } = await signIn(app);
  const error = await app.run(async (manager, refresh_token) => {
    await manager.revokeTokens();
    const user = await manager.getUser();
    user.refresh_token = refresh_token;
    await manager.storeUser(user);
    return manager.signinSilent().then(
      () => '',
      (e) => e.error ?? String(e),
    );
  }, refresh_token);
  assert.equal(error, 'invalid_grant');
});

test('A4 oidc-client-ts: DPoP with nonces of the server, the code bound to the key, and a call with a proof', async (t) => {
  const app = await open(t, proving, { dpop: true });
  let jkt;
  app.page.on('request', (request) => (jkt ??= new URL(request.url()).searchParams.get('dpop_jkt')));
  const user = await signIn(app);
  assert.equal(user.token_type, 'DPoP');
  assert.match(jkt, /^[\w-]{43}$/);
  const statuses = await app.run(async (manager, url) => {
    const user = await manager.getUser();
    const call = async (scheme, nonce) => {
      const DPoP = await manager.dpopProof(url, user, 'GET', nonce);
      return fetch(url, { headers: { authorization: `${scheme} ${user.access_token}`, ...(scheme === 'DPoP' && { DPoP }) } });
    };
    const first = await call('DPoP');
    const second = await call('DPoP', first.headers.get('dpop-nonce'));
    return [first.status, first.headers.get('www-authenticate'), second.status, (await second.json()).sub, (await call('Bearer')).status];
  }, app.issuer + '/userinfo');
  const [first, challenge, second, sub, bearer] = statuses;
  assert.deepEqual([first, second, sub, bearer], [401, 200, 'alice', 401]);
  assert.match(challenge, /^DPoP .*error="use_dpop_nonce"/);
  const fresh = await app.run(async (manager) => (await manager.signinSilent()).token_type);
  assert.equal(fresh, 'DPoP');
});
