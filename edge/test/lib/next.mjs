// The application of edge/dev/next, built as its users would: installed from its own lock, with
// this tree's package as it is packed.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { application, packed } from '../../../js/test/lib/application.mjs';
import { root } from '../../dev/workerd.mjs';

const source = join(root, 'edge/dev/next');

/**
 * @param {boolean} [example] with the backend.mjs of edge/examples, as the page for Next says
 * @returns {string} the folder, in which `next start` serves
 */
export const nextBuilt = (example = false) => {
  const examples = ['stop.mjs', ...(example ? ['backend.mjs'] : [])].map((name) => join(root, 'edge/examples', name));
  const digest = createHash('sha256').update(packed());
  const used = readdirSync(source, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
  for (const file of [...used, ...examples]) digest.update(file).update(readFileSync(file));
  const of = digest.digest('hex');
  const folder = join(root, 'build/edge-next', example ? 'example' : 'suite');
  const made = join(folder, '.made');
  if (existsSync(made) && readFileSync(made, 'utf8') === of) return folder;
  application(source, folder);
  for (const file of examples) cpSync(file, join(folder, basename(file)));
  const quiet = { cwd: folder, env: { ...process.env, NEXT_TELEMETRY_DISABLED: '1' }, stdio: ['ignore', 'pipe', 'pipe'] };
  execFileSync(process.execPath, [join(folder, 'node_modules/next/dist/bin/next'), 'build'], quiet);
  writeFileSync(made, of);
  return folder;
};
