/**
 * A store and locks in PostgreSQL (12 or later), for processes that share sessions.
 *
 * @packageDocumentation
 */
import type { Locks } from './index.js';
import { ATTEMPT, conflict, DEFAULT_LEASE, type ExpiringStore, leases, persist } from './remote.js';

export type { ExpiringStore } from './remote.js';

/**
 * The part of a `Pool` of npm `pg` that is needed. The caller makes and ends it; it needs a
 * listener for `error`.
 */
export interface PostgresPool {
  query(query: { text: string; values?: unknown[] }): Promise<{ rows: unknown[]; rowCount: number | null }>;
}

/** Where the tables are. */
export interface PostgresOptions {
  /**
   * The existing schema of the tables. Default: the first of the `search_path`.
   */
  schema?: string;
}

/** How locks are held. */
export interface PostgresLockOptions extends PostgresOptions {
  /**
   * How long a lock lives unless its holder renews it, in ms; 1,000 at least. Default: 40,000,
   * which is longer than a request may take.
   */
  lease?: number;
}

/** How often, in ms, and how many expired rows are deleted. */
const PURGE_PAUSE = 10_000;
const PURGE_MOST = 1000;

const tables = ({ schema = '' }: PostgresOptions) => {
  if (schema.includes('\0') || new TextEncoder().encode(schema).length > 63)
    throw new RangeError('oauth2-wasm: postgres: the name of a schema has 63 bytes at most, and no NUL');
  const within = schema && `"${schema.replaceAll('"', '""')}".`;
  return { entries: `${within}"oauth2_entries"`, locks: `${within}"oauth2_locks"` };
};

/**
 * Errors of PostgreSQL that may go away by themselves: it is starting or stopping, has no free
 * connection, or aborted one of two transactions.
 */
const SAID_PASSING = /^(08...|57P0[123]|53300|40001|40P01|25006)$/;

const passing = (error: unknown): boolean => {
  const { message = '', code = '', severity } = error as { message?: string; code?: string; severity?: string };
  return severity ? SAID_PASSING.test(code) : !(error instanceof TypeError || message.startsWith('Cannot use a pool after'));
};

/**
 * One unnamed statement without an explicit transaction: PgBouncer may give the next one to another
 * server. `query_timeout` ends a connection whose answer is lost.
 */
const run = (pool: PostgresPool, text: string, ...values: unknown[]) =>
  pool.query({ text, values, query_timeout: ATTEMPT - 100 } as Parameters<PostgresPool['query']>[0]);

/**
 * The statements that create missing tables, for migration tools. The application needs SELECT,
 * INSERT, UPDATE and DELETE on them.
 */
export const postgresMigration = (options: PostgresOptions = {}): string[] => {
  const { entries, locks } = tables(options);
  return [
    `CREATE TABLE IF NOT EXISTS ${entries} (key text COLLATE "C" PRIMARY KEY, value text NOT NULL, version text NOT NULL, expires_at timestamptz)`,
    `CREATE INDEX IF NOT EXISTS oauth2_entries_expire ON ${entries} (expires_at) WHERE expires_at IS NOT NULL`,
    `CREATE TABLE IF NOT EXISTS ${locks} (name text COLLATE "C" PRIMARY KEY, holder text NOT NULL, expires_at timestamptz NOT NULL)`,
  ];
};

/** Creates missing tables. */
export const createPostgresTables = async (pool: PostgresPool, options: PostgresOptions = {}): Promise<void> => {
  // One of two concurrent creates finds what the other has just made.
  const made = (error: unknown) => ['23505', '42P07', '42710'].includes((error as { code?: string }).code ?? '');
  for (const text of postgresMigration(options))
    await persist(
      (error) => passing(error) || made(error),
      () => run(pool, text),
    );
};

/**
 * A store in PostgreSQL. Everybody who can read the database can read the tokens: encrypt them with
 * {@link sealed} of `oauth2-wasm/sealed`.
 *
 * @throws {RangeError} if the schema's name is too long
 */
export const postgresStore = (pool: PostgresPool, options: PostgresOptions = {}): ExpiringStore => {
  const { entries, locks } = tables(options);
  const there = '(expires_at IS NULL OR expires_at > now())';
  const load = `SELECT value, version FROM ${entries} WHERE key = $1::text AND ${there}`;
  // If an answer was lost, the same statement runs again, finds its own version, and writes the
  // same once more.
  const insert = `INSERT INTO ${entries} AS e (key, value, version, expires_at) VALUES ($1::text, $2::text, $3::text, to_timestamp($4::float8 / 1000))
ON CONFLICT (key) DO UPDATE SET value = excluded.value, version = excluded.version, expires_at = excluded.expires_at
WHERE e.expires_at <= now() OR e.version = excluded.version`;
  const update = `UPDATE ${entries} SET value = $2::text, version = $3::text, expires_at = to_timestamp($4::float8 / 1000)
WHERE key = $1::text AND version IN ($5::text, $3::text) AND ${there}`;
  const remove = `DELETE FROM ${entries} WHERE key = $1::text AND version = $2::text AND ${there}`;
  const purge = (
    [
      [entries, 'key'],
      [locks, 'name'],
    ] as const
  ).map(
    ([table, key]) => `DELETE FROM ${table} WHERE ${key} IN (SELECT ${key} FROM ${table} WHERE expires_at <= now() LIMIT ${PURGE_MOST} FOR UPDATE SKIP LOCKED)`,
  );

  let purged = 0;
  /**
   * Deletes some expired rows from time to time. If that fails, a later call does it.
   */
  const clean = async () => {
    if (Date.now() - purged < PURGE_PAUSE) return;
    purged = Date.now();
    for (const text of purge) {
      const deleted = await run(pool, text).catch(() => undefined);
      if (deleted?.rowCount === PURGE_MOST) purged = 0; // there are more, which the next store deletes
    }
  };

  const find = async (key: string) => (await run(pool, load, key)).rows[0] as { value: string; version: string } | undefined;
  const put = async (key: string, version: string, value: string, until: number | null) => {
    const next = crypto.randomUUID(); // random, so that no version comes twice, not even after a deletion
    const { rowCount } = await persist(passing, () =>
      version ? run(pool, update, key, value, next, until, version) : run(pool, insert, key, value, next, until),
    );
    if (!rowCount) throw conflict();
    await clean();
    return next;
  };
  return {
    load: async (key) => {
      const row = await persist(passing, () => find(key));
      return row ? { version: row.version, value: row.value } : { version: '' };
    },
    async store(key, version, value) {
      if (value !== null) return put(key, version, value, null);
      const gone = await persist(passing, async (again) => {
        if (version && (await run(pool, remove, key, version)).rowCount) return true;
        // If an answer was lost, the first try may have deleted the row already.
        return (again || !version) && !(await find(key));
      });
      if (!gone) throw conflict();
      return '';
    },
    storeUntil: (key, version, value, until) => put(key, version, value, until),
  };
};

/**
 * Locks in PostgreSQL, for all processes that use it: they refresh a session one after the other.
 * They are rows that expire, not advisory locks, which would belong to a connection. A lock is
 * renewed while it is held.
 *
 * @throws {RangeError} if the lease is below 1,000 ms, or the schema's name too long
 */
export const postgresLocks = (pool: PostgresPool, { lease = DEFAULT_LEASE, ...options }: PostgresLockOptions = {}): Locks => {
  const { locks } = tables(options);
  // The clock is read after the row was waited for: clock_timestamp, and not now.
  const end = `clock_timestamp() + $3::float8 * interval '1 millisecond'`;
  const take = `INSERT INTO ${locks} AS l (name, holder, expires_at) VALUES ($1::text, $2::text, ${end})
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = ${end}
WHERE l.expires_at <= clock_timestamp() OR l.holder = excluded.holder`;
  const renew = `UPDATE ${locks} SET expires_at = ${end} WHERE name = $1::text AND holder = $2::text`;
  const free = `DELETE FROM ${locks} WHERE name = $1::text AND holder = $2::text`;
  const one = async (...args: [string, ...unknown[]]) => (await run(pool, ...args)).rowCount === 1;
  return leases(
    {
      take: (name, holder, ms) => one(take, name, holder, ms),
      renew: (name, holder, ms) => one(renew, name, holder, ms),
      free: (name, holder) => one(free, name, holder),
    },
    passing,
    lease,
  );
};
