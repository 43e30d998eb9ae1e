// The tests of HTTP itself, navigations, event streams and WebSockets from the suite, with Express.
import host from './hosts/express.mjs';
import { suite, wire } from './suite/index.mjs';

suite(host, [...wire, 'navigation', 'events', 'sockets']);
