// A backend in Express.
import { createServer } from 'node:http';
import process from 'node:process';
import express from 'express';
import { nodeHandler, nodeUpgrade } from 'oauth2-wasm/bff';
import { open } from './backend.mjs';
import { closeNode, endOnSignal } from './stop.mjs';

const { PORT = '8080', HOST = '127.0.0.1', PAGE = 'page' } = process.env;
const { backend, closeStore } = await open();
const app = express().disable('x-powered-by');
app.get('/live', (_, response) => response.sendStatus(204));
app.use(['/auth', '/api'], nodeHandler(backend)); // before express.json(): nothing may read the body first
app.use(express.static(PAGE));
const server = createServer({ maxHeaderSize: 64 << 10 }, app);
server.on('upgrade', nodeUpgrade(backend)); // WebSockets
server.listen(Number(PORT), HOST, () => console.log(`ready: ${PORT}`));
endOnSignal(backend, closeNode(server), closeStore);
