// The page of app.js with all of the client.
import * as oauth from '/node_modules/oauth2-wasm/dist/full.js';
import { finishPopup, signInPopup } from '/node_modules/oauth2-wasm/dist/popup.js';

window.oauth = { ...oauth, finishPopup, signInPopup };
