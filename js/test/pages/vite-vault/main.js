import { openClient } from 'oauth2-wasm/vault';
import worker from './auth-worker.js?worker&url';

window.workerUrl = worker;
const vaults = { entry: () => openClient({ worker }), own: () => openClient(VAULT_CONFIG, { worker: true }) };
window.openVault = async (which) => {
  const client = (window.client = await vaults[which]());
  return (await client.ready).status;
};
