import { serveVault } from 'oauth2-wasm/vault-worker';

serveVault(VAULT_CONFIG); // Vite puts it here
