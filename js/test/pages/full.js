// The page of app.js with the full module.
import * as oauth from '/node_modules/oauth2-wasm/dist/full.js';
import { finishPopup, signInPopup } from '/node_modules/oauth2-wasm/dist/popup.js';

window.oauth = { ...oauth, finishPopup, signInPopup };
