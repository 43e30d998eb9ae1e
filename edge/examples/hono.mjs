// A backend under an application of Hono, in Node.
import { createServer } from 'node:http';
import process from 'node:process';
import { Hono } from 'hono';
import { nodeHandler, nodeUpgrade } from 'oauth2-wasm/bff';
import { open } from './backend.mjs';
import { closeNode, endOnSignal } from './stop.mjs';

const { PORT = '8080', HOST = '127.0.0.1' } = process.env;
const { backend, closeStore } = await open();
const app = new Hono();
app.get('/live', (c) => c.body(null, 204));
app.all('/auth/*', (c) => backend.fetch(c.req.raw));
app.all('/api/*', (c) => backend.fetch(c.req.raw));
const server = createServer({ maxHeaderSize: 64 << 10 }, nodeHandler(app));
server.on('upgrade', nodeUpgrade(backend)); // WebSockets
server.listen(Number(PORT), HOST, () => console.log(`ready: ${PORT}`));
endOnSignal(backend, closeNode(server), closeStore);
