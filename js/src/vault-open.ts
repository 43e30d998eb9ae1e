// The worker of `{ worker: true }`: the page gives its configuration, so that whatever runs there
// can give another.
import { serveAny } from './vault-worker.js';

serveAny();
