// One of several servers that share the sessions of many users; main.go beside it is the same in
// Go, and documents settings and requests.
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';

const { process: own, store: kind, addr, place, seals, lease, api, config, dist } = JSON.parse(process.env.FLEET);
const load = (name) => import(pathToFileURL(`${dist}/${name}.js`).href);
const { openClient } = await load('node');
const { sealed } = await load('sealed');

let ahead = 0;
const now = Date.now;
Date.now = () => now() + ahead;

const [host, port] = addr.split(':');
let kept, locks;
if (kind === 'redis') {
  const { createClient } = await import('redis');
  const { redisLocks, redisStore } = await load('redis');
  // The client drops a connection that no longer answers.
  const client = createClient({ socket: { host, port: Number(port), socketTimeout: 3000, reconnectStrategy: 100 }, pingInterval: 1000 });
  client.on('error', () => {}); // the operation reports it, too
  await client.connect();
  [kept, locks] = [redisStore(client, { prefix: place }), redisLocks(client, { prefix: place, lease })];
} else {
  const { default: pg } = await import('pg');
  const { postgresLocks, postgresStore } = await load('postgres');
  const pool = new pg.Pool({ host, port: Number(port), user: 'postgres', database: 'postgres', max: 8, connectionTimeoutMillis: 3000 });
  pool.on('error', () => {});
  [kept, locks] = [postgresStore(pool, { schema: place }), postgresLocks(pool, { schema: place, lease })];
}
const hands = { ...(await sealed(kept, seals)), locks };

/**
 * Adds the names of the process and the user to requests. A request ends before the lease of a
 * lock.
 */
const fetchFor = (user) => (url, init) => {
  const signal = AbortSignal.any([AbortSignal.timeout(15_000), ...(init?.signal ? [init.signal] : [])]);
  return fetch(url, { ...init, signal, headers: [...new Headers(init?.headers), ['x-process', own], ['x-user', user]] });
};

const clients = new Map();
/**
 * A user's client. It stays open, and reads what other processes stored when its token has expired.
 */
const client = (user) => {
  if (!clients.has(user)) clients.set(user, openClient({ ...config, name: user }, { ...hands, fetch: fetchFor(user) }));
  return clients.get(user);
};

const serve = async ({ pathname, searchParams: query }) => {
  if (pathname === '/clock') return void (ahead = Number(query.get('ahead')));
  const session = await client(query.get('user'));
  if (pathname === '/out') return void (await session.logOut());
  const { access_token: token } = await session.token();
  const response = await fetch(api, { headers: { authorization: `Bearer ${token}` } });
  if (!response.ok) throw new Error(`the API says ${response.status}`);
};

const server = createServer(async (request, response) => {
  try {
    await serve(new URL(request.url, 'http://localhost'));
    response.end();
  } catch (error) {
    response.writeHead(['not_signed_in', 'signed_out'].includes(error.code) ? 401 : 502);
    response.end(`${error.code ?? error.message} ${error.cause ?? ''}`);
  }
});
process.stdin.on('end', () => process.exit(3)).resume(); // ends with the process that started it
server.listen(0, '127.0.0.1', () => console.log(`ready: http://127.0.0.1:${server.address().port}`));
