// One backend for the routes and for instrumentation.js, which Next bundles apart.
import { open } from './backend.mjs';

const name = Symbol.for('backend');

export const opened = () => (globalThis[name] ??= open().then((all) => ({ fetch: all.backend.fetch, ...all })));
