// make edge: the Worker in workerd, the embedded authorization server with an API, and a page. PORT
// is the page's port (default 8788). Sessions and the key ring are stored in build/edge, so that a
// restart loses none.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, root, run, workerd } from './workerd.mjs';

const folder = join(root, 'build/edge');
mkdirSync(folder, { recursive: true });

const port = Number(process.env.PORT ?? 8788);
// Two host names, so that there are really two sites. Both are this machine, for which browsers
// accept Secure cookies over http.
const home = `http://localhost:${port}/`;
const base = `${home}auth`;

const keys = join(folder, 'seal-keys');
if (!existsSync(keys)) writeFileSync(keys, `dev:${randomBytes(32).toString('base64url')}`, { mode: 0o600 });
const CLIENT_SECRET = randomBytes(32).toString('base64url');

const program = join(folder, 'authserver');
execFileSync('go', ['build', '-o', program, './edge/dev/authserver'], { cwd: root, stdio: 'inherit' });
process.env.EDGE_CLIENT_SECRET = CLIENT_SECRET;
const args = ['-addr', `127.0.0.1:${await freePort()}`, '-base', base, '-home', home, '-access-token', '30s', '-hint'];
const authserver = await run(program, args, /^ready: (\S+)/);
const issuer = authserver.match[1];

const BFF = {
  base,
  client: { issuer, discovery: true, client_id: 'edge', scope: 'openid profile email notes.read', clock_skew_ms: 1000 },
  // The page asks at each visit, so a visitor without a session is no error.
  anonymous_status: 200,
  proxy: [{ path: '/api', target: `${issuer}/api` }],
};
const secrets = { SEAL_KEYS: readFileSync(keys, 'utf8'), CLIENT_SECRET };
const start = await workerd({ folder, port, variables: { BFF }, secrets, page: join(root, 'edge/page') });
const worker = await start();

let ending = false;
const end = async (code) => {
  if (ending) return;
  ending = true;
  await Promise.all([worker.stop(), authserver.stop()]);
  process.exit(code);
};
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => end(0));
for (const program of [worker, authserver]) {
  void program.gone.then(() => {
    if (!ending) console.error(program.said.slice(-10).join('\n'));
    void end(1);
  });
}
console.log(`ready: ${home}`);
