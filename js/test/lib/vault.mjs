// An application whose client is in a vault, at the project's authorization server, for any browser of drivers.mjs.
import { pages, strictPolicy } from './browser.mjs';
import { authserver } from './process.mjs';
import { serve } from './serve.mjs';

export const PAGE = '/pages/vault.html';
export const FINISH = '/pages/finish.html';

/** The entry script that an application deploys. What is appended is for tests. */
const entry = (config, options, more) => `
import { serveVault } from '/node_modules/oauth2-wasm/dist/vault-worker.js';
serveVault(${JSON.stringify(config)}, { ...${JSON.stringify(options)} });
// A test ends a vault as a crash would: a browser ends it without a word.
if (!('registration' in globalThis)) new BroadcastChannel('test').onmessage = ({ data }) => data === 'die' && close();
${more}`;

/**
 * Serves the page, the entry script and an authorization server on other origins.
 *
 * @param {{config?: object, options?: object, more?: string, flags?: string[], headers?: object, extra?: object}} [given] members of the configuration, options of the vault, more script, flags of the server
 */
export const world = async ({ config = {}, options = {}, more = '', flags = [], headers = {}, extra: others = {} } = {}) => {
  const extra = { ...others };
  const site = await serve(pages(), { headers: { ...strictPolicy(), ...headers }, extra });
  const server = await authserver('-interval', '1s', '-grace', '0s', ...flags, site.url + PAGE, site.url + FINISH);
  const { device_authorization_endpoint: _, ...endpoints } = server.config;
  const full = { ...endpoints, scope: 'openid profile email read', jwks_uri: `${server.issuer}/jwks`, redirect_uri: site.url + PAGE, token_destinations: [`${server.issuer}/userinfo`], ...config };
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

/** Loads a page, with the client in `window.client`, and all that it was told in `window.told`. `where` is what openClient is given. */
export const openPage = async (tab, url, where = { worker: '/auth-worker.js' }) => {
  if (url) await tab.goto(url);
  await tab.until(() => !!window.openVault);
  return openClient(tab, where);
};

export const openClient = (tab, where = { worker: '/auth-worker.js' }) =>
  tab.evaluate(async (given) => {
    window.told = [];
    window.client = await window.openVault(given);
    for (const type of ['status', 'granted', 'changed', 'restarted', 'request_failed']) window.client.addEventListener(type, ({ detail }) => window.told.push([type, detail.change ?? detail.status ?? detail.code]));
    const { status } = await window.client.status();
    return status;
  }, where);

/** What a user does at the server: goes on, signs in, and then decides. */
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

/** Goes to the server, signs in, and finishes on the page that it leads to. */
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
