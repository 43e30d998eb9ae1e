// What of the suite the wire decides, navigations and sockets, on oauth2-wasm/bff, on Hono.
import host from './hosts/hono.mjs';
import { suite, wire } from './suite/index.mjs';

suite(host, [...wire, 'navigation', 'events', 'sockets']);
