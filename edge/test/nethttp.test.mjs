// The suite on a Go server.
import host from './hosts/nethttp.mjs';
import { suite } from './suite/index.mjs';

suite(host);
