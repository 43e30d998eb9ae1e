// The suite on oauth2-wasm/bff with Deno.
import host from './hosts/deno.mjs';
import { suite } from './suite/index.mjs';

suite(host);
