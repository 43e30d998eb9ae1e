/**
 * Reads a key, and lets `next` write in the same transaction, between which no other writer of any
 * tab can come.
 */
export type Access<V> = <T>(key: string, mode: IDBTransactionMode, next: (now: V | undefined, table: IDBObjectStore) => T) => Promise<T>;

/** One table of an IndexedDB database, opened at the first use. */
export const database = <V>(name: string, table: string): Access<V> => {
  let opened: Promise<IDBDatabase> | undefined;

  const open = () =>
    (opened ??= new Promise<IDBDatabase>((resolve, reject) => {
      const request = indexedDB.open(name, 1);
      request.onupgradeneeded = () => request.result.createObjectStore(table);
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

  return async (key, mode, next) => {
    const db = await open();
    return new Promise((resolve, reject) => {
      // On the disk before the core goes on: a refresh token that was used up is lost with its
      // successor.
      const transaction = db.transaction(table, mode, { durability: 'strict' });
      const rows = transaction.objectStore(table);
      let result: ReturnType<typeof next>;
      transaction.oncomplete = () => resolve(result);
      transaction.onabort = () => reject(transaction.error);
      const request = rows.get(key);
      request.onsuccess = () => {
        try {
          result = next(request.result, rows);
        } catch (error) {
          reject(error);
          transaction.abort();
        }
      };
    });
  };
};
