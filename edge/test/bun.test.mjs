// The suite on oauth2-wasm/bff with Bun.
import host from './hosts/bun.mjs';
import { suite } from './suite/index.mjs';

suite(host);
