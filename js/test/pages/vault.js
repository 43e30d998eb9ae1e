// A page whose client is in a vault. The tests control it from outside.
import * as oauth from '/node_modules/oauth2-wasm/dist/index.js';
import { finishPopup, signInPopup } from '/node_modules/oauth2-wasm/dist/popup.js';
import { watchIdle } from '/node_modules/oauth2-wasm/dist/idle.js';
import { restoreSilently } from '/node_modules/oauth2-wasm/dist/silent.js';
import { openClient } from '/node_modules/oauth2-wasm/dist/vault.js';

window.oauth = { ...oauth, finishPopup, signInPopup, restoreSilently, watchIdle };
window.openVault = openClient;
