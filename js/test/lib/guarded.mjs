// An API in a process of its own, for tests: GET with a token and a proof, answered with what the
// Guard says. Its proofs are in the store that STORE names, at HOST and PORT; AHEAD is by how many
// ms its clock is ahead.
import { createServer } from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import pg from 'pg';
import { createClient } from 'redis';
import { installed } from './installed.mjs';

const { STORE, HOST, PORT, AHEAD, KEYS, CONFIG } = process.env;
const { now } = Date;
Date.now = () => now() + Number(AHEAD);

const dist = (name) => import(pathToFileURL(join(installed(), 'node_modules/oauth2-wasm/dist', name)).href);
const { Guard } = await dist('guard.js');
const stores = {
  async redis() {
    const redis = createClient({ socket: { host: HOST, port: Number(PORT), socketTimeout: 3000, reconnectStrategy: 50 }, pingInterval: 1000 });
    redis.on('error', () => {});
    await redis.connect();
    return (await dist('redis.js')).redisStore(redis);
  },
  async postgres() {
    const { createPostgresTables, postgresStore } = await dist('postgres.js');
    const pool = new pg.Pool({ host: HOST, port: Number(PORT), user: 'postgres', database: 'postgres', max: 8, connectionTimeoutMillis: 3000 });
    pool.on('error', () => {});
    await createPostgresTables(pool);
    return postgresStore(pool);
  },
};
const errors = [];
const guard = new Guard(JSON.parse(CONFIG), {
  replays: await stores[STORE](),
  fetch: async () => Response.json({ keys: JSON.parse(KEYS) }),
  onError: (error) => errors.push(String(error)),
});
const server = createServer(async ({ headers }, outgoing) => {
  const { allowed, reason, response } = await guard.check(new Request(JSON.parse(CONFIG).resource, { headers }));
  outgoing.statusCode = allowed ? 200 : response.status;
  outgoing.setHeader('content-type', 'application/json');
  outgoing.end(JSON.stringify({ allowed, code: reason?.code, body: await response?.text(), errors: errors.splice(0) }));
});
server.listen(0, '127.0.0.1', () => console.log(`ready: http://127.0.0.1:${server.address().port}`));
