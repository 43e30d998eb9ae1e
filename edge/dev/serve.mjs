// A backend for a frontend on a server in JavaScript, for the tests of edge: node:http, Express,
// Hono, Deno and Bun, with sessions in Redis, or in memory if REDIS_URL is not set. The first
// argument says which. The configuration, of kind "bff" or several of them, is in the variable BFF,
// the secrets in SEAL_KEYS, CLIENT_SECRET and CLIENT_KEY, as for the Worker. It prints
// "ready: PORT" when it listens, and runs until it gets a signal to end. With NODE_HTTP, Deno and
// Bun listen with node:http.
import { createServer } from 'node:http';
import process from 'node:process';
import { bunCarrier, bunWebSocket, denoCarrier, nodeHandler, nodeUpgrade } from 'oauth2-wasm/bff';
import { closeNode, endOnSignal } from '../examples/stop.mjs';
import { open } from './next/backend.mjs';

const [kind] = process.argv.slice(2);
const { PORT, NODE_HTTP, PAGE } = process.env;
const { backend, paths, fetch: served } = await open();

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
    const server = globalThis.Deno.serve({ port: Number(PORT), hostname: '127.0.0.1', onListen() {} }, (request) =>
      served(request, { carrier: denoCarrier(request) }),
    );
    return () => server.shutdown();
  },
  bun() {
    const server = globalThis.Bun.serve({
      port: Number(PORT),
      hostname: '127.0.0.1',
      fetch: (request, server) => served(request, { carrier: bunCarrier(request, server) }),
      websocket: bunWebSocket,
      idleTimeout: 0,
    });
    return () => server.stop();
  },
}[NODE_HTTP ? 'node' : kind]();
console.log(`ready: ${PORT}`);
endOnSignal(backend, closeServer);
