// A backend on Bun.serve.
import process from 'node:process';
import { open } from './backend.mjs';
import { endOnSignal } from './stop.mjs';

const { PORT = '8080', HOST = '127.0.0.1' } = process.env;
const { backend, closeStore } = await open();
const serve = (request) => (new URL(request.url).pathname === '/live' ? new Response(null, { status: 204 }) : backend.fetch(request));
// Without idleTimeout: 0 Bun cuts off an answer that is silent for 10 seconds.
const server = Bun.serve({ port: Number(PORT), hostname: HOST, idleTimeout: 0, fetch: serve });
console.log(`ready: ${PORT}`);
endOnSignal(backend, () => server.stop(), closeStore);
