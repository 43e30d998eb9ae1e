import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beside } from '../lib/beside.mjs';
import { figure, inTurn } from '../lib/figures.mjs';
import { goBench, perSecond } from '../lib/go.mjs';
import { atLeast } from '../lib/table.mjs';

export const title = 'The check at the resource';
export const how =
  'JWT access tokens (RFC 9068), two of one key in turn, the key set fetched before: from the request to the verdict, one after the other. DPoP: a bound token, each request with a new proof. ' +
  'What each does besides differs, see below.';

const names = { native: 'oauth2-wasm, core as Go code', wazero: 'oauth2-wasm, module on wazero', 'go-oidc': 'coreos/go-oidc', signature: 'signature' };
const doesOurs = 'Guard.Check: all of RFC 9068 section 4 and the scope; the claims as a struct.';
const does = {
  native: doesOurs,
  wazero: doesOurs,
  'go-oidc': "IDTokenVerifier.Verify, which knows no access tokens: signature, iss, aud, exp, nbf. Type, client, scope are the caller's.",
  signature: 'No check: the JWS read and its signature verified, by go-jose.',
};

const inNode = async ({ rounds, slice }) => {
  const real = globalThis.fetch;
  const { setUp, contenders, measure } = await import(pathToFileURL(join(beside(), 'clients/resource.mjs')).href);
  setUp();
  try {
    const clients = new Map();
    for (const c of contenders) clients.set(c, await c.make());
    return { contenders, seen: await inTurn(contenders, rounds, (c) => measure(clients.get(c), slice)) };
  } finally {
    globalThis.fetch = real;
  }
};

export const run = async (context) => {
  const { contenders, seen } = await inNode(context);
  const figures = contenders.map(({ name, group, contender, does: what }) => figure(`Node: ${group}`, contender, 'a second', seen[name].check, { does: what }));
  const go = goBench('wasm', '^BenchmarkResource$', context.rounds, '100ms');
  const aims = [];
  for (const alg of ['RS256', 'ES256']) {
    aims.push(atLeast(`${alg} in Node: even with oauth4webapi`, figures, `Node: ${alg}`, 'oauth4webapi', 1));
    for (const [group, ours, least] of [
      ['native', 'native', 1],
      ['wazero', 'wazero', 0.5],
    ]) {
      for (const who of [ours, 'go-oidc', 'signature']) {
        const title = `Go, ${group}: ${alg}`;
        figures.push(figure(title, names[who], 'a second', perSecond(go[`Resource/${alg}/${who}`]['ns/op']), { does: does[who], floor: who === 'signature' }));
      }
      aims.push(atLeast(`${alg}, ${group}: ${least === 1 ? 'even with' : 'half of'} go-oidc`, figures, `Go, ${group}: ${alg}`, names['go-oidc'], least));
    }
  }
  for (const who of ['native', 'wazero']) {
    figures.push(
      figure('Go: ES256 DPoP', names[who], 'a second', perSecond(go[`Resource/dpop/${who}`]['ns/op']), { does: 'Two signatures, and a record in memory.' }),
    );
  }
  return { figures, aims };
};
