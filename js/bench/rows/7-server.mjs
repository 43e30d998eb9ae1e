import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { start } from '../../test/lib/process.mjs';
import { figure, inTurn } from '../lib/figures.mjs';
import { goBuild } from '../lib/go.mjs';
import { atLeast } from '../lib/table.mjs';

const execute = promisify(execFile);

export const title = 'Authorization server';
export const how =
  'Requests a second at the token endpoint, everything in memory: a refresh by a public client, with rotation (an access and a refresh token issued, the old one spent), and ' +
  'client credentials in the body. In one process the handlers are called without a socket, on one core; over loopback sixteen connections ask, from a process of their own.';

const ours = 'oauth2-wasm, core/authserver';
const does = {
  [ours]: 'Opaque tokens, of which digests are stored; expired ones are swept. Secrets compared in constant time.',
  'ory/fosite':
    'Opaque tokens with an HMAC, stored by its signature in its MemoryStore, which never forgets (and needs a lock of ours around it, or refreshes at the ' +
    'same time end the process). Secrets compared as ours: its own bcrypt would be all that is measured. Only the two grants are loaded.',
  'npm oidc-provider': 'Opaque tokens in its development store (an LRU cache). One JavaScript process on one core; the Go servers may use all.',
};
const titles = { refresh_token: 'refresh', client_credentials: 'client credentials' };

export const run = async ({ rounds, slice }) => {
  const program = goBuild('js/bench/fosite', 'fosite');
  const figures = [];
  const calls = { [ours]: {}, 'ory/fosite': {} };
  for (let round = 0; round < rounds; round++) {
    const seen = JSON.parse((await execute(program, ['-for', `${slice}ms`])).stdout);
    for (const [contender, name] of [
      [ours, 'authserver'],
      ['ory/fosite', 'fosite'],
    ]) {
      for (const [grant, n] of Object.entries(seen[name])) (calls[contender][grant] ??= []).push(n);
    }
  }
  const ready = /^ready: (\S+)/;
  const servers = [];
  try {
    servers.push(
      { name: ours, ...(await start(program, ['-serve', 'authserver'], ready)) },
      { name: 'ory/fosite', ...(await start(program, ['-serve', 'fosite'], ready)) },
      {
        name: 'npm oidc-provider',
        ...(await start(process.execPath, [fileURLToPath(new URL('../oidc-provider.mjs', import.meta.url))], ready, {
          env: { ...process.env, NODE_ENV: 'production' },
        })),
      },
    );
    const seen = await inTurn(servers, rounds, async ({ match }) => {
      const all = {};
      for (const grant of Object.keys(titles))
        all[grant] = Number((await execute(program, ['-load', match[1], '-grant', grant, '-for', `${2 * slice}ms`])).stdout);
      return all;
    });
    for (const [grant, title] of Object.entries(titles)) {
      for (const name of Object.keys(calls)) figures.push(figure(`${title}, in one process`, name, 'a second', calls[name][grant], { does: does[name] }));
      for (const { name } of servers) figures.push(figure(`${title}, over loopback`, name, 'a second', seen[name][grant], { does: does[name] }));
    }
  } finally {
    await Promise.all(servers.map(({ stop }) => stop()));
  }
  return {
    figures,
    aims: Object.values(titles).map((title) => atLeast(`${title}: at least 3 times fosite`, figures, `${title}, in one process`, 'ory/fosite', 3)),
  };
};
