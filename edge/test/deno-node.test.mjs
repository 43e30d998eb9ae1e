// Sockets and streams of events on oauth2-wasm/bff, on node:http of Deno.
import host from './hosts/deno-node.mjs';
import { suite } from './suite/index.mjs';

suite(host, ['events', 'sockets']);
