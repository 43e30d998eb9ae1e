// The worker of `{ worker: true }`: the page gives its configuration, so any script of the page can
// give another one.
import { serveAny } from './vault-worker.js';

serveAny();
