// A page without any build step. What the tests do, they do from outside.
import * as oauth from '/node_modules/oauth2-wasm/dist/index.js';

window.oauth = oauth;
