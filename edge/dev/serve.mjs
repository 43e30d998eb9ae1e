// A backend for a frontend on a server in JavaScript, for the tests of edge: node:http, Express,
// Hono, Deno and Bun, with sessions in Redis. The first argument says which. The configuration, of
// kind "bff" or several of them, is in the variable BFF, the secrets in SEAL_KEYS, CLIENT_SECRET
// and CLIENT_KEY, as they are for the Worker. It prints "ready: PORT" when it listens, and runs
// until it is told to end. NODE_HTTP has Deno and Bun listen by node:http.
import { createServer } from 'node:http';
import process from 'node:process';
import { bunCarrier, bunWebSocket, denoCarrier, nodeHandler, nodeUpgrade } from 'oauth2-wasm/bff';
import { open } from './next/backend.mjs';

const [kind] = process.argv.slice(2);
const { PORT, NODE_HTTP } = process.env;
const { backend, paths, fetch: served } = await open();

// Node by itself would refuse more than 16 KiB of headers in words of its own.
const listen = (handler) =>
  new Promise((resolve) => {
    const server = createServer({ maxHeaderSize: 256 << 10 }, handler);
    server.on('upgrade', nodeUpgrade(backend));
    server.listen(Number(PORT), '127.0.0.1', resolve);
  });
await {
  node: () => listen(nodeHandler({ fetch: served })),
  async express() {
    const { default: express } = await import('express');
    const app = express();
    app.use(paths, nodeHandler(backend));
    app.use(nodeHandler({ fetch: served }));
    await listen(app);
  },
  async hono() {
    const { Hono } = await import('hono');
    const app = new Hono();
    app.all('*', ({ req }) => served(req.raw));
    await listen(nodeHandler(app));
  },
  deno: () =>
    globalThis.Deno.serve({ port: Number(PORT), hostname: '127.0.0.1', onListen() {} }, (request) => served(request, { carrier: denoCarrier(request) })),
  bun: () =>
    globalThis.Bun.serve({
      port: Number(PORT),
      hostname: '127.0.0.1',
      fetch: (request, server) => served(request, { carrier: bunCarrier(request, server) }),
      websocket: bunWebSocket,
      idleTimeout: 0,
    }),
}[NODE_HTTP ? 'node' : kind]();
console.log(`ready: ${PORT}`);

process.on('SIGTERM', async () => {
  await Promise.race([backend.idle(), new Promise((resolve) => setTimeout(resolve, 1000))]);
  process.exit();
});
