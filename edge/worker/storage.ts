import { Memory } from 'oauth2-wasm/bff';
import { type Answers, type Effects, type Executors, Failed, type KeyStore, type Ring, seal, unseal } from 'oauth2-wasm/host';
import { LEASE_MS } from './lines.js';
import type { Question, Reply } from './object.js';

/** Asks the object of a key. */
type Ask = (key: string, question: Question) => Promise<Reply>;

const askObjects = (objects: DurableObjectNamespace): Ask => {
  // One stub for each key, so that its questions arrive in order.
  const stubs = new Map<string, DurableObjectStub>();
  return async (key, question) => {
    let stub = stubs.get(key);
    if (!stub) stubs.set(key, (stub = objects.get(objects.idFromName(key))));
    try {
      const response = await stub.fetch('https://sessions/', { method: 'POST', body: JSON.stringify(question) });
      if (response.ok) return (await response.json()) as Reply;
    } catch {
      // If an object was moved or restarted, its stubs no longer work.
      stubs.delete(key);
    }
    throw new Failed('storage');
  };
};

const memory = new Memory();

/**
 * The server's metadata, which can be fetched again and so needs no object, and a counter for its
 * versions.
 */
const remembered = new Map<string, { value: string; version: string }>();
let states = 0;

const recallState = (key: string): Answers['load'] => remembered.get(key) ?? { version: '' };

const keepState = ({ key, version, value }: Effects['store']): Answers['store'] => {
  if (recallState(key).version !== version) throw new Failed('conflict');
  if (value === undefined) remembered.delete(key);
  else remembered.set(key, { value, version: `${++states}` });
  return { version: value === undefined ? '' : `${states}` };
};

/** Keeps the request alive for messages that have to be sent after it has ended. */
type Keep = (said: Promise<unknown>) => void;

const hold = async (ask: Ask, keep: Keep, { name, timeout_ms }: Effects['lock'], { signal }: AbortController): Promise<{}> => {
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

/** Session keys. They are stored sealed, because the runtime cannot store non-extractable keys. */
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
    insecureExtractable: true, // so that it can be sealed; a loaded key is not extractable
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

/**
 * The executors of one request for storage: `load`, `store`, `lock`, `recall`, `remember`, and the
 * store of keys. `lifetime` is the lifetime of keys, in ms.
 */
export const storage = (objects: DurableObjectNamespace, ring: Ring, lifetime: number, keep: Keep) => {
  const ask = askObjects(objects);
  const access = async <T>(question: Question & { key: string }): Promise<T> => {
    const { failed, ...ok } = await ask(question.key, question);
    if (failed) throw new Failed(failed);
    return ok as T;
  };
  const cached = (key: string) => key.endsWith('.metadata');
  const executors: Executors = {
    load: async ({ key }) => (cached(key) ? recallState(key) : access({ op: 'load', key })),
    store: async (effect) => {
      const { id: _, kind: __, ...state } = effect;
      return cached(effect.key) ? keepState(effect) : access({ op: 'store', ...state });
    },
    lock: (effect, controller) => hold(ask, keep, effect, controller),
    recall: async ({ key }) => ({ text: memory.recall(key) }) as Answers['recall'],
    remember: ({ key, text, expires_at }) => memory.remember(key, text, expires_at),
  };
  return { executors, keys: sealedKeys(ask, ring, lifetime) };
};
