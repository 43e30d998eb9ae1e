/**
 * A protected resource as a Cloudflare Worker: oauth2-edge.wasm checks each request's access token,
 * and Durable Objects record proofs, so that each is accepted only once in the whole network. See
 * ../README.md.
 */
import module from '../../wasm/oauth2-edge.wasm';
import { ConflictError } from 'oauth2-wasm';
import { type Allowed, Guard, type ReplayStore, type ResourceConfig } from 'oauth2-wasm/resource';

/** Variables, secrets and bindings of the Worker. */
interface Env {
  /** The configuration of kind `resource` (core/contract/README.md), without secrets. */
  RESOURCE: ResourceConfig;
  /** The `client_secret` for every server that has a `client_id`, to introspect tokens. */
  CLIENT_SECRET?: string;
  /** Keys of nonces, separated by commas, the newest first. */
  NONCE_KEYS?: string;
  REPLAYS: DurableObjectNamespace;
}

/**
 * The Durable Object: it stores a part of the proofs, each until it is useless. It answers when the
 * row is on the disk.
 */
export class Replays {
  #sql: SqlStorage;

  constructor({ storage }: DurableObjectState) {
    this.#sql = storage.sql;
    this.#sql.exec(
      'CREATE TABLE IF NOT EXISTS proofs (name TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID; CREATE INDEX IF NOT EXISTS ends ON proofs (until)',
    );
  }

  async fetch(request: Request): Promise<Response> {
    const { name, until } = (await request.json()) as { name: string; until: number };
    this.#sql.exec('DELETE FROM proofs WHERE until <= ?', Date.now());
    const added = this.#sql.exec('INSERT INTO proofs VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING name', name, until).toArray();
    return new Response(null, { status: added.length ? 201 : 409 });
  }
}

/**
 * By the first two characters of a key's digest: 4,096 objects, each of which records about a
 * hundred proofs a second.
 */
const replays = (objects: DurableObjectNamespace): ReplayStore => ({
  async storeUntil(name, _version, _value, until) {
    const part = name.slice(name.lastIndexOf('.') + 1).slice(0, 2);
    const { status } = await objects.get(objects.idFromName(part)).fetch('https://replays/', { method: 'POST', body: JSON.stringify({ name, until }) });
    if (status === 409) throw new ConflictError('the proof was used before');
    if (status !== 201) throw new Error(`status ${status}`);
    return '1';
  },
});

const configured = ({ RESOURCE, CLIENT_SECRET, NONCE_KEYS }: Env): ResourceConfig => ({
  ...RESOURCE,
  ...(NONCE_KEYS && { dpop_nonce: true, nonce_keys: NONCE_KEYS.split(',') }),
  authorization_servers: RESOURCE.authorization_servers.map((server) => ({
    ...server,
    ...(CLIENT_SECRET && server.client_id && { client_secret: CLIENT_SECRET }),
  })),
});

/** One for all requests of an isolate. */
let guard: Guard | undefined;

/** The resource itself. */
const notes = ({ scheme, claims }: Allowed): Response => Response.json({ scheme, sub: claims.sub, client_id: claims.client_id });

export default {
  async fetch(request: Request, env: Env, context: ExecutionContext): Promise<Response> {
    try {
      guard ??= new Guard(configured(env), { module, replays: replays(env.REPLAYS), onError: (error) => console.error('the check:', String(error)) });
      const document = await guard.respond(request);
      if (document) return document;
      const writes = !['GET', 'HEAD'].includes(request.method);
      const verdict = await guard.check(request, { scope: writes ? 'write' : 'read', waitUntil: (work) => context.waitUntil(work) });
      if (!verdict.allowed) {
        console.log('refused:', verdict.reason.code, verdict.reason.field ?? '');
        return verdict.response;
      }
      const response = notes(verdict);
      verdict.headers.forEach(([name, value]) => response.headers.set(name, value));
      return response;
    } catch (error) {
      console.error('the request was lost:', String(error));
      return Response.json({ error: 'internal' }, { status: 500, headers: { 'cache-control': 'no-store' } });
    }
  },
};
