// How what is measured grows with the size of an input: a line through logarithms, and a verdict.
import assert from 'node:assert/strict';

/**
 * The exponent of growth: 1 of what is linear in the size, 2 of what is quadratic. What the
 * smallest input costs is the control: it is taken off all others, and points that hardly differ
 * from it say nothing. Undefined where nothing grows by more than `floor`, which is what nobody
 * would notice, or the most is not at the end.
 *
 * @param {[size: number, cost: number][]} points in the order of their sizes
 * @param {number} floor
 */
export const exponent = ([[, control], ...points], floor) => {
  const above = points.map(([size, cost]) => [size, cost - control]);
  const most = Math.max(...above.map(([, cost]) => cost));
  if (most < floor || above.at(-1)[1] < most / 2) return undefined; // a peak before the end is the machine's
  const telling = above.filter(([, cost]) => cost > most / 50).map((point) => point.map(Math.log2));
  if (telling.length < 3) return Infinity; // next to nothing, and then at once very much
  const mean = [0, 1].map((at) => telling.reduce((sum, point) => sum + point[at], 0) / telling.length);
  const [by, of] = telling.reduce(([by, of], [x, y]) => [by + (x - mean[0]) * (y - mean[1]), of + (x - mean[0]) ** 2], [0, 0]);
  return by / of;
};

/**
 * Between the 1 of a line and the 2 of a square, so that a busy machine reaches it from neither
 * side.
 */
const STEEP = 1.6;

/**
 * What nobody would notice: CPU (of others: those who share an instance) and waiting in ms, memory
 * in bytes (heap: of an instance, which is exact). Who waits waits for the machine as well, so that
 * only much of it says something.
 */
export const floors = { time: 50, others: 50, wait: 1000, heap: 8 << 20, memory: 32 << 20 };

/**
 * Measures all sizes in turn, so that what else the machine does befalls each, and takes the least
 * of each over the rounds.
 *
 * @param {{sizes: number[], rounds: number, run: (size: number) => Promise<Record<string,
 * number>>}} given `run` gives costs by what of `floors` they are of
 * @returns {Promise<Record<string, [number, number][]>>} points by what they are of
 */
export const measure = async ({ sizes, rounds, run }) => {
  const least = new Map();
  for (let round = 0; round < rounds; round += 1) {
    for (const size of sizes) {
      for (const [of, cost] of Object.entries(await run(size))) {
        const points = least.get(of) ?? least.set(of, new Map()).get(of);
        points.set(size, Math.min(points.get(size) ?? Infinity, cost));
      }
    }
  }
  return Object.fromEntries([...least].map(([of, points]) => [of, [...points]]));
};

/** What grows by more than a line, in words; nothing where all is well. */
export const steep = (measured) =>
  Object.entries(measured).flatMap(([of, points]) => {
    const found = exponent(points, floors[of]);
    return found > STEEP
      ? [`${of} grows with the size to the power of ${found.toFixed(2)}: ${points.map(([size, cost]) => `${size}: ${Math.round(cost)}`).join(', ')}`]
      : [];
  });

/** Sizes that double, up to the most. */
export const doubled = (most) => [most / 16, most / 8, most / 4, most / 2, most].map(Math.floor);

/** What takes so many ms is no accident of the machine's. */
const LONG = 3000;

/**
 * Measures all inputs, those that look steep more often, and asserts that none is; all that are,
 * are told at once.
 *
 * @param {Record<string, {sizes: number[], run: (size: number) => Promise<Record<string,
 * number>>}>} inputs
 * @param {number} rounds
 */
export const assertLinear = async (inputs, rounds) => {
  const found = [];
  for (const [name, input] of Object.entries(inputs)) {
    const began = performance.now();
    let words = steep(await measure({ ...input, rounds }));
    if (words.length && performance.now() - began < LONG) words = steep(await measure({ ...input, rounds: 2 * rounds + 1 }));
    found.push(...words.map((said) => `${name}: ${said}`));
  }
  assert.deepEqual(found, []);
};
