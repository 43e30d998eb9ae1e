import { figure } from '../lib/figures.mjs';
import { goBench, perSecond } from '../lib/go.mjs';
import { places } from '../lib/places.mjs';

export const title = 'ID token verification';
export const how = 'The same two tokens of one key in turn, the key set fetched before. What each does besides differs, see below.';

const names = { native: 'oauth2-wasm, core as Go code', wazero: 'oauth2-wasm, module on wazero', 'go-oidc': 'coreos/go-oidc', signature: 'signature' };
const doesOurs = 'The command set_token: claims and signature checked, the session with the token stored (in memory), answered with the claims.';
const does = {
  native: doesOurs,
  wazero: doesOurs,
  'go-oidc': 'IDTokenVerifier.Verify: signature, iss, aud, exp, nbf. The caller checks the rest; nothing is kept.',
  signature: 'No client: the JWS read and its signature verified, by go-jose.',
};

export const run = async (context) => {
  const figures = [];
  // Twelve contenders take turns in each place, so shorter slices keep the row short.
  for (const [where, { contenders, seen }] of await places('clients/id-token.mjs', { ...context, slice: context.slice / 2 })) {
    for (const { name, group, contender, does: what, floor } of contenders) {
      figures.push(figure(`${where}: ${group}`, contender, 'a second', seen[name].verify, { does: what, floor }));
    }
  }
  const go = goBench('wasm', '^BenchmarkIDToken$', context.rounds, '100ms');
  for (const alg of ['RS256', 'ES256', 'EdDSA']) {
    for (const who of Object.keys(names)) {
      figures.push(
        figure(`Go: ${alg.replace('EdDSA', 'Ed25519')}`, names[who], 'a second', perSecond(go[`IDToken/${alg}/${who}`]['ns/op']), {
          does: does[who],
          floor: who === 'signature',
        }),
      );
    }
  }
  return { figures, aims: [] };
};
