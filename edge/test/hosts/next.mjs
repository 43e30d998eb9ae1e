// oauth2-wasm/bff in a route handler of Next's, under `next start`.
import { javascript } from '../lib/javascript.mjs';

export default javascript('next', { sockets: 'none', ownPaths: true, ownQuery: true });
