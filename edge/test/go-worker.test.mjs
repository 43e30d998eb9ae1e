// The suite on the Worker in Go.
import host from './hosts/go-worker.mjs';
import { suite } from './suite/index.mjs';

suite(host);
