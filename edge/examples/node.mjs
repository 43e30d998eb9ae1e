// A backend on node:http. It also runs in Deno and Bun.
import { createServer } from 'node:http';
import process from 'node:process';
import { nodeHandler, nodeUpgrade } from 'oauth2-wasm/bff';
import { open } from './backend.mjs';
import { closeNode, endOnSignal } from './stop.mjs';

const { PORT = '8080', HOST = '127.0.0.1' } = process.env;
const { backend, closeStore } = await open();
const serve = nodeHandler(backend);
const server = createServer({ maxHeaderSize: 64 << 10 }, (incoming, outgoing) => {
  if (incoming.url === '/live') outgoing.writeHead(204).end();
  else void serve(incoming, outgoing);
});
server.on('upgrade', nodeUpgrade(backend)); // WebSockets
server.listen(Number(PORT), HOST, () => console.log(`ready: ${PORT}`));
endOnSignal(backend, closeNode(server), closeStore);
