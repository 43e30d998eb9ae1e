// oauth2-wasm/bff on Deno, on its node:http.
import { javascript } from '../lib/javascript.mjs';

export default javascript('deno', { name: 'deno-node', nodeHttp: true });
