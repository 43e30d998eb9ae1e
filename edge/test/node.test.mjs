// The suite on oauth2-wasm/bff with node:http.
import host from './hosts/node.mjs';
import { suite } from './suite/index.mjs';

suite(host);
