// The suites in a worker of a browser: dedicated, shared or service worker. It sends the report to
// a port that it gets in a message.
import * as library from '/node_modules/oauth2-wasm/dist/index.js';
import { instantiate } from '/node_modules/oauth2-wasm/dist/wasm_exec.js';
import { run } from '/suite/run.js';

const get = async (path) => await fetch(path);
const report = async () =>
  run({
    host: 'worker',
    library,
    instantiate,
    bytes: await (await get('/node_modules/oauth2-wasm/dist/oauth2-full.wasm')).arrayBuffer(),
    page: { bytes: await (await get('/node_modules/oauth2-wasm/dist/oauth2.wasm')).arrayBuffer() },
    edge: { bytes: await (await get('/oauth2-edge.wasm')).arrayBuffer() },
    data: await (await get('/data.json')).json(),
  });

const answer = async (port) =>
  port.postMessage(
    await report().then(
      (value) => ({ value }),
      (error) => ({ error: String(error?.stack ?? error) }),
    ),
  );
const asked = (event) => {
  const done = answer(event.ports[0]);
  event.waitUntil?.(done); // otherwise the service worker would end
};
addEventListener('message', asked);
addEventListener('connect', ({ ports: [port] }) => (port.onmessage = asked));
