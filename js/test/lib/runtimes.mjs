// Where the runtimes are that the suites run on. One that is missing is a failure, never skipped.
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { root } from './installed.mjs';

const bin = (name) => join(root, 'node_modules/.bin', name);

/** The machine's own Node: npm puts that of node_modules before it in the path of its scripts. */
const machineNode = () => {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    if (folder.includes('node_modules')) continue;
    const file = join(folder, 'node');
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // not here
    }
  }
  throw new Error('no node on the path');
};

export const runtimes = {
  node: machineNode(),
  node24: join(root, 'node_modules/node/bin/node'),
  deno: bin('deno'),
  bun: bin('bun'),
  workerd: bin('workerd'),
  chromium: '/usr/bin/chromium',
};

/** What Chromium is started with: headless, as root, and without its own traffic. */
export const chromiumArgs = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
