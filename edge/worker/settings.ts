import { CLIENT_KEY as HELD, named, readRing, type Ring } from 'oauth2-wasm/host';

/** Variables, secrets and bindings of the Worker. ../README.md says what each is. */
export interface Env {
  /** The configuration of kind `bff` (core/contract/README.md), without secrets. */
  BFF: { client: Record<string, unknown>; session_ms?: number };
  /** Key ring: `ID:KEY,ID:KEY`, the newest first. */
  SEAL_KEYS: string;
  /** `client_secret`, if the client has one. */
  CLIENT_SECRET?: string;
  /** Private JWK with `alg`, if the client authenticates or signs its requests with a key. */
  CLIENT_KEY?: string;
  /** How long an upstream server may take to begin its answer, in ms; default 30,000. */
  PROXY_TIMEOUT_MS?: number;
  SESSIONS: DurableObjectNamespace;
}

export interface Settings {
  /** Members of the `open` message, as JSON text without braces. */
  open: string;
  ring: Ring;
  clientKey: CryptoKey | undefined;
  /** How long session keys are stored, in ms. */
  lifetime: number;
}

/** Imports a private key so that no code can read it. */
const readKey = async (text: string): Promise<CryptoKey> => {
  try {
    const { alg, kty, crv, x, y, n, e, d, p, q, dp, dq, qi } = JSON.parse(text);
    return await crypto.subtle.importKey('jwk', { kty, crv, x, y, n, e, d, p, q, dp, dq, qi }, named(alg) as EcKeyImportParams, false, ['sign']);
  } catch {
    throw new Error('CLIENT_KEY: is no private JWK with alg');
  }
};

/**
 * @throws {Error} if something is missing or wrong; the message names the variable and contains no
 * secret
 */
export const settings = async ({ BFF, SEAL_KEYS, CLIENT_SECRET, CLIENT_KEY, SESSIONS }: Env): Promise<Settings> => {
  if (typeof BFF?.client !== 'object') throw new Error('BFF: has to be an object with client');
  if (!SESSIONS) throw new Error('SESSIONS: the binding of the Durable Object is missing');
  if (BFF.client.client_secret !== undefined) throw new Error('BFF: client.client_secret is a secret: CLIENT_SECRET is its place');
  const client = { ...BFF.client, ...(CLIENT_SECRET && { client_secret: CLIENT_SECRET }), ...(CLIENT_KEY && { client_key: HELD }) };
  const config = { ...BFF, client };
  return {
    open: `"kind":"bff","config":${JSON.stringify(config)}`,
    ring: await readRing(SEAL_KEYS ?? ''),
    clientKey: CLIENT_KEY ? await readKey(CLIENT_KEY) : undefined,
    lifetime: BFF.session_ms ?? 12 * 3_600_000,
  };
};
