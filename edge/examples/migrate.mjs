// Creates missing tables in PostgreSQL, as a role that may: before the first start, and with each
// new version.
import { createPostgresTables } from 'oauth2-wasm/postgres';
import { openStore } from './backend.mjs';

const { pool, closeStore } = await openStore();
await createPostgresTables(pool);
await closeStore();
