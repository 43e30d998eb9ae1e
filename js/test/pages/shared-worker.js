// Two clients of one identity in a worker, and one that is opened after both are closed.
import { openClient } from '/node_modules/oauth2-wasm/dist/index.js';

onmessage = async ({ data }) => {
  const [first, second] = await Promise.all([openClient(data), openClient(data)]);
  await first.setToken({ access_token: 'T', token_type: 'Bearer' });
  const { access_token } = await second.token();
  first.close();
  second.close();
  postMessage([access_token, (await (await openClient(data)).status()).status]);
};
