// A page without any build step. The tests control it from outside.
import * as oauth from '/node_modules/oauth2-wasm/dist/index.js';
import { insecureIndexedDBStore } from '/node_modules/oauth2-wasm/dist/indexeddb.js';
import { finishPopup, signInPopup } from '/node_modules/oauth2-wasm/dist/popup.js';

window.oauth = { ...oauth, insecureIndexedDBStore, finishPopup, signInPopup };
