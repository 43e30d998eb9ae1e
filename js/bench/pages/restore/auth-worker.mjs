import { serveVault } from 'oauth2-wasm/vault-worker';
import { config } from './common.mjs';

serveVault(config);
