import { openClient } from 'oauth2-wasm';
import { restoreSilently } from 'oauth2-wasm/silent';
import { api, config, restored } from './common.mjs';

const client = await openClient(config);
await restoreSilently(client);
await client.handleRedirect();
if ((await client.ready).status === 'granted') await restored(() => client.fetch(api));
else await client.signIn();
