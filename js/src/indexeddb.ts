/**
 * A store over IndexedDB.
 *
 * @packageDocumentation
 */
import { ConflictError, type Store, type Stored } from './index.js';

const TABLE = 'sessions';

/**
 * A store in IndexedDB: a session is shared by all tabs and workers of the origin, and survives the end of the browser. Insecure because
 * every script that runs in a page of this origin can read the tokens, today and later, and so can whoever reads the user's disk;
 * choose it only where signing in again is worse than that.
 *
 * @param name the database's. Clients that are given stores of one name share what is in them.
 * @throws {Error} there is no IndexedDB, as in Node
 */
export const insecureIndexedDBStore = (name = 'oauth2-wasm'): Store => {
  if (!globalThis.indexedDB) throw new Error('oauth2-wasm: insecureIndexedDBStore: there is no IndexedDB here');
  let opened: Promise<IDBDatabase> | undefined;

  const database = () =>
    (opened ??= new Promise<IDBDatabase>((resolve, reject) => {
      const request = indexedDB.open(name, 1);
      request.onupgradeneeded = () => request.result.createObjectStore(TABLE);
      request.onerror = () => reject(request.error);
      request.onsuccess = () => {
        const db = request.result;
        // Somebody deletes the database, or the browser did: the next operation opens it anew.
        db.onversionchange = db.onclose = () => {
          opened = undefined;
          db.close();
        };
        resolve(db);
      };
    }).catch((error) => {
      opened = undefined;
      throw error;
    }));

  /** Reads a key, and lets `next` write in the same transaction, between which no other writer of any tab can come. */
  const access = async <T>(key: string, mode: IDBTransactionMode, next: (now: Stored, table: IDBObjectStore) => T): Promise<T> => {
    const db = await database();
    return new Promise((resolve, reject) => {
      // On the disk before the core goes on: a refresh token that was used up is lost with its successor.
      const transaction = db.transaction(TABLE, mode, { durability: 'strict' });
      const table = transaction.objectStore(TABLE);
      let result: T;
      transaction.oncomplete = () => resolve(result);
      transaction.onabort = () => reject(transaction.error);
      const request = table.get(key);
      request.onsuccess = () => {
        try {
          result = next(request.result ?? { version: '' }, table);
        } catch (error) {
          reject(error);
          transaction.abort();
        }
      };
    });
  };

  return {
    load: (key) => access(key, 'readonly', (now) => now),
    store: (key, version, value) =>
      access(key, 'readwrite', (now, table) => {
        if (now.version !== version) throw new ConflictError('oauth2-wasm: store: conflict');
        if (value === null) {
          table.delete(key);
          return '';
        }
        const next = crypto.randomUUID();
        table.put({ version: next, value }, key);
        return next;
      }),
  };
};
