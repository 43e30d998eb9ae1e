// What of the suite the wire decides on oauth2-wasm/bff, on Hono.
import host from './hosts/hono.mjs';
import { suite, wire } from './suite/index.mjs';

suite(host, wire);
