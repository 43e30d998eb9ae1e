import { figure } from '../lib/figures.mjs';
import { places } from '../lib/places.mjs';
import { atMost } from '../lib/table.mjs';

export const title = 'A request with a token that is still good';
export const how =
  'One signed-in client calls a resource again and again. The resource is a stand-in for fetch, which answers at once from memory. Row 3 has the same in Go.';

/** What ours takes over the floor of its group, by round. */
const over = (figures, group) => {
  const own = figures.filter((f) => f.group === group);
  const [ours, floor] = [own.find((f) => f.contender === 'oauth2-wasm'), own.find((f) => f.floor)];
  return figure(
    group,
    'oauth2-wasm',
    'us',
    ours.rounds.map((n, round) => n - floor.rounds[round]),
    { better: 'less' },
  );
};

export const run = async (context) => {
  const figures = [];
  for (const [where, { contenders, seen }] of await places('clients/request.mjs', context)) {
    for (const { name, group, contender, does, floor } of contenders) {
      figures.push(figure(`${where}: ${group}`, contender, 'us', seen[name].call, { does, floor, better: 'less' }));
    }
  }
  return {
    figures,
    aims: [
      atMost('token in Node: at most 5 us', over(figures, 'Node: The token'), 5),
      atMost('fetch in Node: at most 25 us over the bare one', over(figures, 'Node: Bearer token'), 25),
      atMost('fetch with DPoP in Node: at most 40 us over the bare one and the signature', over(figures, 'Node: Token bound by DPoP'), 40),
    ],
  };
};
