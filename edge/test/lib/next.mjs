// The application of edge/dev/next, built as its users would: installed from its own lock, with
// this tree's package as it is packed.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installed } from '../../../js/test/lib/installed.mjs';
import { root } from '../../dev/workerd.mjs';

const source = join(root, 'edge/dev/next');

/** @returns {string} the folder, in which `next start` serves */
export const nextBuilt = () => {
  const packed = join(installed(), 'node_modules/oauth2-wasm');
  const digest = createHash('sha256').update(packed);
  for (const entry of readdirSync(source, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) digest.update(entry.name).update(readFileSync(join(entry.parentPath ?? entry.path, entry.name)));
  const of = digest.digest('hex');
  const folder = join(root, 'build/edge-next');
  const made = join(folder, '.made');
  if (existsSync(made) && readFileSync(made, 'utf8') === of) return folder;
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder)) if (name !== 'node_modules') rmSync(join(folder, name), { recursive: true });
  cpSync(source, folder, { recursive: true });
  const lock = readFileSync(join(folder, 'package-lock.json'), 'utf8');
  const kept = join(folder, 'node_modules/.lock');
  const quiet = { cwd: folder, env: { ...process.env, NEXT_TELEMETRY_DISABLED: '1' }, stdio: ['ignore', 'pipe', 'pipe'] };
  if (!existsSync(kept) || readFileSync(kept, 'utf8') !== lock) {
    execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], quiet);
    writeFileSync(kept, lock);
  }
  const package_ = join(folder, 'node_modules/oauth2-wasm');
  rmSync(package_, { recursive: true, force: true });
  cpSync(packed, package_, { recursive: true });
  execFileSync(process.execPath, [join(folder, 'node_modules/next/dist/bin/next'), 'build'], quiet);
  writeFileSync(made, of);
  return folder;
};
