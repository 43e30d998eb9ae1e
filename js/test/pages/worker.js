import { openClient } from '/node_modules/oauth2-wasm/dist/index.js';

onmessage = async ({ data }) => {
  const client = await openClient(data);
  postMessage((await client.authorize()).url);
};
