// The suite on the Worker in TypeScript.
import host from './hosts/ts-worker.mjs';
import { suite } from './suite/index.mjs';

suite(host);
