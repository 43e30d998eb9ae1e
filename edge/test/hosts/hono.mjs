// oauth2-wasm/bff on Hono.
import { javascript } from '../lib/javascript.mjs';

export default javascript('hono');
