// The suite on oauth2-wasm/bff, on Hono.
import host from './hosts/hono.mjs';
import { suite } from './suite/index.mjs';

suite(host);
