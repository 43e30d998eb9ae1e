import { type Effect, type Executor, Failed } from '../../js/src/effects.js';
import type { KeyStore } from '../../js/src/keys.js';
import { LEASE_MS } from './lines.js';
import type { Question, Reply } from './object.js';
import { Memory } from './memory.js';
import { type Ring, seal, unseal } from './seal.js';

/** Asks the object of a key. */
type Ask = (key: string, question: Question) => Promise<Reply>;

const askObjects = (objects: DurableObjectNamespace): Ask => {
  // One stub a key, so that what is asked of it arrives in order.
  const stubs = new Map<string, DurableObjectStub>();
  return async (key, question) => {
    let stub = stubs.get(key);
    if (!stub) stubs.set(key, (stub = objects.get(objects.idFromName(key))));
    try {
      const response = await stub.fetch('https://sessions/', { method: 'POST', body: JSON.stringify(question) });
      if (response.ok) return (await response.json()) as Reply;
    } catch {
      // An object that was moved or restarted breaks its stubs.
      stubs.delete(key);
    }
    throw new Failed('storage');
  };
};

const memory = new Memory();

/** The server's metadata, which can be had again and so have no object. Beside them the count of their states. */
const remembered = new Map<string, { value: string; version: string }>();
let states = 0;

const cache: Executor = async ({ kind, key, version, value }) => {
  const { value: now, version: at = '' } = remembered.get(key) ?? {};
  if (kind === 'load') return { value: now, version: at };
  if (at !== version) throw new Failed('conflict');
  if (value === undefined) remembered.delete(key);
  else remembered.set(key, { value, version: `${++states}` });
  return { version: value === undefined ? '' : `${states}` };
};

/** What has to be said although the request is over. */
type Keep = (said: Promise<unknown>) => void;

const hold = async (ask: Ask, keep: Keep, { name, timeout_ms }: Effect, { signal }: AbortController): Promise<object> => {
  const { token } = await ask(name, { op: 'lock', name, wait_ms: timeout_ms });
  if (!token) throw new Failed('timeout');
  const say = (op: 'renew' | 'unlock') => ask(name, { op, name, token }).catch(() => {});
  const clock = setInterval(() => say('renew'), LEASE_MS / 3);
  const release = () => {
    clearInterval(clock);
    keep(say('unlock'));
  };
  if (signal.aborted) release();
  else signal.addEventListener('abort', release);
  return {};
};

/** Keys of sessions. They are stored sealed: the runtime can store no key that nobody may read. */
const sealedKeys = (ask: Ask, ring: Ring, lifetime: number): KeyStore => {
  const read = async (name: string, sealed: string): Promise<CryptoKeyPair> => {
    const { algorithm, privateJwk, publicJwk } = JSON.parse(await unseal(ring, sealed, `key ${name}`));
    const load = (jwk: JsonWebKey, usage: KeyUsage) => crypto.subtle.importKey('jwk', jwk, algorithm, usage === 'verify', [usage]);
    return { privateKey: await load(privateJwk, 'sign'), publicKey: await load(publicJwk, 'verify') };
  };
  const load = async (name: string) => {
    const { value } = await ask(name, { op: 'load', key: name });
    return value === undefined ? undefined : read(name, value);
  };
  return {
    insecureExtractable: true, // so that it can be sealed; what is read back cannot be exported again
    load,
    async add(name, pair) {
      const write = (key: CryptoKey) => crypto.subtle.exportKey('jwk', key);
      const { algorithm } = pair.publicKey;
      const text = JSON.stringify({ algorithm, privateJwk: await write(pair.privateKey), publicJwk: await write(pair.publicKey) });
      const value = await seal(ring, text, `key ${name}`);
      const { failed } = await ask(name, { op: 'store', key: name, version: '', value, expires_at: Date.now() + lifetime });
      return failed ? (await load(name))! : pair;
    },
    async delete(name) {
      const { version } = await ask(name, { op: 'load', key: name });
      if (version) await ask(name, { op: 'store', key: name, version, delete: true });
    },
  };
};

/** How one request gets at what is kept: `load`, `store`, `lock`, `recall`, `remember`, and the store of keys. `lifetime` is that of keys, in ms. */
export const storage = (objects: DurableObjectNamespace, ring: Ring, lifetime: number, keep: Keep) => {
  const ask = askObjects(objects);
  const access: Executor = async (effect, controller) => {
    const { kind, key, version, value, expires_at } = effect;
    if (key.endsWith('.metadata')) return cache(effect, controller);
    const { failed, ...ok } = await ask(key, kind === 'load' ? { op: 'load', key } : { op: 'store', key, version, value, expires_at, delete: effect.delete });
    if (failed) throw new Failed(failed);
    return ok;
  };
  const executors: Record<string, Executor> = {
    load: access,
    store: access,
    lock: (effect, controller) => hold(ask, keep, effect, controller),
    recall: async ({ key }) => ({ text: memory.recall(key) }),
    remember: async ({ key, text, expires_at }) => (memory.remember(key, text, expires_at), {}),
  };
  return { executors, keys: sealedKeys(ask, ring, lifetime) };
};
