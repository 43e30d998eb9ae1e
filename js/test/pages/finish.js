// The page at the redirect URI of a popup.
import { finishPopup } from '/node_modules/oauth2-wasm/dist/popup.js';

document.title = (await finishPopup()) ? 'taken' : 'not taken';
