// An application whose client is in a vault, at the project's authorization server, for any browser
// of drivers.mjs.
import { pages, strictPolicy } from './browser.mjs';
import { authserver } from './process.mjs';
import { provider } from './provider.mjs';
import { serve } from './serve.mjs';

/** The policy of js/README, with a frame. */
const framed = () => {
  const { 'content-security-policy': policy } = strictPolicy();
  return { 'content-security-policy': `${policy}; frame-src http://localhost:* http://127.0.0.1:*` };
};

export const PAGE = '/pages/vault.html';
export const FINISH = '/pages/finish.html';

/** The entry script that an application deploys. The appended part is for tests. */
const entry = (config, options, more) => `
import { serveVault } from '/node_modules/oauth2-wasm/dist/vault-worker.js';
serveVault(${JSON.stringify(config)}, { ...${JSON.stringify(options)} });
// A test ends a vault without notice, as a crash or a browser would.
if (!('registration' in globalThis)) new BroadcastChannel('test').onmessage = ({ data }) => data === 'die' && close();
${more}`;

/** The script of a vault on a separate origin, where it may persist. */
const frame = (config, page) => `
import { serveVault } from '/node_modules/oauth2-wasm/dist/vault-worker.js';
import { insecureIndexedDBStore } from '/node_modules/oauth2-wasm/dist/indexeddb.js';
serveVault(${JSON.stringify(config)}, { pages: [${JSON.stringify(page)}], store: insecureIndexedDBStore() });
`;

/**
 * Serves the page, the entry script and an authorization server on other origins.
 *
 * @param {{config?: object, options?: object, more?: string, flags?: string[], headers?: object,
 * extra?: object}} [given] members of the configuration, options of the vault, more script, flags
 * of the server
 */
export const world = async ({ config = {}, options = {}, more = '', flags = [], headers = {}, extra: others = {} } = {}) => {
  const extra = { ...others };
  const site = await serve(pages(), { headers: { ...framed(), ...headers }, extra });
  const server = await authserver('-interval', '1s', '-grace', '0s', ...flags, site.url + PAGE, site.url + FINISH);
  const { device_authorization_endpoint: _, ...endpoints } = server.config;
  const full = {
    ...endpoints,
    scope: 'openid profile email read',
    jwks_uri: `${server.issuer}/jwks`,
    redirect_uri: site.url + PAGE,
    token_destinations: [`${server.issuer}/userinfo`],
    ...config,
  };
  extra['/auth-worker.js'] = entry(full, options, more);
  return {
    site,
    server,
    config: full,
    extra,
    entry: (config, options = {}, more = '') => entry({ ...full, ...config }, options, more),
    stop: async () => {
      await server.stop();
      site.stop();
    },
  };
};

/**
 * The same with a provider that answers as a test demands, and counts. `entry` makes the text of
 * another entry script; put it into `extra` by its path.
 */
export const small = async ({ headers = {} } = {}) => {
  const extra = {};
  const site = await serve(pages(), { headers: { ...framed(), ...headers }, extra });
  const server = await provider();
  const full = { ...server.config, redirect_uri: site.url + PAGE };
  // The second never answers, because browsers refuse that port.
  full.token_destinations = [...full.token_destinations, 'http://127.0.0.1:1/'];
  const make = (config = {}, options = {}, more = '') => entry({ ...full, ...config }, options, more);
  extra['/auth-worker.js'] = make();
  // Another host, which is another site for the browser.
  const framePage = {
    '/vault.html': '<!doctype html><title>vault</title><script type="module" src="/auth-frame.js"></script>',
    '/auth-frame.js': frame(full, site.url),
  };
  const vault = await serve(pages(), { extra: framePage });
  Object.assign(extra, framePage);
  const frameUrl = `${vault.url.replace('127.0.0.1', 'localhost')}/vault.html`;
  return { site, server, config: full, extra, frameUrl, entry: make, stop: () => (server.stop(), site.stop(), vault.stop()) };
};

export const HOSTILE = '/pages/hostile.html';

/**
 * A provider whose tokens are easy to find again, and the page in which a hostile script runs
 * first, without any policy, so that only the vault protects.
 *
 * @param {object} [peers] files by path, for pages of other clients
 */
export const hostileWorld = async (peers = {}) => {
  const extra = { '/evil-worker.js': '', ...peers };
  const site = await serve(pages(), { extra });
  const server = await provider({ allowed: 'auth0-client' });
  const { answers, url } = server;
  let issued = 0;
  /** The made-up code ends with the nonce of the request. */
  const token =
    (idToken) =>
    ({ headers, body }) => {
      const given = new URLSearchParams(body);
      if (!given.get('code_verifier') && !/^REFRESH-/.test(given.get('refresh_token'))) return { status: 400, body: { error: 'invalid_grant' } };
      const n = ++issued;
      const type = headers.dpop ? 'DPoP' : 'Bearer';
      const nonce = given.get('code')?.split('.')[1];
      return {
        body: {
          access_token: `ACCESS-${n}`,
          token_type: type,
          expires_in: 3600,
          refresh_token: `REFRESH-${n}`,
          id_token: idToken(n, nonce),
          other: `EXTRA-${n}`,
          scope: 'openid read',
        },
      };
    };
  const jwt = (iss) => (_, nonce) => {
    const now = Math.floor(Date.now() / 1000);
    const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
    return `${part({ alg: 'RS256', kid: 'k' })}.${part({ iss, sub: 'alice', aud: 'app', iat: now, exp: now + 3600, nonce })}.c2lnbmF0dXJl`;
  };
  answers['/token'] = token((n) => `IDTOKEN-${n}`);
  answers['/oidc/token'] = token(jwt(`${url}/oidc`));
  answers['/oauth/token'] = token(jwt(`${url}/`)); // where auth0-spa-js looks for it
  answers['/api'] = () => ({ body: { ok: true } });
  answers['/api/away'] = () => ({ status: 302, headers: { location: `${url}/evil` } });
  answers['/oidc/userinfo'] = answers['/userinfo'] = () => ({ body: { sub: 'alice' } });
  answers['/evil'] = () => ({ body: {} });
  const config = {
    ...server.config,
    redirect_uri: site.url + HOSTILE,
    end_session_endpoint: `${url}/end`,
    scope: 'openid read',
    insecure_id_token_unverified: true,
    dpop: true,
  };
  extra['/auth-worker.js'] = entry(config, {}, '');
  const where = {
    apiUrl: `${url}/api`,
    tokenUrl: `${url}/token`,
    evilUrl: url,
    vaultUrl: '/auth-worker.js',
    libraryUrls: ['index', 'vault', 'popup'].map((name) => `/node_modules/oauth2-wasm/dist/${name}.js`),
    clientConfig: config,
  };
  extra['/where.js'] = `Object.assign(window, ${JSON.stringify(where)});`;
  extra['/evil-worker.js'] = `
const f = self.fetch;
self.fetch = async (...a) => { const r = await f(...a); postMessage([String(a[0]), a[1]?.body && String(a[1].body), await r.clone().text()]); return r; };
import('/auth-worker.js').then(() => self.dispatchEvent(new MessageEvent('message', { data: { id: 1, command: 'export' } })), (e) => postMessage(String(e)));
fetch('/auth-worker.js', { headers: { 'x-oauth2-wasm-keeper': '1' } }).catch((e) => postMessage(String(e)));`;
  const verifiers = () => server.requests.flatMap(({ body }) => new URLSearchParams(body).get('code_verifier') ?? []);
  return { site, server, config, extra, verifiers, stop: () => (server.stop(), site.stop()) };
};

/**
 * Lets the hostile script of a page make all its attempts after a sign-in, and returns what it
 * found, by attempt.
 */
export const attacked = async (tab, world) => {
  void tab.evaluate(() => void window.attack().then(() => (window.attacked = true)));
  await tab.until(() => window.attacked);
  await tab.evaluate(() =>
    window.client.logOut().then(
      (ended) => window.see('signs the user out', ended),
      () => {},
    ),
  );
  return tab.evaluate(
    (backwards) => window.found(backwards),
    world.verifiers().map((text) => [...text].reverse().join('')),
  );
};

/** Signs in without a user: the server's reply is made up. */
export const enter = (tab, parameters = {}) =>
  tab.evaluate(async (given) => {
    const { url, state } = await window.client.authorize(given);
    const back = new URL(new URL(url).searchParams.get('redirect_uri'));
    back.search = new URLSearchParams({ code: 'THE-CODE', state });
    return (await window.client.handleRedirect(back.href)).status;
  }, parameters);

/**
 * Loads a page, with the client in `window.client` and its events in `window.told`. `where` is the
 * argument of openClient.
 */
export const openPage = async (tab, url, where = { worker: '/auth-worker.js' }) => {
  if (url) await tab.goto(url);
  await tab.until(() => !!window.openVault);
  return openClient(tab, where);
};

export const openClient = (tab, where = { worker: '/auth-worker.js' }) =>
  tab.evaluate(async (given) => {
    window.told = [];
    window.client = await window.openVault(...[].concat(given));
    for (const type of ['status', 'granted', 'changed', 'restarted', 'request_failed'])
      window.client.addEventListener(type, ({ detail }) => window.told.push([type, detail.change ?? detail.status ?? detail.code]));
    const { status } = await window.client.status();
    return status;
  }, where);

/** The steps of a user at the server: continue, sign in, and decide. */
export const decide = async (tab, decision = 'approve') => {
  for (;;) {
    const steps = ['continue', 'login', 'approve'].map((name) => `[data-testid=${name}]`);
    await tab.until((list) => list.some((s) => document.querySelector(s)), steps);
    const step = await tab.evaluate((list) => list.find((s) => document.querySelector(s)), steps);
    if (step === steps[2]) return tab.click(`[data-testid=${decision}]`);
    if (step === steps[1]) {
      await tab.fill('[name=username]', 'alice');
      await tab.fill('[name=password]', 'alice');
    }
    const mark = `${Math.random()}`;
    await tab.evaluate((m) => void (document.documentElement.dataset.mark = m), mark);
    await tab.click(step);
    await tab.until((m) => document.readyState === 'complete' && document.documentElement.dataset.mark !== m, mark);
  }
};

/** Goes to the server, signs in, and finishes on the page to which it leads. */
export const signIn = async (tab, where) => {
  const { url } = await tab.evaluate(() => window.client.authorize({ app_state: 'page 7' }));
  await tab.goto(url);
  await decide(tab);
  await tab.until(() => location.search.includes('code=') && !!window.openVault);
  await openClient(tab, where);
  return tab.evaluate(async () => {
    const { status, app_state } = await window.client.handleRedirect();
    return { status, app_state, search: location.search };
  });
};
