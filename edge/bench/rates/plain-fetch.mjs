// A reverse proxy of the runtime's own server and fetch and nothing else: what a backend in Deno or
// Bun costs at the least.
import process from 'node:process';

const { PORT, TARGET } = process.env;

const proxy = (request) => {
  const { pathname, search } = new URL(request.url);
  return fetch(TARGET + pathname + search, { method: request.method, headers: request.headers, body: request.body, redirect: 'manual' });
};
if (globalThis.Bun) Bun.serve({ port: Number(PORT), hostname: '127.0.0.1', fetch: proxy });
else Deno.serve({ port: Number(PORT), hostname: '127.0.0.1', onListen() {} }, proxy);
console.log('ready: ');
