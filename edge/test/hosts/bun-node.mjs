// oauth2-wasm/bff on Bun, on its node:http.
import { javascript } from '../lib/javascript.mjs';

export default javascript('bun', { name: 'bun-node', nodeHttp: true });
