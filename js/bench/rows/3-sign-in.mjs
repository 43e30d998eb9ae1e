import { figure } from '../lib/figures.mjs';
import { goBench, perSecond } from '../lib/go.mjs';
import { places } from '../lib/places.mjs';
import { atLeast, atMost } from '../lib/table.mjs';

export const title = 'Begin and finish an authorization';
export const how =
  'Code flow with PKCE S256 of a public client, without an ID token (row 4). Every request is answered at once from memory, by the same stand-in for fetch or the same ' +
  'RoundTripper. Begin: until the authorization URL is there. Finish: the callback checked, the token request built, its answer parsed and checked.';

const names = { native: 'oauth2-wasm, core as Go code', wazero: 'oauth2-wasm, module on wazero', 'x-oauth2': 'golang.org/x/oauth2' };
const doesOurs =
  'State, verifier, challenge, URL; attempt and tokens are stored, in memory; callback and answer are checked, redirects refused, the tokens stored ' +
  'before they count. ' +
  'One client signs in again and again.';
const doesGo = {
  native: doesOurs,
  wazero: doesOurs,
  'x-oauth2':
    "Verifier, challenge, URL; the state is the caller's to make, keep and check. The answer is read and checked. Nothing is stored. Each calls " +
    'net/http.Client with the same RoundTripper.',
};

const doesProof = 'Makes a proof with the hash of the token (RFC 9449), after it has looked whether the token is still good and meant for this URL.';
const proofs = {
  native: [names.native, doesProof],
  'native-file': [`${names.native}, the key in a file`, doesProof],
  wazero: [names.wazero, doesProof],
  'go-jose': ['go-jose', 'Makes the same proof with a key of its own, in a transport of ten lines. There is no session.'],
  signature: ['the signature (crypto/ecdsa)', 'ES256 of 400 bytes.'],
};

export const run = async (context) => {
  const figures = [];
  for (const [where, { contenders, seen }] of await places('clients/sign-in/index.mjs', context)) {
    for (const what of ['begin', 'finish']) {
      for (const { name, does, floor } of contenders) {
        if (floor && what === 'begin') continue;
        figures.push(figure(`${where}: ${what}`, name, 'a second', seen[name][what], { does, floor }));
      }
    }
  }
  const begin = goBench('wasm', '^BenchmarkBegin$', context.rounds);
  const cycle = goBench('wasm', '^BenchmarkBeginFinish$/(native|wazero|x-oauth2)', context.rounds);
  const other = 'x-oauth2';
  for (const engine of ['native', 'wazero']) {
    const add = (group, name, list) =>
      figures.push(figure(`Go: ${group}, ${engine}`, names[name], 'a second', perSecond(list['ns/op']), { does: doesGo[name] }));
    add('begin', engine, begin[`Begin/${engine}`]);
    add('begin', other, begin[`Begin/${other}`]);
    add('begin and finish', engine, cycle[`BeginFinish/${engine}/same-client`]);
    add('begin and finish', other, cycle[`BeginFinish/${other}`]);
  }
  const good = goBench('wasm', '^BenchmarkGoodToken$', context.rounds);
  const us = (list) => list['ns/op'].map((ns) => ns / 1000);
  const held = [];
  for (const [kind, group] of [
    ['token', 'Go: a token that is still good'],
    ['transport', 'Go: a request with a token that is still good'],
  ]) {
    for (const [name, title] of Object.entries({ ...names, 'wazero-untold': 'module on wazero, a store that tells of no changes', bare: 'without a token' })) {
      const seen = good[`GoodToken/${kind}/${name}`];
      if (seen) held.push(figure(group, title, 'us', us(seen), { better: 'less', floor: name === 'bare' }));
    }
  }
  figures.push(...held);
  const proof = goBench('wasm', '^BenchmarkProof$', context.rounds);
  for (const [name, [title, does]] of Object.entries(proofs)) {
    const group = 'Go: a request with a token bound by DPoP';
    figures.push(figure(group, title, 'us', us(proof[`Proof/${name}`]), { does, better: 'less', floor: name === 'signature' }));
  }
  return {
    figures,
    aims: [
      ...held.filter(({ contender }) => contender === names.wazero).map((f) => atMost(`${f.group}: at most 2 us`, f, 2)),
      atLeast('begin in Node: at least 3 times oauth4webapi', figures, 'Node: begin', 'oauth4webapi', 3),
      atLeast('begin in Node: at least 10 times oidc-client-ts, which also stores its attempts', figures, 'Node: begin', 'oidc-client-ts', 10),
      atLeast('finish in Node: at least 0.65 of oauth4webapi', figures, 'Node: finish', 'oauth4webapi', 0.65),
      atLeast('begin and finish as Go code: at least 0.45 of x/oauth2', figures, 'Go: begin and finish, native', names['x-oauth2'], 0.45),
      atLeast('begin and finish on wazero: at least 0.2 of x/oauth2', figures, 'Go: begin and finish, wazero', names['x-oauth2'], 0.2),
    ],
  };
};
