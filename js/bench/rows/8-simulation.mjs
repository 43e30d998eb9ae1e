import { figure } from '../lib/figures.mjs';
import { goBench } from '../lib/go.mjs';

export const title = 'Simulation';
export const how =
  'core/simulate on one core: parties, an authorization server and a network that fails, all drawn from a seed. A step is an event of a world with every rule looked at after it.';

export const run = async ({ rounds }) => {
  const { Simulate } = goBench('core', '^BenchmarkSimulate$', rounds);
  return { figures: [figure('Steps', 'core/simulate', 'a second', Simulate['steps/s'])], aims: [] };
};
