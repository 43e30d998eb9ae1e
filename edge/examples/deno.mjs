// A backend on Deno.serve.
import process from 'node:process';
import { denoCarrier } from 'oauth2-wasm/bff';
import { open } from './backend.mjs';
import { endOnSignal } from './stop.mjs';

const { PORT = '8080', HOST = '127.0.0.1' } = process.env;
const { backend, closeStore } = await open();
const serve = (request) =>
  new URL(request.url).pathname === '/live' ? new Response(null, { status: 204 }) : backend.fetch(request, { carrier: denoCarrier(request) });
const server = Deno.serve({ port: Number(PORT), hostname: HOST, onListen: () => console.log(`ready: ${PORT}`) }, serve);
endOnSignal(backend, () => server.shutdown(), closeStore);
