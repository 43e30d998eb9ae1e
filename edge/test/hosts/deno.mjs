// oauth2-wasm/bff on Deno.
import { javascript } from '../lib/javascript.mjs';

export default javascript('deno', { headers: 100, hurries: true });
