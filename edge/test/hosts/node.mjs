// oauth2-wasm/bff on node:http.
import { javascript } from '../lib/javascript.mjs';

export default javascript('node', { chromium: true });
