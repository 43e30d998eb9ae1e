// The suite on oauth2-wasm/bff, on Express.
import host from './hosts/express.mjs';
import { suite } from './suite/index.mjs';

suite(host);
