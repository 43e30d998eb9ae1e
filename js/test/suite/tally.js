/**
 * Runs a suite.
 *
 * @template {{name: string}} T
 * @param {T[]} cases
 * @param {(test: T) => Promise<void>} run throws if the case fails
 * @returns {Promise<{passed: number, total: number, failures: string[]}>}
 */
export const tally = async (cases, run) => {
  const failures = [];
  for (const test of cases) {
    try {
      await run(test);
    } catch (error) {
      failures.push(`${test.name}: ${error?.message ?? error}`);
    }
  }
  return { passed: cases.length - failures.length, total: cases.length, failures };
};
