// The application of edge/dev/next, built as its users would: installed from its own lock, with
// this tree's package as it is packed.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { application, packed } from '../../../js/test/lib/application.mjs';
import { root } from '../../dev/workerd.mjs';

const source = join(root, 'edge/dev/next');

/** @returns {string} the folder, in which `next start` serves */
export const nextBuilt = () => {
  const digest = createHash('sha256').update(packed());
  for (const entry of readdirSync(source, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) digest.update(entry.name).update(readFileSync(join(entry.parentPath ?? entry.path, entry.name)));
  const of = digest.digest('hex');
  const folder = join(root, 'build/edge-next');
  const made = join(folder, '.made');
  if (existsSync(made) && readFileSync(made, 'utf8') === of) return folder;
  application(source, folder);
  const quiet = { cwd: folder, env: { ...process.env, NEXT_TELEMETRY_DISABLED: '1' }, stdio: ['ignore', 'pipe', 'pipe'] };
  execFileSync(process.execPath, [join(folder, 'node_modules/next/dist/bin/next'), 'build'], quiet);
  writeFileSync(made, of);
  return folder;
};
