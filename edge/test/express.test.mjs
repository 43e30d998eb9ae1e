// The tests of HTTP itself from the suite, on oauth2-wasm/bff with Express.
import host from './hosts/express.mjs';
import { suite, wire } from './suite/index.mjs';

suite(host, wire);
