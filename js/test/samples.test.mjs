// Runs the samples of both READMEs and of the documentation unchanged: in Chromium, where their
// hosts lead to the project's authorization server, and in Node; and the first of them as under
// React's StrictMode. package.test.mjs and web/docs/docs.test.mjs check that they compile.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import pg from 'pg';
import { createClient } from 'redis';
import { decide, launch } from './lib/browser.mjs';
import { installed, root } from './lib/installed.mjs';
import { authserver } from './lib/process.mjs';
import { provider, until } from './lib/provider.mjs';
import { serve } from './lib/serve.mjs';
import { servers } from './lib/servers.mjs';
import { API, APP, AS, at, bundle, said, wasm, world as openWorld } from './lib/world.mjs';

const docs = readdirSync(join(root, 'web/docs'), { recursive: true }).filter((file) => file.endsWith('.md') && !file.includes('node_modules'));

/** Each sample by its file and a text that only it has. */
const samples = ['js/README.md', 'README.md', ...docs.map((file) => `web/docs/${file}`)].flatMap((file) =>
  [...readFileSync(join(root, file), 'utf8').matchAll(/^```(tsx?)\n(.*?)^```/gms)]
    .filter(([, language]) => language === 'ts' || file !== 'js/README.md') // js/README's application is built by examples.test.mjs
    .map(([, , text]) => ({ file, text, tested: false })),
);
const sample = (file, mark) => {
  const found = samples.filter((one) => one.file === file && one.text.includes(mark));
  assert.equal(found.length, 1, `${file}: ${mark}`);
  found[0].tested = true;
  return found[0].text;
};

let browser, server;
before(async () => {
  const clients = ['-client', 'my-app', '-client', 'tv', '-scope', 'payments', '-scope', 'notes'];
  server = await authserver('-issuer', AS, ...clients, `${APP}/callback`, `${APP}/`);
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const world = (t, scripts, api) => openWorld(t, { browser, server }, scripts, api);

test('E44 js/README: the first sample signs in, asks the API and cleans the URL', async (t) => {
  const script = await bundle(sample('js/README.md', 'request_failed'));
  const { page, logs, complaints, requests, count } = await world(t, { '/': script });
  await page.goto(`${APP}/inside`);
  await at(page, `${AS}/authorize`);
  await decide(page, 'approve');
  await said(logs, 'alice');
  assert.equal(page.url(), `${APP}/callback`);
  assert.equal(count('/token'), 1);
  assert.match(requests.at(-1).headers().authorization, /^Bearer ./);
  // The bookmark of a reply: the sample begins again.
  await page.goto(`${APP}/callback?code=old&state=old`);
  await at(page, `${AS}/authorize`);
  assert.deepEqual(complaints, ['oauth2-wasm: handle_redirect: wrong state, sign in again undefined']);
});

test('E44 js/README: with OpenID Connect', async (t) => {
  const { page, logs, complaints } = await world(t, { '/': await bundle(sample('js/README.md', 'together the one name of a user')) });
  await page.goto(`${APP}/`);
  await at(page, `${AS}/authorize`);
  await decide(page, 'approve');
  await said(logs, `${AS} `);
  assert.deepEqual(complaints, []);
});

for (const [file, mark, path] of [['js/README.md', 'dpop: true, // tokens are bound', '/payments']]) {
  test(`E44 ${file}: with bound tokens, and a stronger sign-in where the resource wants one`, async (t) => {
    const api = ({ method }) =>
      method() === 'OPTIONS'
        ? {}
        : { status: 401, headers: { 'www-authenticate': 'DPoP error="insufficient_user_authentication", acr_values="urn:a", max_age="5"' }, body: '{}' };
    const { page, requests, complaints } = await world(t, { '/': await bundle(sample(file, mark)) }, (request) => api({ method: () => request.method() }));
    await page.goto(`${APP}/`);
    await at(page, `${AS}/authorize`);
    await decide(page, 'approve');
    await until(() => requests.some((request) => request.url() === API + path && request.method() === 'POST'), 'the request to the API');
    const asked = requests.find((request) => request.url() === API + path && request.method() === 'POST');
    assert.match(asked.headers().authorization, /^DPoP ./);
    assert.ok(asked.headers().dpop);
    await at(page, `${AS}/authorize`);
    assert.deepEqual(
      complaints.filter((text) => !text.includes('401')),
      [],
    );
  });
}

test('E44 js/README: on a television', async (t) => {
  const { page, context, complaints, count } = await world(t, { '/': await bundle(sample('js/README.md', "client_id: 'tv'")) });
  await page.goto(`${APP}/`);
  await page.waitForFunction(() => /: .{4,}/.test(document.querySelector('#code').textContent) && document.querySelector('#qr svg'));
  const [, uri, code] = /^(\S+): (\S+)/.exec(await page.textContent('#code'));
  assert.equal(uri, `${AS}/device`);
  const phone = await context.newPage();
  await phone.goto(`${uri}?user_code=${encodeURIComponent(code)}`);
  await decide(phone, 'approve');
  await phone.getByTestId('device-result').waitFor();
  await until(() => count('/token') > 0, 'a poll');
  // The browser reports a poll that comes too early as an error, because the server answers it with
  // one.
  assert.deepEqual(
    complaints.filter((text) => !text.includes('400')),
    [],
  );
});

test('E44 js/README: in a popup, and the page that it comes back to', async (t) => {
  const scripts = { '/': await bundle(sample('js/README.md', 'signInPopup(client)')), '/callback': await bundle(sample('js/README.md', 'finishPopup())')) };
  const { page, context, complaints, count } = await world(t, scripts);
  await page.goto(`${APP}/`);
  await page.waitForFunction(() => document.querySelector('button').onclick);
  const [popup] = await Promise.all([context.waitForEvent('page'), page.click('button')]);
  await at(popup, `${AS}/authorize`);
  await decide(popup, 'approve');
  await page.waitForFunction(() => document.body.textContent.includes('signed in'));
  await until(() => popup.isClosed(), 'the popup is closed');
  assert.equal(count('/token'), 1);
  // A page for which nobody waits says so.
  await page.goto(`${APP}/callback?code=c&state=s`);
  await page.waitForFunction(() => document.body.textContent.includes('close this window'));
  assert.deepEqual(complaints, []);
});

test('E41 E44 js/README: a reply in another tab than the one that began', async (t) => {
  const { page, context, complaints, count } = await world(t, { '/': await bundle(sample('js/README.md', 'pendingStore: insecure')) });
  await page.goto(`${APP}/inside`);
  await at(page, `${AS}/authorize`);
  // The server's page in that tab stays open; the link opens another.
  const link = page.url();
  const tab = await context.newPage();
  await tab.goto(link);
  await decide(tab, 'approve');
  await tab.waitForFunction(() => document.body.textContent.includes('signed in, back to /inside'));
  assert.equal(tab.url(), `${APP}/callback`);
  assert.equal(count('/token'), 1);
  assert.deepEqual(complaints, []);
});

for (const [file, mark] of [
  ['README.md', 'this page, as registered'],
  ['web/docs/guides/page.md', "scope: 'openid notes'"],
]) {
  test(`E44 D46 ${file}: in a page`, async (t) => {
    const { page, logs, complaints, requests, count } = await world(t, { '/': await bundle(sample(file, mark)) });
    await page.goto(`${APP}/`);
    await at(page, `${AS}/authorize`);
    await decide(page, 'approve');
    await said(logs, 'alice');
    assert.equal(page.url(), `${APP}/`);
    assert.equal(count('/token'), 1);
    assert.equal(requests.at(-1).url(), `${API}/v1/notes`);
    assert.deepEqual(complaints, []);
  });
}

for (const [file, mark, text] of [
  ['README.md', 'RequireAuth><Hello', 'Hello alice'],
  ['web/docs/guides/frameworks.md', 'RequireAuth pending', 'Sign out alice'],
]) {
  test(`E44 D46 ${file}: in React`, async (t) => {
    const program = `${sample(file, mark)}
import { createRoot } from 'react-dom/client';
createRoot(document.querySelector('main')!).render(<App />);`;
    const script = await bundle(program, 'tsx', { conditions: ['browser'], define: { 'process.env.NODE_ENV': '"development"' } });
    const { page, complaints, count } = await world(t, { '/': script });
    await page.goto(`${APP}/`);
    await at(page, `${AS}/authorize`);
    await decide(page, 'approve');
    await page.waitForFunction((text) => document.querySelector('main')?.textContent.includes(text), text);
    assert.equal(count('/token'), 1);
    assert.deepEqual(complaints, []);
  });
}

test('E44 D46 web/docs/errors.md: who is not signed in is sent to sign in', async (t) => {
  const { page, complaints } = await world(t, { '/': await bundle(sample('web/docs/errors.md', 'error.begin_again')) });
  await page.goto(`${APP}/`);
  await at(page, `${AS}/authorize`);
  assert.deepEqual(complaints, []);
});

test('E44 web/docs/presets.md, in Node', async (t) => {
  const answers = {
    'https://github.com/login/oauth/access_token': { access_token: 'T', token_type: 'bearer', scope: 'user:email' },
    'https://api.github.com/user': { id: 583231, login: 'octocat', email: null },
    'https://api.github.com/user/emails': [{ email: 'octocat@github.com', primary: true, verified: true }],
    'https://dev-1.okta.com/.well-known/openid-configuration': {
      issuer: 'https://dev-1.okta.com',
      authorization_endpoint: 'https://dev-1.okta.com/oauth2/v1/authorize',
      token_endpoint: 'https://dev-1.okta.com/oauth2/v1/token',
      jwks_uri: 'https://dev-1.okta.com/oauth2/v1/keys',
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256'],
    },
  };
  const usual = globalThis.fetch;
  globalThis.fetch = async (input) => {
    const url = String(input?.url ?? input);
    return answers[url] ? Response.json(answers[url]) : assert.fail(url);
  };
  const { log } = console;
  const logs = [];
  console.log = (text) => logs.push(text);
  t.after(() => Object.assign(globalThis, { fetch: usual }) && (console.log = log));
  const file = join(installed(), `sample-${process.pid}.mjs`);
  writeFileSync(file, await bundle(sample('web/docs/presets.md', 'oauth2-wasm/presets'), 'ts', { platform: 'node', packages: 'external' }));
  const { begin, finish } = await import(pathToFileURL(file).href);
  const asked = new URL(await begin());
  assert.equal(asked.origin, 'https://github.com');
  const user = await finish(`https://app.example/callback?code=c&state=${asked.searchParams.get('state')}`);
  assert.deepEqual(user, { issuer: 'https://github.com/login/oauth', id: '583231', email: 'octocat@github.com', email_verified: true });
  assert.match(logs[0], /^https:\/\/dev-1\.okta\.com\//);
});

/**
 * An application on loopback for samples with workers, which no route of a test reaches: their
 * hosts stand for those of the servers.
 */
const onLoopback = async (t, make) => {
  const [api, extra] = [await provider(), {}];
  api.answers['/payments'] = () => ({ body: { paid: true } });
  const options = { extra, types: { '': 'text/html; charset=utf-8' } };
  const [site, vault] = [await serve(installed(), options), await serve(installed(), options)];
  const as = await authserver('-scope', 'payments', `${site.url}/callback`);
  const here = (text) => text.replaceAll('https://auth.app.example', vault.url).replaceAll(APP, site.url).replaceAll(AS, as.issuer).replaceAll(API, api.url);
  const body = '<!doctype html><link rel="icon" href="data:,"><title>app</title><main></main><button>Sign in</button>';
  const scripts = await make(here);
  for (const [path, text] of Object.entries(scripts)) extra[path] = text;
  extra['/oauth2.wasm'] = wasm;
  extra['/vault.html'] = '<!doctype html><script type="module" src="/vault-frame.js"></script>';
  for (const path of ['/callback', '/inside']) extra[path] = `${body}<script type="module" src="/app.js"></script>`;
  const context = await browser.newContext();
  t.after(async () => {
    await context.close();
    await as.stop();
    for (const one of [site, vault, api]) one.stop();
  });
  const logs = [];
  context.on('console', (message) => logs.push(message.text()));
  return { page: await context.newPage(), context, logs, url: site.url, as, api };
};

for (const kind of ['worker', 'frame']) {
  test(`E44 P10 js/README: a vault in a ${kind}`, async (t) => {
    const page = sample('js/README.md', "openClient({ worker: '/auth-worker.js' });\nconst { status }");
    const script = sample('js/README.md', kind === 'worker' ? '// auth-worker.js' : '// for https://auth.app.example');
    const {
      page: tab,
      logs,
      url,
      as,
      api,
    } = await onLoopback(t, async (here) => ({
      '/auth-worker.js': await bundle(here(script)),
      '/vault-frame.js': await bundle(here(script)),
      '/app.js': await bundle(here(kind === 'worker' ? page : page.replace("worker: '/auth-worker.js'", "frame: 'https://auth.app.example/vault.html'"))),
    }));
    await tab.goto(`${url}/inside`);
    await at(tab, `${as.issuer}/authorize`);
    await decide(tab, 'approve');
    await said(logs, ' 200');
    assert.equal(tab.url(), `${url}/callback`);
    await tab.reload();
    await until(() => logs.filter((line) => line.endsWith(' 200')).length === 2, 'signed in after a reload');
    assert.match(api.requests.at(-1).headers.authorization, /^Bearer ./);
  });
}

test('E44 P30 js/README: signed in again without a question', async (t) => {
  const {
    page: tab,
    logs,
    url,
    as,
  } = await onLoopback(t, async (here) => ({ '/app.js': await bundle(here(sample('js/README.md', 'restoreSilently(client)'))) }));
  await tab.goto(`${url}/inside`);
  await said(logs, 'not_authenticated');
  await tab.click('button');
  await at(tab, `${as.issuer}/authorize`);
  await decide(tab, 'approve');
  await said(logs, 'granted');
  await tab.goto(`${url}/inside`);
  await until(() => logs.filter((line) => line === 'granted').length === 2, 'signed in again');
});

test('E44 P33 js/README: signed out who is gone', async (t) => {
  const script = sample('js/README.md', 'watchIdle(client').replace('15 * 60_000', '6_000').replace('warning_ms: 60_000', 'warning_ms: 4_000');
  const more = `\nif (!(await client.handleRedirect()) && location.pathname === '/callback') await client.signIn();`;
  const {
    page: tab,
    as,
    url,
  } = await onLoopback(t, async (here) => ({
    '/auth-worker.js': await bundle(here(sample('js/README.md', '// auth-worker.js'))),
    '/app.js': await bundle(here(script + more)),
  }));
  await tab.goto(`${url}/callback`);
  await at(tab, `${as.issuer}/authorize`);
  await decide(tab, 'approve');
  await tab.waitForFunction(() => document.querySelector('main').textContent.startsWith('Signed out in'));
  await tab.waitForFunction(() => document.querySelector('main').textContent === '');
});

/** Runs a sample in Node, with its declared names as globals. */
const inNode = async (t, text, globals) => {
  Object.assign(globalThis, globals);
  t.after(() => Object.keys(globals).forEach((name) => delete globalThis[name]));
  const file = join(installed(), `sample-${process.pid}-${Object.keys(globals).join('-')}.mjs`);
  writeFileSync(file, await bundle(text, 'ts', { platform: 'node', packages: 'external' }));
  return import(pathToFileURL(file).href);
};
const SEAL_KEYS = 'k1:' + randomBytes(32).toString('base64url');

test('E44 B14 js/README: sessions of many users on Redis', async (t) => {
  const farm = await servers();
  const redis = createClient({ socket: await farm.start('redis') });
  redis.on('error', () => {}); // the operation reports it, too
  await redis.connect();
  t.after(async () => (redis.destroy(), await farm.stop()));
  const { clientOf } = await inNode(t, sample('js/README.md', 'redisLocks(redis) };'), { redis, SEAL_KEYS });
  const token = { access_token: 'THE-TOKEN', token_type: 'Bearer', expires_in: 3600 };
  await (await clientOf('alice')).setToken(token);
  assert.equal((await (await clientOf('alice')).token()).access_token, 'THE-TOKEN');
  assert.equal((await (await clientOf('bob')).status()).status, 'not_authenticated');
  const kept = await Promise.all((await redis.keys('*')).map(async (key) => key + JSON.stringify(await redis.hGetAll(key).catch(() => redis.get(key)))));
  assert.ok(kept.length > 0);
  assert.ok(!kept.join().includes('THE-TOKEN'), 'sealed');
});

test('E44 B19 js/README: a backend, as an object with fetch, a handler of node:http and route handlers of Next', async (t) => {
  const farm = await servers();
  const redis = createClient({ socket: await farm.start('redis') });
  redis.on('error', () => {});
  await redis.connect();
  t.after(async () => (redis.destroy(), await farm.stop()));
  const { default: backend, GET, handler } = await inNode(t, sample('js/README.md', 'export default backend'), { CLIENT_SECRET: 'a secret', redis, SEAL_KEYS });
  const asked = () => new Request('https://app.example/auth/session', { headers: { 'x-csrf': '1', host: 'app.example' } });
  for (const answer of [await backend.fetch(asked()), await GET(asked())]) {
    assert.equal(answer.status, 401);
    assert.equal((await answer.json()).error, 'not_signed_in');
  }
  const server = createServer(handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => (server.closeAllConnections(), server.close()));
  const [answer] = await once(
    request({ port: server.address().port, path: '/auth/session', headers: { host: 'app.example', 'x-csrf': '1' } }).end(),
    'response',
  );
  assert.equal(answer.statusCode, 401);
  assert.equal(answer.headers['cache-control'], 'no-store');
  answer.resume();
});

test('E44 D46 README: a backend in memory', async (t) => {
  const { default: backend } = await inNode(t, sample('README.md', 'openBackend('), { CLIENT_SECRET: 'a secret', SEAL_KEYS });
  const answer = await backend.fetch(new Request('https://app.example/auth/session', { headers: { 'x-csrf': '1' } }));
  assert.equal(answer.status, 401);
  assert.equal((await answer.json()).error, 'not_signed_in');
});

for (const [file, mark] of [
  ['README.md', 'new Guard('],
  ['web/docs/guides/resource.md', 'new Guard('],
]) {
  test(`E44 D46 ${file}: an API`, async (t) => {
    const { notes } = await inNode(t, sample(file, mark), { [`guard${file.length}`]: 1 });
    const answer = await notes(new Request('https://api.example/notes'));
    assert.equal(answer.status, 401);
    assert.match(answer.headers.get('www-authenticate'), /^(Bearer|DPoP) /);
  });
}

test('E44 D46 js/README: a session in files', async (t) => {
  const home = mkdtempSync(join(tmpdir(), 'sample-'));
  mkdirSync(join(home, '.config'));
  const { log } = console;
  const lines = [];
  t.after(() => ((console.log = log), rmSync(home, { recursive: true, force: true })));
  // Another process has signed in.
  const seed = `import { openClient } from 'oauth2-wasm';
import { openFiles } from 'oauth2-wasm/files';
const client = await openClient({ client_id: 'my-tool', issuer: 'https://as.example', discovery: true }, await openFiles(home + '/.config/my-tool'));
await client.setToken({ access_token: 'THE-TOKEN', token_type: 'Bearer', expires_in: 3600 });
client.close();
`;
  await inNode(t, seed, { home });
  console.log = (line) => lines.push(line);
  await inNode(t, sample('js/README.md', 'openFiles('), { home, again: 1 });
  console.log = log;
  assert.deepEqual(lines, ['THE-TOKEN']);
});

test('E44 B14 js/README: a session on PostgreSQL', async (t) => {
  const farm = await servers();
  const pool = new pg.Pool({ ...(await farm.start('postgres')), user: 'postgres', database: 'postgres' });
  pool.on('error', () => {});
  t.after(async () => (await pool.end(), await farm.stop()));
  const text = `${sample('js/README.md', 'createPostgresTables(pool)')}export { client };\n`;
  const { client } = await inNode(t, text, { pool, SEAL_KEYS });
  assert.equal((await client.setToken({ access_token: 'a', token_type: 'Bearer' })).not_persisted, false);
});

test('E44 P60 js/README: clients for tests', async (t) => {
  const { log } = console;
  const lines = [];
  console.log = (...line) => lines.push(line.map((part) => (typeof part === 'string' ? part : JSON.stringify(part))).join(' '));
  t.after(() => (console.log = log));
  await inNode(t, sample('js/README.md', 'oauth2-wasm/testing'), {});
  console.log = log;
  assert.deepEqual(lines, ['true Bob {"me":"bob"}', 'timeout', 'granted']);
});

/** The sample as the body of a function, its imports before it. */
const wrapped = (text) => {
  const imports = text.match(/^import .*$/gm).join('\n');
  return `${imports}\nexport const run = async () => {\n${text.replace(/^import .*$/gm, '')}\n};`;
};

const react = (effect) => `
import { StrictMode, useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';

const App = () => {
  ${effect}
};
createRoot(document.querySelector('main')).render(<StrictMode><App /></StrictMode>);`;

test('E45 under StrictMode the effect runs the first sample twice: one token request, and no complaint', async (t) => {
  const component = react(`
  useEffect(() => {
    console.log('effect');
    void run();
  }, []);
  return <p>app</p>;`);
  const script = await bundle(wrapped(sample('js/README.md', 'request_failed')) + component, 'tsx', {
    conditions: ['browser'],
    define: { 'process.env.NODE_ENV': '"development"' },
  });
  const { page, logs, complaints, count } = await world(t, { '/': script });
  await page.goto(`${APP}/`);
  await at(page, `${AS}/authorize`);
  await decide(page, 'approve');
  await until(() => logs.filter((line) => line.includes('alice')).length === 2, 'both have asked the API');
  assert.equal(page.url(), `${APP}/callback`);
  assert.equal(count('/token'), 1);
  assert.equal(logs.filter((line) => line === 'effect').length, 4, 'twice a load');
  assert.deepEqual(complaints, []);
});

test('E45 under StrictMode a component that closes its client is signed in by the one that lives', async (t) => {
  const component = `
import { openClient } from 'oauth2-wasm';
${react(`
  const [user, setUser] = useState('nobody');
  useEffect(() => {
    let client;
    let over = false;
    const begin = async () => {
      client = await openClient({
        client_id: 'app', issuer: '${AS}', discovery: true, redirect_uri: '${APP}/callback', scope: 'openid profile', token_destinations: ['${API}/'],
      });
      if (over) return client.close();
      const { claims } = (await client.handleRedirect()) ?? (await client.status());
      if (over) return;
      if (!claims) return client.signIn();
      const response = await client.fetch('${API}/v1/me');
      setUser(claims.sub + ' ' + (await response.json()).me);
    };
    begin().catch((error) => over || console.error(error.message));
    return () => {
      over = true;
      client?.close();
    };
  }, []);
  return <p id="user">{user}</p>;`)}`;
  const script = await bundle(component, 'tsx', { conditions: ['browser'], define: { 'process.env.NODE_ENV': '"development"' } });
  const { page, complaints, count } = await world(t, { '/': script });
  await page.goto(`${APP}/`);
  await at(page, `${AS}/authorize`);
  await decide(page, 'approve');
  await page.waitForFunction(() => / alice$/.test(document.querySelector('#user')?.textContent));
  assert.equal(page.url(), `${APP}/callback`);
  assert.equal(count('/token'), 1);
  assert.deepEqual(complaints, []);
});

// angular.test.mjs runs them in applications.
for (const [file, mark] of [
  ['js/README.md', 'HttpInterceptorFn'],
  ['web/docs/guides/frameworks.md', 'bySession'],
])
  sample(file, mark);

test('E44 D46 every sample of the READMEs and of the documentation was run', () => {
  assert.deepEqual(
    samples.filter(({ tested }) => !tested).map(({ file, text }) => `${file}: ${text.slice(0, 80)}`),
    [],
  );
});
