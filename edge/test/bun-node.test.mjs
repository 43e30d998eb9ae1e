// Sockets and streams of events on oauth2-wasm/bff, on node:http of Bun.
import host from './hosts/bun-node.mjs';
import { suite } from './suite/index.mjs';

suite(host, ['events', 'sockets']);
