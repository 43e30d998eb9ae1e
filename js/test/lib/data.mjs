import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './installed.mjs';

const folder = join(root, 'core/contract');

const transcripts = (folder) =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.txt'))
    .sort()
    .map((name) => ({ name: name.slice(0, -4), text: readFileSync(join(folder, name), 'utf8') }));

/** The data of the suites. */
export const suiteData = (server) => ({
  transcripts: transcripts(join(folder, 'client')),
  bff: transcripts(join(folder, 'bff')),
  resource: transcripts(join(folder, 'resource')),
  contract: JSON.parse(readFileSync(join(folder, 'contract.json'), 'utf8')),
  server,
});
