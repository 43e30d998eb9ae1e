import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { installed, root } from '../../test/lib/installed.mjs';
import { bundled } from '../lib/beside.mjs';
import { figure } from '../lib/figures.mjs';
import { goBuild } from '../lib/go.mjs';
import { sizes } from '../lib/sizes.mjs';
import { atMost } from '../lib/table.mjs';

export const title = 'Transfer size';
export const how =
  'Ours: every file that a page using every feature loads, each by itself, as it is served. The others: the whole package (every export) as one minified esbuild bundle. ' +
  'Raw, gzip -9, brotli -q 11.';

const ours = {
  'oauth2.wasm': 'the module',
  'index.js': 'the shim, with the loader in it',
  'popup.js': 'sign-in in a popup',
  'indexeddb.js': 'a store that all tabs share',
};
const extra = { 'qr.js': 'user codes as QR codes', 'presets.js': 'all provider presets, of which a bundler keeps what is imported' };

const packages = {
  oauth4webapi:
    'code, device, CIBA and other grants, PAR, JAR, JARM, DPoP, introspection, registration, discovery, ID tokens. No session, refresh, store, popup: the ' +
    "application's work.",
  'openid-client': 'as oauth4webapi, on which it stands, with flows put together. No session, refresh or store.',
  'oidc-client-ts': 'code flow, sessions, stores, refresh, popup, silent renew, logout, DPoP. ID tokens are read and not verified; no device flow, PAR, JAR.',
  '@auth0/auth0-spa-js':
    "code flow with Auth0, sessions, stores, refresh in a worker, popup, passkeys and more of Auth0's own, DPoP. No other provider, no device flow.",
  '@azure/msal-browser': 'code flow with Microsoft, sessions, accounts, stores, refresh, popup, brokers, telemetry. No device flow.',
  '@axa-fr/oidc-client': 'code flow, sessions, refresh, silent renew, DPoP; without its service worker, which is a file more.',
  arctic: 'endpoints of some sixty providers, URL, code, refresh, revocation. Nothing is stored or verified.',
};
const doesOurs =
  'Code and device flow, sessions, stores, locks among tabs, refresh, popup, discovery, verified ID tokens, PAR, JAR, JARM, DPoP, assertions, logout, token exchange, registration, resources.';

/** Go's file that runs its modules. */
const goLoader = () => {
  const home = execFileSync('go', ['env', 'GOROOT'], { encoding: 'utf8' }).trim();
  return readFileSync(join(home, 'lib/wasm/wasm_exec.js'));
};

export const run = async () => {
  const dist = join(installed(), 'node_modules/oauth2-wasm/dist');
  const rows = [];
  const own = Object.keys(ours).map((name) => [name, sizes(readFileSync(join(dist, name)))]);
  const sum = (list) => Object.fromEntries(['raw', 'gzip', 'brotli'].map((kind) => [kind, list.reduce((n, [, size]) => n + size[kind], 0)]));
  rows.push(['oauth2-wasm', sum(own), doesOurs]);
  for (const [name, size] of own) rows.push([`  ${name}`, size, ours[name], true]);
  for (const [name, does] of Object.entries(extra)) rows.push([`  besides, ${name}`, sizes(readFileSync(join(dist, name))), does, true]);
  for (const [name, does] of Object.entries(packages)) {
    const code = await bundled({ stdin: { contents: `export * from '${name}'`, resolveDir: join(root, 'js/bench') } });
    rows.push([name, sizes(code), does]);
  }
  const program = goBuild('js/bench/xoauth2', 'xoauth2.wasm', { small: true, env: { GOOS: 'js', GOARCH: 'wasm' } });
  const weighed = [
    ['', sizes(readFileSync(program))],
    ['', sizes(await bundled({ stdin: { contents: goLoader().toString() } }))],
  ];
  rows.push(['golang.org/x/oauth2, GOOS=js', sum(weighed), "the same in standard Go, with Go's wasm_exec.js: URL with PKCE and exchange of the code, no more"]);

  const figures = ['brotli', 'gzip', 'raw'].flatMap((kind) =>
    rows.map(([name, size, does, part]) =>
      figure(kind === 'raw' ? kind : `${kind} (${{ gzip: '-9', brotli: '-q 11' }[kind]})`, name, 'bytes', size[kind], { does, better: 'less', floor: part }),
    ),
  );
  const whole = figures.find((f) => f.group.startsWith('brotli') && f.contender === 'oauth2-wasm');
  return {
    figures,
    aims: [atMost('a page, with module, shim and bindings: at most 42,000 bytes brotli', whole, 42_000)],
  };
};
