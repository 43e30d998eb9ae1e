import { openClient } from 'oauth2-wasm';
import { insecureIndexedDBStore } from 'oauth2-wasm/indexeddb';
import { api, config, restored } from './common.mjs';

const client = await openClient(config, { store: insecureIndexedDBStore() });
await client.handleRedirect();
if ((await client.ready).status === 'granted') await restored(() => client.fetch(api));
else await client.signIn();
