import { Memory } from 'oauth2-wasm/bff';
import { type Answers, type Effects, type Executors, Failed, type KeyStore, type Ring, seal, unseal } from 'oauth2-wasm/host';
import { LEASE_MS } from './lines.js';
import type { Question, Reply } from './object.js';

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

/**
 * The server's metadata, which can be had again and so have no object. Beside them the count of
 * their states.
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

/** What has to be said although the request is over. */
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

/**
 * How one request gets at what is kept: `load`, `store`, `lock`, `recall`, `remember`, and the
 * store of keys. `lifetime` is that of keys, in ms.
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
