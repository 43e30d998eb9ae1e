// How a measured cost grows with the size of an input: the slope of a line through logarithms, and
// a verdict.
import assert from 'node:assert/strict';

/**
 * The exponent of growth: 1 if the cost is linear in the size, 2 if it is quadratic. The cost of
 * the smallest input is the control: it is subtracted from all others, and points that hardly
 * differ from it are ignored. Undefined if nothing grows by more than `floor`, which nobody would
 * notice, or if the maximum is not at the end.
 *
 * @param {[size: number, cost: number][]} points in the order of their sizes
 * @param {number} floor
 */
export const exponent = ([[, control], ...points], floor) => {
  const above = points.map(([size, cost]) => [size, cost - control]);
  const most = Math.max(...above.map(([, cost]) => cost));
  if (most < floor || above.at(-1)[1] < most / 2) return undefined; // a peak before the end comes from the machine
  const telling = above.filter(([, cost]) => cost > most / 50).map((point) => point.map(Math.log2));
  if (telling.length < 3) return Infinity; // almost nothing, and then suddenly very much
  const mean = [0, 1].map((at) => telling.reduce((sum, point) => sum + point[at], 0) / telling.length);
  const [by, of] = telling.reduce(([by, of], [x, y]) => [by + (x - mean[0]) * (y - mean[1]), of + (x - mean[0]) ** 2], [0, 0]);
  return by / of;
};

/**
 * Between 1 (linear) and 2 (quadratic), so that a busy machine does not cross it from either side.
 */
const STEEP = 1.6;

/**
 * Costs that nobody would notice. The module's own count of its work (others: of sessions that
 * share the instance) is exact, and so is the memory of an instance (heap, bytes). CPU and waiting
 * in ms and the memory of a process in bytes are not: a wait also includes the machine's load, so
 * only a long one counts.
 */
export const floors = { work: 4e6, 'work of others': 4e6, time: 50, wait: 1000, heap: 8 << 20, memory: 32 << 20 };

/**
 * Measures all sizes in turn, so that other load of the machine affects all of them, and takes the
 * minimum of each over the rounds: load only ever adds.
 *
 * @param {{sizes: number[], rounds: number, run: (size: number) => Promise<Record<string,
 * number>>}} given `run` returns costs under the names of `floors`
 * @param {Map<string, Map<number, number>>} [least] of earlier rounds
 * @returns {Promise<Map<string, Map<number, number>>>} the least cost of each size, by name
 */
export const measure = async ({ sizes, rounds, run }, least = new Map()) => {
  for (let round = 0; round < rounds; round += 1) {
    for (const size of sizes) {
      for (const [of, cost] of Object.entries(await run(size))) {
        const points = least.get(of) ?? least.set(of, new Map()).get(of);
        points.set(size, Math.min(points.get(size) ?? Infinity, cost));
      }
    }
  }
  return least;
};

/** The costs that grow more than linearly, in words; empty if there are none. */
export const steep = (measured) =>
  [...measured].flatMap(([of, costs]) => {
    const points = [...costs];
    const found = exponent(points, floors[of]);
    return found > STEEP
      ? [`${of} grows with the size to the power of ${found.toFixed(2)}: ${points.map(([size, cost]) => `${size}: ${Math.round(cost)}`).join(', ')}`]
      : [];
  });

/** Sizes that double, up to the most. */
export const doubled = (most) => [most / 16, most / 8, most / 4, most / 2, most].map(Math.floor);

/** What took so many ms is measured once more; what took less, up to AGAIN times. */
const LONG = 3000;
const AGAIN = 6;

/**
 * Measures all inputs, and goes on with those that look steep, because the machine may have been
 * busy. Asserts that none is steep in the end, and reports all that are.
 *
 * @param {Record<string, {sizes: number[], run: (size: number) => Promise<Record<string,
 * number>>}>} inputs
 * @param {number} rounds
 */
export const assertLinear = async (inputs, rounds) => {
  const found = [];
  for (const [name, input] of Object.entries(inputs)) {
    const began = performance.now();
    const least = await measure({ ...input, rounds });
    const short = performance.now() - began < LONG;
    for (let tries = short ? AGAIN : 1; steep(least).length && tries > 0; tries -= 1) await measure({ ...input, rounds: short ? 2 * rounds + 1 : 1 }, least);
    found.push(...steep(least).map((said) => `${name}: ${said}`));
  }
  assert.deepEqual(found, []);
};
