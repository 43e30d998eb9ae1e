// `make bench-hostile`: the attempts of js/test/hostile.test.mjs (P20), run in Chromium against a
// client without a vault, against the vault, against auth0-spa-js with its worker and against axa's
// service worker, and prints the table of SECURITY.md. It fails if an attempt finds something in
// the vault.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { drivers } from '../test/lib/drivers.mjs';
import { root } from '../test/lib/installed.mjs';
import { attacked, enter, HOSTILE, hostileWorld } from '../test/lib/vault.mjs';
import { bundled } from './lib/beside.mjs';

const file = (name) => new URL(`./node_modules/${name}`, import.meta.url);
const version = (name) => JSON.parse(readFileSync(file(`${name}/package.json`), 'utf8')).version;
const axaWorker = '@axa-fr/oidc-client-service-worker';

/** The page of another client: the hostile script runs first there, too. */
const peer = async (name, worker, more = {}) => ({
  [`/pages/${name}.html`]: `<!doctype html><meta charset="utf-8"><title>hostile</title><script src="/where.js"></script>
<script>window.vaultUrl = ${JSON.stringify(worker.url)}; window.tokenUrl = window.evilUrl + ${JSON.stringify(more.token)}; window.libraryUrls = [];</script>
<script src="hostile.js"></script><script type="module" src="/${name}.js"></script>`,
  [`/${name}.js`]: await bundled({ entryPoints: [new URL(`hostile/${name}.mjs`, import.meta.url).pathname] }),
  [worker.url]: readFileSync(file(worker.file), 'utf8'),
});

const files = {
  ...(await peer('auth0-spa-js', { url: '/auth0-worker.js', file: '@auth0/auth0-spa-js/dist/auth0-spa-js.worker.production.js' }, { token: '/oauth/token' })),
  ...(await peer('axa-oidc-client', { url: '/OidcServiceWorker.js', file: `${axaWorker}/dist/OidcServiceWorker.js` }, { token: '/oidc/token' })),
};
const world = await hostileWorld(files);
// The server and the one API: as narrow as its documentation allows.
files['/OidcTrustedDomains.js'] = world.extra['/OidcTrustedDomains.js'] =
  `const trustedDomains = { default: { oidcDomains: ['${world.server.url}/oidc'], accessTokenDomains: ['${world.server.url}/api'] } };`;
files['/OidcKeepAliveServiceWorker.json'] = world.extra['/OidcKeepAliveServiceWorker.json'] = '{}';

const own = (open) => async (tab) => {
  await tab.goto(world.site.url + HOSTILE);
  await tab.until(() => !!window.openVault);
  await tab.evaluate(open, world.config);
  const status = await enter(tab);
  if (status !== 'granted') throw new Error(status);
  await tab.evaluate(async () => {
    await window.client.fetch(window.apiUrl);
    await window.client.refresh();
    await window.client.userinfo();
    await window.client.status();
  });
};
const other = (name) => async (tab) => {
  await tab.goto(`${world.site.url}/pages/${name}.html`);
  await tab.until(() => !!window.enter);
  await tab.evaluate(() => window.enter());
  const status = await tab.evaluate(() => window.use());
  if (status !== 200) throw new Error(`${name}: the API answered ${status}`);
};

const contenders = [
  {
    name: 'no vault',
    open: own(async (config) => (window.client = await window.oauth.openClient(config, { store: window.oauth.insecureSessionStore() })) && undefined),
  },
  { name: 'vault', open: own(async () => (window.client = await window.openVault({ worker: window.vaultUrl })) && undefined) },
  { name: `auth0-spa-js ${version('@auth0/auth0-spa-js')}, worker`, open: other('auth0-spa-js') },
  { name: `axa oidc-client ${version('@axa-fr/oidc-client')}, service worker`, open: other('axa-oidc-client') },
];

const words = { ACCESS: 'access', REFRESH: 'refresh', IDTOKEN: 'ID', JWT: 'ID', EXTRA: 'members', VERIFIER: 'verifier', CRYPTOKEY: 'key' };
/** DPoP proofs are also JWTs, but not secret; only the peers' ID tokens are. */
const shown = (secrets, ours) => [...new Set(secrets.filter((secret) => !(ours && secret === 'JWT')).map((secret) => words[secret] ?? secret))].sort();

const browser = await drivers.chromium();
const found = [];
try {
  for (const [i, { name, open }] of contenders.entries()) {
    const tab = await browser.open(Symbol('visitor'));
    const before = world.server.requests.length;
    await open(tab);
    const got = await attacked(tab, world);
    const sent = world.server.requests
      .slice(before)
      .filter(({ path, headers, body }) => path.startsWith('/evil') && /ACCESS-|REFRESH-/.test(`${headers.authorization} ${body}`));
    const row = Object.fromEntries(Object.entries(got).map(([attempt, { secrets }]) => [attempt, shown(secrets, i < 2)]));
    if (sent.length) (row['has the token sent elsewhere'] ??= []).push('sent there');
    found.push(row);
    console.error(`${name}: ${Object.values(row).filter((list) => list.length).length} of ${Object.keys(row).length} attempts find something`);
    await tab.close();
  }
} finally {
  await browser.stop();
  world.stop();
}

const attempts = [...new Set(found.flatMap((row) => Object.keys(row)))];
const hits = (row) => attempts.filter((attempt) => row[attempt]?.length).length;
const line = (cells) => `| ${cells.join(' | ')} |`;
const interesting = attempts.filter((attempt) => found.some((row) => row[attempt]?.length));
const table = [
  line(['the script', ...contenders.map(({ name }) => name)]),
  line(['---', ...contenders.map(() => '---')]),
  ...interesting.map((attempt) => line([attempt, ...found.map((row) => row[attempt]?.join(', ') || '')])),
  line([`finds something in, of ${attempts.length} attempts,`, ...found.map(hits)]),
].join('\n');
console.log(table);
mkdirSync(join(root, 'build'), { recursive: true });
writeFileSync(join(root, 'build/hostile.json'), JSON.stringify(Object.fromEntries(contenders.map(({ name }, i) => [name, found[i]])), null, 1) + '\n');
if (hits(found[1])) {
  console.error('the vault gave something away');
  process.exitCode = 1;
}
