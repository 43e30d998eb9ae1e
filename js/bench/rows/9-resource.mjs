import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beside } from '../lib/beside.mjs';
import { figure, inTurn } from '../lib/figures.mjs';
import { goBench, perSecond } from '../lib/go.mjs';
import { atLeast } from '../lib/table.mjs';

export const title = 'The check at the resource';
export const how =
  'JWT access tokens (RFC 9068) of one key, the key set fetched before: from the request to the verdict, one after the other. We verify the signature of a token once a minute, so there is a row ' +
  'for tokens in a turn that is too long for that, and one for two tokens in turn; for the others these are the same. DPoP: a bound token that comes again, each request with a new proof. ' +
  'Once by the clock, and once by the processor time of the process, all threads together. What each does besides differs, see below.';

const sights = { first: 'a token seen for the first time', again: 'a token seen before' };
const does = {
  first: 'Guard.Check: all of RFC 9068 section 4 and the scope; the claims as a struct.',
  again: 'The same, but the signature was verified up to a minute before.',
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

const ways = [
  ['a second', 'check', 'ns/op'],
  ['a second of CPU', 'cpu', 'cpu-ns/op'],
];

export const run = async (context) => {
  const { contenders, seen } = await inNode(context);
  const go = goBench('wasm', '^BenchmarkResource$/.*/.*(first|again|go-oidc|signature|native|wazero)$', context.rounds, '100ms');
  const figures = [];
  const aims = [];
  for (const [unit, inJS, inGo] of ways) {
    for (const { name, group, contender, does: what } of contenders) {
      figures.push(figure(`Node: ${group}, ${unit}`, contender, unit, seen[name][inJS], { does: what }));
    }
    for (const alg of ['RS256', 'ES256']) {
      const group = (place) => `${place}: ${alg}, ${unit}`;
      for (const place of ['native', 'wazero']) {
        const speed = (who) => perSecond(go[`Resource/${alg}/${who}`][inGo]);
        for (const [sight, says] of Object.entries(sights)) {
          figures.push(figure(group(`Go, ${place}`), `oauth2-wasm, ${says}`, unit, speed(`${place}_${sight}`), { does: does[sight] }));
        }
        figures.push(figure(group(`Go, ${place}`), 'coreos/go-oidc', unit, speed('go-oidc'), { does: does['go-oidc'] }));
        figures.push(figure(group(`Go, ${place}`), 'signature', unit, speed('signature'), { does: does.signature, floor: true }));
      }
      for (const says of Object.values(sights)) {
        for (const [place, peer, least] of [
          ['Node', 'oauth4webapi', 1],
          ['Go, native', 'coreos/go-oidc', 1],
          ['Go, wazero', 'coreos/go-oidc', 0.5],
        ]) {
          // The first of a group that is ours counts.
          const own = figures.filter((f) => f.contender === peer || f.contender === `oauth2-wasm, ${says}`);
          aims.push(atLeast(`${group(place)}, ${says}: ${least === 1 ? 'even with' : 'half of'} ${peer}`, own, group(place), peer, least));
        }
      }
    }
    for (const place of ['native', 'wazero']) {
      figures.push(
        figure(`Go, ${place}: ES256 DPoP, ${unit}`, 'oauth2-wasm, a token seen before', unit, perSecond(go[`Resource/dpop/${place}`][inGo]), {
          does: 'A new proof each time: one signature, and a record in memory.',
        }),
      );
    }
  }
  return { figures, aims };
};
