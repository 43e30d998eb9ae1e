// The tests of HTTP itself, navigations, event streams and WebSockets from the suite, with Hono.
import host from './hosts/hono.mjs';
import { suite, wire } from './suite/index.mjs';

suite(host, [...wire, 'navigation', 'events', 'sockets']);
