// A backend on Bun.serve.
import process from 'node:process';
import { bunCarrier, bunWebSocket } from 'oauth2-wasm/bff';
import { open } from './backend.mjs';
import { endOnSignal } from './stop.mjs';

const { PORT = '8080', HOST = '127.0.0.1' } = process.env;
const { backend, closeStore } = await open();
const serve = (request, server) =>
  new URL(request.url).pathname === '/live' ? new Response(null, { status: 204 }) : backend.fetch(request, { carrier: bunCarrier(request, server) });
// Without idleTimeout: 0 Bun cuts off an answer that is silent for 10 seconds.
const server = Bun.serve({ port: Number(PORT), hostname: HOST, idleTimeout: 0, fetch: serve, websocket: bunWebSocket });
console.log(`ready: ${PORT}`);
endOnSignal(backend, () => server.stop(), closeStore);
