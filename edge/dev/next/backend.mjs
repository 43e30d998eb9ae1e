// The backend of dev/serve.mjs, opened on request, with a page beside it: what all servers in
// JavaScript have in common.
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import process from 'node:process';
import { openBackend } from 'oauth2-wasm/bff';
import { redisLocks, redisStore } from 'oauth2-wasm/redis';
import { createClient } from 'redis';

const types = { '.html': 'text/html; charset=utf-8', '.css': 'text/css', '.js': 'text/javascript', '.svg': 'image/svg+xml' };

/**
 * @returns `backend`; `paths`, which are its own; and `fetch`, which serves the page where they are
 * not
 */
export const open = async () => {
  const { BFF, SEAL_KEYS, CLIENT_SECRET, CLIENT_KEY, REDIS_URL, PAGE, PROXY_TIMEOUT_MS, LEASE_MS } = process.env;
  const stored = async () => {
    const redis = createClient({ url: REDIS_URL });
    redis.on('error', (error) => console.error(String(error)));
    await redis.connect();
    return { store: redisStore(redis), locks: redisLocks(redis, LEASE_MS ? { lease: Number(LEASE_MS) } : {}) };
  };

  const secret = ({ client, ...config }) => ({
    ...config,
    client: { ...client, ...(CLIENT_SECRET && { client_secret: CLIENT_SECRET }), ...(CLIENT_KEY && { client_key: CLIENT_KEY }) },
  });
  const given = JSON.parse(BFF);
  const backend = await openBackend(Array.isArray(given) ? given.map(secret) : secret(given), {
    sealKeys: SEAL_KEYS,
    ...(REDIS_URL && (await stored())),
    ...(PROXY_TIMEOUT_MS && { proxyTimeoutMs: Number(PROXY_TIMEOUT_MS) }),
  });
  const paths = [given].flat().flatMap(({ base, proxy = [] }) => [new URL(base).pathname, ...proxy.map(({ path }) => path)]);

  /** A file of the page, where the backend's paths are not. */
  const page = async (request) => {
    const { pathname } = new URL(request.url);
    const path = pathname === '/' ? '/index.html' : pathname;
    const type = types[extname(path)];
    if (!PAGE || request.method !== 'GET' || !type || paths.some((its) => pathname === its || pathname.startsWith(its.replace(/\/?$/, '/')))) return undefined;
    const text = await readFile(join(PAGE, path), 'utf8').catch(() => undefined);
    if (text === undefined) return undefined;
    const headers = await readFile(join(PAGE, '_headers'), 'utf8');
    return new Response(text, { headers: [['content-type', type], ...[...headers.matchAll(/^\s+([\w-]+): (.+)$/gm)].map(([, name, value]) => [name, value])] });
  };
  const fetch = async (request, context) => (await page(request)) ?? backend.fetch(request, context);
  return { backend, paths, fetch };
};
