// The suite on oauth2-wasm/bff, on Deno.
import host from './hosts/deno.mjs';
import { suite } from './suite/index.mjs';

suite(host);
