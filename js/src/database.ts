/**
 * Reads a key and lets `next` write it in the same transaction, so that no writer of any tab can
 * come in between.
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
        // Somebody is deleting the database, or the browser has done so: the next operation opens
        // it again.
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
      // The value has to be on the disk before the core goes on: after a refresh the old token is
      // used up, so losing the new one would end the session.
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
