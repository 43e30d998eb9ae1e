// Applications with a lock of their own: js/examples, and the Next application of edge/dev.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { installed } from './installed.mjs';

/** The installed package's own folder. */
export const packed = () => join(installed(), 'node_modules/oauth2-wasm');

/**
 * Copies an application into a folder and installs what its lock says, unless that was done. The
 * package is always the one of this tree.
 */
export const application = (source, folder) => {
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder)) if (name !== 'node_modules') rmSync(join(folder, name), { recursive: true });
  cpSync(source, folder, { recursive: true, filter: (path) => !/\/(node_modules|dist|\.next)$/.test(path) });
  const lock = readFileSync(join(folder, 'package-lock.json'), 'utf8');
  const kept = join(folder, 'node_modules/.lock');
  if (!existsSync(kept) || readFileSync(kept, 'utf8') !== lock) {
    execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    cpSync(join(folder, 'package-lock.json'), kept);
  }
  const own = join(folder, 'node_modules/oauth2-wasm');
  rmSync(own, { recursive: true, force: true });
  cpSync(packed(), own, { recursive: true });
};
