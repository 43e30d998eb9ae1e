/**
 * A store over IndexedDB.
 *
 * @packageDocumentation
 */
import { database } from './database.js';
import { ConflictError, type Store, type Stored } from './index.js';

/**
 * A store in IndexedDB: all tabs and workers of the origin share a session, and it survives the end
 * of the browser. Insecure because every script that runs in a page of this origin can read the
 * tokens, now and later, and so can everybody who reads the user's disk. Choose it only if signing
 * in again is worse than that.
 *
 * @param name of the database. Clients with stores of one name share their sessions.
 * @throws {Error} if there is no IndexedDB, as in Node
 */
export const insecureIndexedDBStore = (name = 'oauth2-wasm'): Store => {
  if (!globalThis.indexedDB) throw new Error('oauth2-wasm: insecureIndexedDBStore: there is no IndexedDB here');
  const store = stores.get(name) ?? overDatabase(name);
  stores.set(name, store);
  return store;
};

/**
 * One object for each database, because it is one place: clients that use it share a session.
 */
const stores = new Map<string, Store>();

const overDatabase = (name: string): Store => {
  const access = database<Stored>(name, 'sessions');
  const channel = () => {
    const link = new BroadcastChannel('oauth2-wasm.store ' + name);
    (link as { unref?(): void }).unref?.(); // in Node it would keep the process
    return link;
  };
  // Any script of the origin can send this message, too, so it only makes the client read the
  // store. The message contains only the key.
  const said = globalThis.BroadcastChannel && channel();
  return {
    ...(said && {
      subscribe(key: string, onChange: () => void) {
        const link = channel();
        link.onmessage = ({ data }) => data === key && onChange();
        return () => link.close();
      },
    }),
    load: (key) => access(key, 'readonly', (now = { version: '' }) => now),
    store: async (key, version, value) => {
      const stored = await access(key, 'readwrite', (now = { version: '' }, table) => {
        if (now.version !== version) throw new ConflictError('oauth2-wasm: store: conflict');
        if (value === null) {
          table.delete(key);
          return '';
        }
        const next = crypto.randomUUID();
        table.put({ version: next, value }, key);
        return next;
      });
      said?.postMessage(key);
      return stored;
    },
  };
};
