// What the servers of this folder share: a backend that is made of its environment.
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { openBackend } from 'oauth2-wasm/bff';

/** A secret of the variable NAME, or of the file that NAME_FILE names. */
export const secret = (name) => {
  const file = process.env[`${name}_FILE`];
  return file ? readFileSync(file, 'utf8').trim() : process.env[name];
};

/** The store that STORE_URL names: Redis or Valkey, a cluster of these, or PostgreSQL. */
export const openStore = async () => {
  const url = secret('STORE_URL');
  const lease = Number(process.env.LEASE_MS ?? 40_000);
  if (/^postgres(ql)?:/.test(url)) {
    const { default: pg } = await import('pg');
    const { postgresLocks, postgresStore } = await import('oauth2-wasm/postgres');
    const pool = new pg.Pool({ connectionString: url, max: 8, connectionTimeoutMillis: 3000 });
    pool.on('error', (error) => console.error('postgres:', String(error)));
    return { pool, store: postgresStore(pool), locks: postgresLocks(pool, { lease }), closeStore: () => pool.end() };
  }
  const { createClient, createCluster } = await import('redis');
  const { redisLocks, redisStore } = await import('oauth2-wasm/redis');
  const urls = url.split(',');
  const client = urls.length > 1 ? createCluster({ rootNodes: urls.map((url) => ({ url })) }) : createClient({ url, pingInterval: 10_000 });
  client.on('error', (error) => console.error('redis:', String(error)));
  await client.connect();
  return { store: redisStore(client), locks: redisLocks(client, { lease }), closeStore: () => client.close() };
};

/** The backend of BFF, SEAL_KEYS, CLIENT_SECRET or CLIENT_KEY, and STORE_URL. */
export const open = async () => {
  const config = JSON.parse(process.env.BFF);
  const [clientSecret, clientKey] = [secret('CLIENT_SECRET'), secret('CLIENT_KEY')];
  const client = { ...config.client, ...(clientSecret && { client_secret: clientSecret }), ...(clientKey && { client_key: clientKey }) };
  const { closeStore, ...kept } = await openStore();
  const onEffect = process.env.TELEMETRY ? (await import('oauth2-wasm/otel')).telemetry({ client: client.client_id }) : undefined;
  const backend = await openBackend(
    { ...config, client },
    {
      sealKeys: secret('SEAL_KEYS'),
      ...kept,
      ...(onEffect && { onEffect }),
      onError: (error) => console.error(JSON.stringify({ level: 'error', message: 'a request was lost', error: String(error) })),
    },
  );
  return { backend, closeStore };
};
