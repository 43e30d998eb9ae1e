// The tests of HTTP itself from the suite, on oauth2-wasm/bff with Hono.
import host from './hosts/hono.mjs';
import { suite, wire } from './suite/index.mjs';

suite(host, wire);
