// OpenID Connect against npm oidc-provider. Discovery and ID tokens: every algorithm, forged
// answers, changed keys, caching and failures. Pushed authorization requests, signing out at the
// server, client credentials and introspection.
import assert from 'node:assert/strict';
import { createHmac, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { launch, openPage, pages, stopClock, strictPolicy } from './lib/browser.mjs';
import { library, root } from './lib/installed.mjs';
import { newJwk } from './lib/keys.mjs';
import { decide } from './lib/oidc-pages.mjs';
import { start } from './lib/process.mjs';
import { until } from './lib/provider.mjs';
import { chromiumArgs } from './lib/runtimes.mjs';
import { serve } from './lib/serve.mjs';
import { PATIENCE } from './suite/patience.js';

const APP = '/pages/app.html';
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'];

let browser, site, server, issuer;
/** Receives the server's posts when a session ends there. */
const logouts = createServer({ keepAliveTimeout: 0 }, async (request, response) => {
  logouts.emit('logout_token', new URLSearchParams(await text(request)).get('logout_token'));
  response.end();
});
before(async () => {
  await new Promise((listening) => logouts.listen(0, '127.0.0.1', listening));
  site = await serve(pages(), { headers: strictPolicy() });
  const options = ['--backchannel-logout', `http://127.0.0.1:${logouts.address().port}/`];
  server = await start('node', [join(root, 'js/test/lib/oidc-provider.mjs'), ...options, site.url + APP], /^ready: (\S+)/);
  issuer = server.match[1];
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.stop();
  site?.stop();
  logouts.closeAllConnections();
  logouts.close();
});

const configuration = (more) => ({ issuer, client_id: 'public', redirect_uri: site.url + APP, discovery: true, scope: 'openid profile', ...more });

const rotate = async () => assert.ok((await fetch(`${issuer}/rotate`, { method: 'POST' })).ok);

/** A page with a client; `counts` says how often it asked for metadata and for keys. */
const openClient = async (t, { clock, store = 'insecureSessionStore', url = site.url, from = browser } = {}, config = {}) => {
  const context = await from.newContext();
  t.after(() => context.close());
  const counts = { discovery: 0, jwks: 0 };
  context.on('request', (request) => {
    if (request.url().includes('/.well-known/')) counts.discovery++;
    if (request.url() === `${issuer}/jwks`) counts.jwks++;
  });
  const page = await openPage(context, url + APP);
  if (clock) await stopClock(page);
  const open = () =>
    page.evaluate(async ([config, store]) => void (window.client = await oauth.openClient(config, { store: oauth[store]() })), [configuration(config), store]);
  const reload = async () => {
    await page.reload();
    await page.waitForFunction(() => window.oauth);
    await open();
  };
  await open();
  /** Calls a method of the client; an error is returned as its members. */
  const call = (method, ...args) =>
    page.evaluate(
      ([method, args]) =>
        client[method](...args).then(
          (value) => value,
          ({ kind, code, field, retryable, message }) => ({ kind, code, field, retryable, message }),
        ),
      [method, args],
    );
  return { page, counts, reload, call };
};

const reply = async ({ call }) => {
  const { url } = await call('authorize');
  assert.ok(url);
  return (await decide(url, 'approve')).url;
};
const signIn = async (client) => client.call('handleRedirect', await reply(client));

const checkClaims = ({ iss, sub, aud, exp, iat }, client_id) => {
  assert.deepEqual({ iss, sub, aud }, { iss: issuer, sub: '248289761001', aud: client_id });
  assert.ok(Math.abs(iat * 1000 - Date.now()) < 5 * MINUTE && exp > iat);
};

for (const alg of ALGORITHMS) {
  test(`Q12 an ID token signed with ${alg} is verified: in Node and in a page`, async (t) => {
    const config = { client_id: alg, id_token_signed_response_alg: [alg] };
    const client = await (await library()).openClient(configuration(config));
    t.after(() => client.close());
    const { url } = await client.authorize();
    const status = await client.callback({ url: (await decide(url, 'approve')).url });
    checkClaims(status.claims, alg);
    assert.equal((await client.userinfo()).name, 'A person');
    checkClaims((await client.refresh()).claims, alg);

    checkClaims((await signIn(await openClient(t, {}, config))).claims, alg);
  });
}

test('Q12 an ID token signed with an algorithm that is not among those allowed is refused', async (t) => {
  const client = await openClient(t, {}, { id_token_signed_response_alg: ['ES256', 'PS256'] });
  const { kind, code } = await signIn(client);
  assert.deepEqual([kind, code], ['id_token_not_verified', 'alg_not_allowed']);
});

const json = (part) => JSON.parse(Buffer.from(part, 'base64url'));
const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const claims = (change) => (token) => {
  const [header, payload, signature] = token.split('.');
  return [header, part({ ...json(payload), ...change }), signature].join('.');
};
/** The same claims under another header, signed by `by`. */
const forged = (change, by) => async (token) => {
  const [header, payload] = token.split('.');
  const input = `${part({ ...json(header), ...change })}.${payload}`;
  return `${input}.${Buffer.from(await by(input)).toString('base64url')}`;
};
const { kty, n, e, ...thiefs } = newJwk('rsa', { modulusLength: 2048 });
const thief = createPrivateKey({ key: { kty, n, e, ...thiefs }, format: 'jwk' });
const byThief = (input) => sign('sha256', input, thief);
const publicKey = async () => {
  const { keys } = await (await fetch(`${issuer}/jwks`)).json();
  return createPublicKey({ key: keys.find(({ kty }) => kty === 'RSA'), format: 'jwk' }).export({ type: 'spki', format: 'pem' });
};

const tampered = {
  'a byte of the signature': [(token) => token.replace(/.{20}$/, (end) => (end[0] === 'A' ? 'B' : 'A') + end.slice(1)), 'bad_signature'],
  'another user': [claims({ sub: 'mallory' }), 'bad_signature'],
  'another nonce': [claims({ nonce: 'other' }), 'wrong_claim', 'nonce'],
  'another issuer': [claims({ iss: 'https://other.example' }), 'wrong_claim', 'iss'],
  'another audience': [claims({ aud: 'basic' }), 'wrong_claim', 'aud'],
  'a past end': [claims({ exp: 1_700_000_000 }), 'wrong_claim', 'exp'],
  'no signature, alg none': [forged({ alg: 'none' }, () => ''), 'alg_not_allowed'],
  'HS256 with the public key as its secret': [
    forged({ alg: 'HS256' }, async (input) =>
      createHmac('sha256', await publicKey())
        .update(input)
        .digest(),
    ),
    'alg_not_allowed',
  ],
  'a key of its own in the header': [forged({ jwk: { kty, n, e } }, byThief), 'bad_signature'],
  'no kid, and a key that is not the server’s': [forged({ kid: undefined }, byThief), 'bad_signature'],
  'a kid that the server does not have': [forged({ kid: 'thief' }, byThief), 'unknown_key'],
  'only its beginning': [(token) => token.slice(0, 20), 'malformed'],
};

test('Q12 a page refuses an ID token that was changed on its way, keeps nothing, and takes the next good one', async (t) => {
  const client = await openClient(t);
  const { page, call } = client;
  for (const [name, [change, code, field]] of Object.entries(tampered)) {
    await t.test(name, async () => {
      await page.route(
        `${issuer}/token`,
        async (route) => {
          const response = await route.fetch();
          const body = await response.json();
          await route.fulfill({ response, json: { ...body, id_token: await change(body.id_token) } });
        },
        { times: 1 },
      );
      const failed = await signIn(client);
      assert.deepEqual([failed.kind, failed.code, failed.field], ['id_token_not_verified', code, field]);
      const { status, id_token, claims } = await call('status');
      assert.deepEqual([status, id_token, claims], ['not_authenticated', undefined, undefined]);
      assert.deepEqual(await page.evaluate(() => Object.keys(sessionStorage).filter((key) => key.endsWith('.session'))), []);
      assert.equal(await call('export'), '');
    });
  }
  const { status, claims: good } = await signIn(client);
  assert.equal(status, 'granted');
  checkClaims(good, 'public');
});

test('Q12 an answer without the ID token that was asked for is refused', async (t) => {
  const client = await openClient(t);
  await client.page.route(`${issuer}/token`, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...(await response.json()), id_token: undefined } });
  });
  const { kind, code } = await signIn(client);
  assert.deepEqual([kind, code], ['token_not_found', 'missing_id_token']);
});

test('Q12 metadata of another issuer is refused', async (t) => {
  const { page, call } = await openClient(t);
  await page.route('**/.well-known/*', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...(await response.json()), issuer: `${issuer}/other` } });
  });
  const { kind, code } = await call('authorize');
  assert.deepEqual([kind, code], ['server', 'wrong_issuer']);
});

test('Q12 the server has other keys: they are fetched for an unknown kid, but not twice a minute', async (t) => {
  const client = await openClient(t, { clock: true });
  const { page, call, counts } = client;
  const before = await signIn(client);
  checkClaims(before.claims, 'public');
  await rotate();
  const { kind, code } = await call('refresh');
  assert.deepEqual([kind, code], ['id_token_not_verified', 'unknown_key']);
  assert.equal(counts.jwks, 1);
  const kept = await call('status');
  assert.deepEqual([kept.status, kept.id_token], ['granted', before.id_token]);
  await page.clock.fastForward(MINUTE + 1000);
  const later = await call('refresh');
  assert.equal(counts.jwks, 2);
  assert.notEqual(later.id_token, before.id_token);
  checkClaims(later.claims, 'public');
});

for (const store of ['insecureSessionStore', 'insecureIndexedDBStore']) {
  test(`Q12 metadata, keys and claims outlive a reload: ${store}`, async (t) => {
    const client = await openClient(t, { clock: true, store });
    const { page, call, counts, reload } = client;
    const before = await signIn(client);
    assert.deepEqual(counts, { discovery: 1, jwks: 1 });
    await reload();
    assert.deepEqual((await call('status')).claims, before.claims);
    checkClaims((await call('refresh')).claims, 'public');
    assert.deepEqual(counts, { discovery: 1, jwks: 1 });
    await page.clock.fastForward(DAY);
    assert.ok((await call('authorize')).url);
    await until(() => counts.discovery === 2, 'the metadata of another day');
  });
}

test('Q12 the server does not answer, or not well: an error that says so, and the next try works', async (t) => {
  const client = await openClient(t);
  const { page, call } = client;
  const answers = {
    'network network -': (route) => route.abort('connectionrefused'),
    'server http_error -': (route) => route.fulfill({ status: 503, headers: { 'access-control-allow-origin': '*' } }),
    'server bad_metadata jwks_uri': (route) =>
      route.fulfill({ headers: { 'access-control-allow-origin': '*' }, json: { issuer, jwks_uri: 'http://as.example/jwks' } }),
  };
  for (const [expected, answer] of Object.entries(answers)) {
    await page.route('**/.well-known/*', answer);
    const { kind, code, field, message, retryable } = await call('authorize');
    await page.unroute('**/.well-known/*', answer);
    assert.equal([kind, code, field ?? '-'].join(' '), expected);
    assert.match(message, /^oauth2-wasm: authorize: /);
    if (kind === 'network') assert.equal(retryable, true);
  }
  await page.route(`${issuer}/jwks`, (route) => route.abort('connectionrefused'), { times: 1 });
  const { kind, code } = await signIn(client);
  assert.deepEqual([kind, code], ['network', 'network']);
  checkClaims((await signIn(client)).claims, 'public');
});

test('Q12 a server without OpenID’s document is found by RFC 8414', async (t) => {
  const client = await openClient(t);
  await client.page.route('**/.well-known/openid-configuration', (route) => route.fulfill({ status: 404, headers: { 'access-control-allow-origin': '*' } }));
  checkClaims((await signIn(client)).claims, 'public');
  assert.equal(client.counts.discovery, 2);
});

test('Q12 a page that came over http has no WebCrypto: nothing passes for verified', async (t) => {
  const other = await launch({ args: [...chromiumArgs, '--host-resolver-rules=MAP app.test 127.0.0.1'] });
  t.after(() => other.close());
  const client = await openClient(t, { url: site.url.replace('127.0.0.1', 'app.test'), from: other });
  assert.equal(await client.page.evaluate(() => isSecureContext), false);
  const { kind, code } = await signIn(client);
  assert.deepEqual([kind, code], ['client', 'unsupported']);
  assert.equal((await client.call('status')).status, 'not_authenticated');
});

/**
 * Checks that the URL of an authorization request contains only a reference to the pushed request.
 */
const checkPushed = (url, client_id) => {
  const { request_uri, ...rest } = Object.fromEntries(new URL(url).searchParams);
  assert.match(request_uri, /^urn:/);
  assert.deepEqual(rest, { client_id });
};

test('H1 H4 a page pushes the authorization request where the metadata offers that: the URL refers to it, and the sign-in completes', async (t) => {
  const { page, call } = await openClient(t);
  const pushed = page.waitForRequest((request) => request.method() === 'POST');
  const { url } = await call('authorize', { parameters: { ui_locales: 'de' } });
  checkPushed(url, 'public');
  const sent = new URLSearchParams((await pushed).postData());
  for (const name of ['redirect_uri', 'scope', 'state', 'code_challenge', 'nonce']) assert.ok(sent.get(name), name);
  assert.equal(sent.get('ui_locales'), 'de');
  checkClaims((await call('handleRedirect', (await decide(url, 'approve')).url)).claims, 'public');
});

/** In Node, with a secret. */
const confidential = async (t) => {
  const config = { client_id: 'basic', client_secret: 'a-secret-of-the-test', pushed_authorization_requests: 'required' };
  const client = await (await library()).openClient(configuration(config));
  t.after(() => client.close());
  return client;
};

test('H1 H4 A6 Node with a secret: the request is pushed, the sign-in completes, and the server says what it knows of the token', async (t) => {
  const client = await confidential(t);
  const { url } = await client.authorize();
  checkPushed(url, 'basic');
  checkClaims((await client.callback({ url: (await decide(url, 'approve')).url })).claims, 'basic');

  const { access_token } = await client.token();
  const { active, sub, client_id } = await client.introspect();
  assert.deepEqual([active, sub, client_id], [true, '248289761001', 'basic']);
  await client.logOut();
  assert.deepEqual(await client.introspect({ token: access_token, token_type_hint: 'access_token' }), { active: false });
});

test('A4 A6 Node signs in as itself: a token without a user, good at the server', async (t) => {
  const client = await confidential(t);
  const { status, refreshable, claims, id_token } = await client.clientCredentials();
  assert.deepEqual([status, refreshable, claims, id_token], ['granted', false, undefined, undefined]);
  const { active, client_id, sub } = await client.introspect();
  assert.deepEqual([active, client_id, sub], [true, 'basic', undefined]);
});

/** Signs in on the server's pages, and says whether the server asked for the password. */
const signInByHand = async ({ page, call, reload }) => {
  await page.evaluate(() => void client.signIn());
  await page.waitForURL(/interaction|code=/);
  const asked = (await page.locator('input[name=password]').count()) > 0;
  if (asked) {
    await page.fill('input[name=login]', '248289761001');
    await page.fill('input[name=password]', 'any');
    await page.click('button[type=submit]');
    await page.waitForURL(/interaction|code=/);
  }
  const consent = page.locator('button[type=submit]');
  while (!page.url().includes('code=')) await Promise.all([page.waitForEvent('framenavigated'), consent.click()]);
  await page.waitForFunction(() => window.oauth);
  await reload();
  checkClaims((await call('handleRedirect')).claims, 'public');
  return asked;
};

test('H2 Q12 signing out ends the session at the server, which then asks for the password again; a logout token tells a server of the app', async (t) => {
  const client = await openClient(t);
  const { page, call } = client;
  assert.equal(await signInByHand(client), true);
  await call('logOut');
  assert.equal(await signInByHand(client), false, 'the server remembers the user');

  const after = { post_logout_redirect_uri: site.url + APP, state: 'bye' };
  await page.evaluate((after) => void client.signOut(after), after);
  const posted = once(logouts, 'logout_token', { signal: AbortSignal.timeout(PATIENCE) });
  await page.click('button[value=yes]');
  await page.waitForURL(`${site.url + APP}?state=bye`);
  await page.waitForFunction(() => window.oauth);
  await client.reload();
  assert.equal((await call('status')).status, 'not_authenticated');
  assert.equal(await signInByHand(client), true);

  const app = await (await library()).openClient(configuration());
  t.after(() => app.close());
  const [token] = await posted;
  const { iss, sub, jti } = await app.logoutToken(token);
  assert.deepEqual([iss, sub], [issuer, '248289761001']);
  assert.ok(jti);
  await assert.rejects(app.logoutToken(claims({ sub: 'mallory' })(token)), { kind: 'id_token_not_verified', code: 'bad_signature' });
});
