import { openClient } from 'oauth2-wasm/vault';
import { api, restored } from './common.mjs';

if (window.dedicated) delete window.SharedWorker;
const client = await openClient({ worker: '/auth-worker.js' });
await client.handleRedirect();
if ((await client.ready).status === 'granted') await restored(() => client.fetch(api));
else await client.signIn();
