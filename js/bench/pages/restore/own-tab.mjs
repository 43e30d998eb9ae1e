import { insecureSessionStore, openClient } from 'oauth2-wasm';
import { api, config, restored } from './common.mjs';

const client = await openClient(config, { store: insecureSessionStore() });
await client.handleRedirect();
if ((await client.ready).status === 'granted') await restored(() => client.fetch(api));
else await client.signIn();
