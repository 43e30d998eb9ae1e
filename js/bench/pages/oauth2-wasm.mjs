import { openClient } from 'oauth2-wasm';
import { done, scope, settings } from './settings.mjs';

const client = await openClient({ ...settings, scope });
await client.signIn({ navigate: done });
