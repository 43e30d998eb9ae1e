/**
 * A store and locks in Redis (6.2 or later) or Valkey, for processes that share sessions.
 *
 * @packageDocumentation
 */
import type { Locks } from './index.js';
import { conflict, DEFAULT_LEASE, type ExpiringStore, leases, persist } from './remote.js';

export type { ExpiringStore } from './remote.js';

/**
 * The part of a client of npm `redis` that is needed: of `createClient`, `createCluster`,
 * `createSentinel`. The caller connects and closes it.
 */
export interface RedisClient {
  get(key: string): Promise<string | null>;
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  /**
   * The same client with options for its commands. A client that is not connected queues commands;
   * the signal removes from its queue what the store has given up on.
   */
  withCommandOptions?(options: { abortSignal: AbortSignal }): unknown;
}

/** Where the values are in Redis. */
export interface RedisOptions {
  /**
   * Begins all keys. Stores with the same prefix share their values. Default: `oauth2-wasm:`.
   */
  prefix?: string;
}

/** How locks are held. */
export interface RedisLockOptions extends RedisOptions {
  /**
   * How long a lock lives unless its holder renews it, in ms; 1,000 at least. Default: 40,000,
   * which is longer than a request may take.
   */
  lease?: number;
}

const PREFIX = 'oauth2-wasm:';

// An entry is its version, a space and its value. Each script has one key, so that it runs on every
// node of a cluster that has that key.

/** If an answer was lost, the same script runs again and finds its own version. */
const PUT = `
local there = redis.call('GET', KEYS[1])
local version = there and string.match(there, '^(%S+) ') or ''
if version ~= ARGV[1] and version ~= ARGV[2] then return 0 end
if ARGV[4] == '' then
  redis.call('SET', KEYS[1], ARGV[2] .. ' ' .. ARGV[3])
else
  redis.call('SET', KEYS[1], ARGV[2] .. ' ' .. ARGV[3], 'PXAT', ARGV[4])
end
return 1`;

/** When it is repeated, a missing key counts as success. */
const REMOVE = `
local there = redis.call('GET', KEYS[1])
local version = there and string.match(there, '^(%S+) ') or ''
if version == ARGV[1] then
  redis.call('DEL', KEYS[1])
elseif version ~= '' or ARGV[2] == '' then
  return 0
end
return 1`;

/** SET NX PX, except that it also succeeds for a holder that retries because an answer was lost. */
const TAKE = `
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`;

const RENEW = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`;

const FREE = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`;

/**
 * The errors of Redis that may go away by themselves. All its errors begin with a word in capitals.
 */
const SAID = /^[A-Z]+ /;
const SAID_PASSING = /^(LOADING|READONLY|CLUSTERDOWN|MASTERDOWN|TRYAGAIN|MOVED|ASK|NOREPLICAS|BUSY|ERR max number of clients)/;

const passing = (error: unknown): boolean => {
  const { message = '' } = error as Partial<Error>;
  return SAID_PASSING.test(message) || !(SAID.test(message) || error instanceof TypeError || message === 'The client is closed');
};

const abortedBy = (signal: AbortSignal, client: RedisClient) => (client.withCommandOptions?.({ abortSignal: signal }) ?? client) as RedisClient;

const script = async (client: RedisClient, text: string, key: string, ...args: string[]) =>
  Number(await client.eval(text, { keys: [key], arguments: args })) === 1;

/**
 * A store in Redis. Everybody who can read the database can read the tokens: encrypt them with
 * {@link sealed} of `oauth2-wasm/sealed`.
 *
 * @param client your client, connected, with a listener for `error`
 */
export const redisStore = (client: RedisClient, { prefix = PREFIX }: RedisOptions = {}): ExpiringStore => {
  const entry = (key: string) => `${prefix}entry:${key}`;
  const put = async (key: string, version: string, value: string, until: string) => {
    const next = crypto.randomUUID(); // random, so that no version comes twice, not even after a deletion
    if (!(await persist(passing, (_, signal) => script(abortedBy(signal, client), PUT, entry(key), version, next, value, until)))) throw conflict();
    return next;
  };
  return {
    async load(key) {
      const text = await persist(passing, (_, signal) => abortedBy(signal, client).get(entry(key)));
      if (text === null) return { version: '' };
      const end = text.indexOf(' ');
      if (end < 1) throw new Error('oauth2-wasm: redis: what is stored there is no entry');
      return { version: text.slice(0, end), value: text.slice(end + 1) };
    },
    async store(key, version, value) {
      if (value !== null) return put(key, version, value, '');
      if (!(await persist(passing, (again, signal) => script(abortedBy(signal, client), REMOVE, entry(key), version, again && version ? '1' : ''))))
        throw conflict();
      return '';
    },
    storeUntil: (key, version, value, until) => put(key, version, value, String(Math.max(1, Math.floor(until)))),
  };
};

/**
 * Locks in Redis, for all processes that use it: they refresh a session one after the other. A lock
 * is renewed while it is held.
 *
 * @param client as for {@link redisStore}
 * @throws {RangeError} if the lease is below 1,000 ms
 */
export const redisLocks = (client: RedisClient, { prefix = PREFIX, lease = DEFAULT_LEASE }: RedisLockOptions = {}): Locks => {
  const run = (text: string, signal: AbortSignal, name: string, ...args: (string | number)[]) =>
    script(abortedBy(signal, client), text, `${prefix}lock:${name}`, ...args.map(String));
  return leases(
    {
      take: (name, holder, ms, signal) => run(TAKE, signal, name, holder, ms),
      renew: (name, holder, ms, signal) => run(RENEW, signal, name, holder, ms),
      free: (name, holder, signal) => run(FREE, signal, name, holder),
    },
    passing,
    lease,
  );
};
