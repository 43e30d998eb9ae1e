import { base64, unbase64 } from './bytes.js';
import type { KeyStore, Store } from './index.js';
import type { CryptoKeyPair } from './web.js';

// The keeper is a service worker with the vault's own script, and with that script's URL as its
// scope. It controls the vaults that run this script, and no page. So only their requests reach it,
// and the browser says from whom each comes.

/** The part of a service worker's scope that the keeper needs. */
export interface KeeperScope {
  location: { href: string };
  clients: { get(id: string): Promise<{ type: string; url: string } | undefined> };
  skipWaiting(): Promise<void>;
  addEventListener(type: string, listener: (event: KeeperEvent) => void): void;
}

interface KeeperEvent {
  request: Request;
  clientId: string;
  respondWith(response: Promise<Response>): void;
  waitUntil(work: Promise<unknown>): void;
}

/** A header in requests to the keeper, and in its answers. */
const MARK = 'x-oauth2-wasm-keeper';
/**
 * How long the keeper stays alive without a vault, in milliseconds. Browsers end it after five
 * minutes in any case.
 */
const LIFE = 285_000;
/**
 * How often a vault sends a request, in milliseconds. A reload, or a sign-in at the server, may
 * take the rest of LIFE.
 */
const BEAT = 45_000;
/** How long the data that a vault gets at its start is used, in milliseconds; once for each key. */
const FRESH = 1_000;

/** The value of a key. `turn` counts its changes: if two vaults differ, the higher one counts. */
interface Entry {
  turn: number;
  version: string;
  value: string | null;
}

type Operation = { load: string } | { store: string; version: string; value: string | null } | { seed: [string, Entry][] } | { beat: true };

const EMPTY: Entry = { turn: 0, version: '', value: null };

/** Compare and set. */
const replace = (entries: Map<string, Entry>, key: string, version: string, value: string | null): Entry | undefined => {
  const now = entries.get(key) ?? EMPTY;
  if (now.version !== version) return undefined;
  const next = { turn: now.turn + 1, version: value === null ? '' : crypto.randomUUID(), value };
  entries.set(key, next);
  return next;
};

const AES = 'AES-GCM';

const sealWith = async (key: CryptoKey, text: string) => {
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const sealed = await crypto.subtle.encrypt({ name: AES, iv }, key, new TextEncoder().encode(text));
  return new Blob([iv, sealed]);
};

const unsealWith = async (key: CryptoKey, bytes: ArrayBuffer) =>
  new TextDecoder().decode(await crypto.subtle.decrypt({ name: AES, iv: bytes.slice(0, 12) }, key, bytes.slice(12)));

/** Serves the vaults of this script: stores their texts, and finishes their token requests. */
export const serveKeeper = (scope: KeeperScope): void => {
  const entries = new Map<string, Entry>();
  const secret = crypto.subtle.generateKey({ name: AES, length: 256 }, true, ['encrypt', 'decrypt']) as Promise<CryptoKey>;
  /** Token requests by URL and body, until the vault that asked last has stored their result. */
  const sent = new Map<string, { answer: Promise<Response>; owner: string; done?: true }>();
  let rest = () => {};

  const say = (value: object, status = 200) => Response.json(value, { status, headers: { [MARK]: '1', 'cache-control': 'no-store' } });

  const carryOut = (operation: Operation, vault: string): object => {
    if ('load' in operation) return entries.get(operation.load) ?? EMPTY;
    if ('store' in operation) {
      if (operation.store.endsWith('.session')) sent.forEach(({ owner, done }, name) => done && owner === vault && sent.delete(name));
      return replace(entries, operation.store, operation.version, operation.value) ?? { conflict: true };
    }
    if ('seed' in operation) for (const [key, entry] of operation.seed) if (entry.turn > (entries.get(key)?.turn ?? 0)) entries.set(key, entry);
    return {};
  };

  /**
   * A page can load the script in a frame, or begin workers of other scripts: neither is a vault.
   */
  const isVault = async (id: string): Promise<boolean> => {
    const client = await scope.clients.get(id);
    return !!client && /^(shared)?worker$/.test(client.type) && client.url === scope.location.href;
  };

  const keep = async ({ request, clientId }: KeeperEvent): Promise<Response> => {
    if (!(await isVault(clientId))) return say({}, 403);
    const key = await secret;
    if (request.method === 'GET') return say({ key: base64(new Uint8Array(await crypto.subtle.exportKey('raw', key))), entries: [...entries] });
    let operation;
    try {
      operation = JSON.parse(await unsealWith(key, await request.arrayBuffer()));
    } catch {
      return say({}, 409); // sealed for an earlier keeper, which this one replaced
    }
    return say(carryOut(operation, clientId));
  };

  /**
   * Completes a refresh, and the redemption of a code, even if the vault that asked is gone. The
   * next vault gets the server's answer.
   */
  const finish = async ({ request, clientId }: KeeperEvent): Promise<Response> => {
    if (!(await isVault(clientId))) return fetch(request);
    const { url, headers, redirect } = request;
    const body = await request.text();
    const send = () => fetch(url, { method: 'POST', headers, body, redirect, credentials: 'omit', cache: 'no-store', referrerPolicy: 'no-referrer' });
    if (!/(^|&)grant_type=(refresh_token|authorization_code)(&|$)/.test(body)) return send();
    const name = `${url} ${body}`;
    const refresh = sent.get(name) ?? { answer: send(), owner: clientId };
    refresh.owner = clientId;
    sent.set(name, refresh);
    const forget = () => sent.get(name) === refresh && sent.delete(name);
    try {
      const response = await refresh.answer;
      refresh.done = true;
      if (!response.ok) forget();
      return response.clone();
    } catch (error) {
      forget();
      throw error;
    }
  };

  scope.addEventListener('install', (event) => event.waitUntil(scope.skipWaiting()));
  scope.addEventListener('fetch', (event) => {
    const { request } = event;
    if (request.headers.has(MARK)) {
      const answer = keep(event);
      event.respondWith(answer);
      rest();
      event.waitUntil(
        new Promise<void>((resolve) => {
          rest = resolve;
          setTimeout(resolve, LIFE);
        }),
      );
    } else if (
      request.method === 'POST' &&
      request.headers.get('content-type')?.startsWith('application/x-www-form-urlencoded') &&
      request.credentials === 'omit'
    ) {
      const answer = finish(event);
      event.respondWith(answer);
      event.waitUntil(answer.catch(() => {}));
    }
  });
};

/**
 * The keeper of this script, as a store: all vaults of the script share it, it lives some minutes
 * longer than they do, and no page can reach it. Each vault also knows the stored data, and passes
 * it to a new keeper. Without a keeper, a vault goes on by itself.
 *
 * @returns `undefined` if there is no keeper
 */
export const keeperStore = async (): Promise<Store | undefined> => {
  const { href } = location;
  const known = new Map<string, Entry>();
  let secret: CryptoKey;
  const channel = new BroadcastChannel('oauth2-wasm.vault ' + href);

  const ask = async (init: RequestInit): Promise<Response> => {
    // The request is not meant for the network. If a browser sends it there all the same, the
    // server cannot read it.
    const response = await fetch(href, { ...init, cache: 'only-if-cached', mode: 'same-origin', headers: { [MARK]: '1' } });
    if (!response.headers.has(MARK) || response.status === 403) throw new Error('no keeper');
    return response;
  };
  const meet = async (): Promise<[string, Entry][]> => {
    const { key, entries } = await (await ask({})).json();
    secret = await crypto.subtle.importKey('raw', unbase64(key), AES, false, ['encrypt']);
    return entries;
  };
  const tell = async (operation: Operation, again = true): Promise<Entry & { conflict?: true }> => {
    const response = await ask({ method: 'POST', body: await sealWith(secret, JSON.stringify(operation)) });
    if (response.status !== 409) return response.json();
    if (!again) throw new Error('no keeper');
    await meet();
    await tell({ seed: [...known] }, false);
    return tell(operation, false);
  };
  /** The keeper's answer, or, if it does not answer, what this vault knows. */
  const through = async (key: string, operation: Operation, alone: () => Entry | undefined): Promise<Entry | undefined> => {
    const said = await tell(operation).catch(() => undefined);
    if (!said) return alone();
    if (said.conflict) return undefined;
    known.set(key, said);
    return said;
  };

  /**
   * The keeper's data at the start of this vault, so that the session is loaded without another
   * request. A second read asks the keeper, because under a lock the engine reads a second time.
   */
  let first: Map<string, Entry> | null = null;
  const looked = new Set<string>();
  // What another vault has stored since then is not in it.
  channel.onmessage = ({ data }) => looked.add(data);
  const atFirst = (key: string): Entry | undefined => {
    const entry = first && !looked.has(key) ? (first.get(key) ?? EMPTY) : undefined;
    looked.add(key);
    if (entry) known.set(key, entry);
    return entry;
  };

  try {
    first = new Map(await meet());
  } catch {
    channel.close();
    return undefined;
  }
  setTimeout(() => (first = channel.onmessage = null), FRESH);
  setInterval(() => void tell({ beat: true }).catch(() => {}), BEAT);
  return {
    async load(key) {
      const { version, value } = atFirst(key) ?? (await through(key, { load: key }, () => known.get(key))) ?? EMPTY;
      return value === null ? { version } : { version, value };
    },
    async store(key, version, value) {
      looked.add(key);
      const entry = await through(key, { store: key, version, value }, () => replace(known, key, version, value));
      if (!entry) throw Object.assign(new Error('oauth2-wasm: store: conflict'), { name: 'ConflictError' });
      channel.postMessage(key);
      return entry.version;
    },
    // Any script of the origin can give this hint, so it only makes the client read the store.
    subscribe(key, onChange) {
      const link = new BroadcastChannel(channel.name);
      link.onmessage = ({ data }) => data === key && onChange();
      return () => link.close();
    },
  };
};

/**
 * Session keys (RFC 9449) as text, in a store that no page can reach. In IndexedDB any script of
 * the origin could sign with them.
 */
export const keysIn = (store: Store): KeyStore => {
  const at = (name: string) => 'key ' + name;
  const read = async (text: string | undefined): Promise<CryptoKeyPair | undefined> => {
    if (!text) return undefined;
    const { algorithm, jwk } = JSON.parse(text);
    const { d: _, p: __, q: ___, dp: ____, dq: _____, qi: ______, ...open } = jwk;
    return {
      privateKey: await crypto.subtle.importKey('jwk', { ...jwk, key_ops: ['sign'] }, algorithm, false, ['sign']),
      publicKey: await crypto.subtle.importKey('jwk', { ...open, key_ops: ['verify'] }, algorithm, true, ['verify']),
    };
  };
  const load = async (name: string) => read((await store.load(at(name))).value);
  return {
    insecureExtractable: true, // to store it; a loaded key is not extractable
    load,
    async add(name, pair) {
      const { value, version } = await store.load(at(name));
      if (value) return (await read(value))!;
      const { name: alg, namedCurve, hash } = pair.privateKey.algorithm as unknown as Record<string, unknown>;
      const text = JSON.stringify({ algorithm: { name: alg, namedCurve, hash }, jwk: await crypto.subtle.exportKey('jwk', pair.privateKey) });
      try {
        await store.store(at(name), version, text);
      } catch (error) {
        const first = await load(name); // another vault was faster
        if (!first) throw error;
        return first;
      }
      return pair;
    },
    async delete(name) {
      const { value, version } = await store.load(at(name));
      if (value !== undefined) await store.store(at(name), version, null);
    },
  };
};
