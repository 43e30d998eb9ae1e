// A backend for a frontend on a server in JavaScript, for the tests of edge: node:http, Express,
// Hono, Deno and Bun, with sessions in Redis, or in memory where REDIS_URL is not set. The first
// argument says which. The configuration, of kind "bff" or several of them, is in the variable BFF,
// the secrets in SEAL_KEYS, CLIENT_SECRET and CLIENT_KEY, as for the Worker. It prints
// "ready: PORT" when it listens, and runs until it gets a signal to end. With NODE_HTTP, Deno and
// Bun listen with node:http, which supports sockets.
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import process from 'node:process';
import { nodeHandler, nodeUpgrade, openBackend } from 'oauth2-wasm/bff';
import { redisLocks, redisStore } from 'oauth2-wasm/redis';
import { createClient } from 'redis';
import { closeNode, endOnSignal } from '../examples/stop.mjs';

const [kind] = process.argv.slice(2);
const { BFF, SEAL_KEYS, CLIENT_SECRET, CLIENT_KEY, PORT, REDIS_URL, PAGE, PROXY_TIMEOUT_MS, LEASE_MS, NODE_HTTP } = process.env;

const stored = async () => {
  const redis = createClient({ url: REDIS_URL });
  redis.on('error', (error) => console.error(String(error)));
  await redis.connect();
  return { store: redisStore(redis), locks: redisLocks(redis, LEASE_MS ? { lease: Number(LEASE_MS) } : {}) };
};

const secret = ({ client, ...config }) => ({
  ...config,
  client: { ...client, ...(CLIENT_SECRET && { client_secret: CLIENT_SECRET }), ...(CLIENT_KEY && { client_key: CLIENT_KEY }) },
});
const given = JSON.parse(BFF);
const backend = await openBackend(Array.isArray(given) ? given.map(secret) : secret(given), {
  sealKeys: SEAL_KEYS,
  ...(REDIS_URL && (await stored())),
  ...(PROXY_TIMEOUT_MS && { proxyTimeoutMs: Number(PROXY_TIMEOUT_MS) }),
});
const paths = [given].flat().flatMap(({ base, proxy = [] }) => [new URL(base).pathname, ...proxy.map(({ path }) => path)]);

const types = { '.html': 'text/html; charset=utf-8', '.css': 'text/css', '.js': 'text/javascript', '.svg': 'image/svg+xml' };

/** Serves a file of the page, for paths that are not the backend's. */
const page = async (request) => {
  const { pathname } = new URL(request.url);
  const path = pathname === '/' ? '/index.html' : pathname;
  const type = types[extname(path)];
  if (!PAGE || request.method !== 'GET' || !type || paths.some((its) => pathname === its || pathname.startsWith(its.replace(/\/?$/, '/')))) return undefined;
  const text = await readFile(join(PAGE, path), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const headers = await readFile(join(PAGE, '_headers'), 'utf8');
  return new Response(text, { headers: [['content-type', type], ...[...headers.matchAll(/^\s+([\w-]+): (.+)$/gm)].map(([, name, value]) => [name, value])] });
};
const served = async (request) => (await page(request)) ?? backend.fetch(request);

// By default Node would refuse more than 16 KiB of headers with its own message.
const listen = (handler) =>
  new Promise((resolve) => {
    const server = createServer({ maxHeaderSize: 256 << 10 }, handler);
    server.on('upgrade', nodeUpgrade(backend));
    server.listen(Number(PORT), '127.0.0.1', () => resolve(closeNode(server)));
  });
const closeServer = await {
  node: () => listen(nodeHandler(PAGE ? { fetch: served } : backend)),
  async express() {
    const { default: express } = await import('express');
    const app = express();
    app.use(paths, nodeHandler(backend));
    app.use(nodeHandler({ fetch: served }));
    return listen(app);
  },
  async hono() {
    const { Hono } = await import('hono');
    const app = new Hono();
    app.all('*', ({ req }) => served(req.raw));
    return listen(nodeHandler(app));
  },
  deno() {
    const server = globalThis.Deno.serve({ port: Number(PORT), hostname: '127.0.0.1', onListen() {} }, served);
    return () => server.shutdown();
  },
  bun() {
    const server = globalThis.Bun.serve({ port: Number(PORT), hostname: '127.0.0.1', fetch: served, idleTimeout: 0 });
    return () => server.stop();
  },
}[NODE_HTTP ? 'node' : kind]();
console.log(`ready: ${PORT}`);
endOnSignal(backend, closeServer);
