/** The median of several figures. */
export const median = (list) => {
  const sorted = [...list].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

/**
 * How many times as fast (as small, as soon) the first is, for each round: a slow machine slows
 * both in a round.
 */
export const ratio = (first, second, lessIsBetter) => {
  const list = first.map((n, round) => (lessIsBetter ? second[round] / n : n / second[round]));
  return { median: median(list), least: Math.min(...list), most: Math.max(...list) };
};

/** A contender's figure: `rounds` of them, or one that is the same in every round. */
export const figure = (group, contender, unit, rounds, { does, better = 'more', floor = false } = {}) => {
  const list = [rounds].flat();
  return { group, contender, does, unit, better, floor, median: median(list), least: Math.min(...list), most: Math.max(...list), rounds: list };
};

/**
 * Runs contenders in turn, round after round, each round beginning with another one.
 *
 * @param {{name: string}[]} contenders
 * @param {number} rounds the rounds that count; one more comes first, to warm up
 * @param {(contender: object) => Promise<object>} measure measures one contender in one round, and
 * returns figures by name
 * @returns {Promise<Record<string, Record<string, number[]>>>} by contender, by figure
 */
export const inTurn = async (contenders, rounds, measure) => {
  const seen = Object.fromEntries(contenders.map(({ name }) => [name, {}]));
  for (let round = -1; round < rounds; round++) {
    for (let i = 0; i < contenders.length; i++) {
      const contender = contenders[(i + round + 1) % contenders.length];
      const figures = await measure(contender);
      if (round < 0) continue;
      for (const [what, n] of Object.entries(figures)) (seen[contender.name][what] ??= []).push(n);
    }
  }
  return seen;
};
