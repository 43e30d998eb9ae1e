// oauth2-wasm/bff with Bun.
import { javascript } from '../lib/javascript.mjs';

export default javascript('bun', { headers: 200, pipelines: false, hurries: true });
