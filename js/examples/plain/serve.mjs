// Serves this folder, and the package below /oauth2-wasm/, under the strictest policy that works.
// PORT is its port, ISSUER the authorization server.
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const { PORT = '5173', ISSUER = 'http://127.0.0.1:9000' } = process.env;
const here = fileURLToPath(new URL('.', import.meta.url));
const types = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.json': 'application/json', '.wasm': 'application/wasm' };
const policy = `default-src 'none'; img-src data:; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self' ${ISSUER}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
const files = { '/': 'index.html', '/app.js': 'app.js' };

const server = createServer(async ({ url }, response) => {
  const { pathname } = new URL(url, 'http://localhost');
  const dist = /^\/oauth2-wasm\/([\w.-]+)$/.exec(pathname)?.[1];
  const file = dist ? join('node_modules/oauth2-wasm/dist', normalize(dist)) : files[pathname];
  const headers = { 'content-type': types[extname(file ?? pathname)] ?? 'text/plain', 'content-security-policy': policy };
  try {
    const body = pathname === '/config.json' ? JSON.stringify({ issuer: ISSUER }) : await readFile(join(here, file));
    response.writeHead(200, headers).end(body);
  } catch {
    response.writeHead(404).end();
  }
});
server.listen(Number(PORT), '127.0.0.1', () => console.log(`ready: http://127.0.0.1:${server.address().port}`));
