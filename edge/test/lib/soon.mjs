import { PATIENCE } from '../../../js/test/suite/patience.js';

/** Waits for a promise that has to settle. */
export const soon = (promise, what) => {
  let clock;
  const late = new Promise((_, reject) => (clock = setTimeout(() => reject(new Error(`${what} did not come`)), PATIENCE)));
  return Promise.race([promise, late]).finally(() => clearTimeout(clock));
};
