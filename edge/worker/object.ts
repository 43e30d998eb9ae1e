import { Lines } from './lines.js';

/** The value of a key. `version` is unique among all states of all keys. */
interface Entry {
  value: string;
  version: string;
  /** When it may be deleted, in Unix ms; left out: never. */
  expires_at?: number;
}

/** A question to an object, as JSON in the body of a POST. */
export type Question =
  | { op: 'load'; key: string }
  | { op: 'store'; key: string; version: string; value?: string; delete?: boolean; expires_at?: number }
  | { op: 'lock'; name: string; wait_ms: number }
  | { op: 'renew' | 'unlock'; name: string; token: string };

/** Its answer. */
export interface Reply {
  value?: string;
  version?: string;
  token?: string;
  failed?: 'conflict' | 'timeout';
}

const over = ({ expires_at: end }: Entry) => end !== undefined && end <= Date.now();

/**
 * The Durable Object: the text that is stored under a key, and the queue for the lock of that name.
 * There is one object for each key (`idFromName(key)`), so no session waits for another.
 *
 * A store is a compare-and-set. Between the read and the write no other event runs here (input
 * gates), and the answer is sent when the write is on the disk (output gates): a confirmed write
 * survives the end of the object. Locks are in memory and are lost with the object; then the
 * versions prevent conflicting writes.
 */
export class Sessions {
  #storage: DurableObjectStorage;
  #lines = new Lines();

  constructor(state: DurableObjectState) {
    this.#storage = state.storage;
  }

  async fetch(request: Request): Promise<Response> {
    return Response.json(await this.#answer((await request.json()) as Question, request.signal));
  }

  #answer(question: Question, gone: AbortSignal): Promise<Reply> | Reply {
    switch (question.op) {
      case 'load':
        return this.#load(question.key);
      case 'store':
        return this.#store(question);
      case 'lock':
        return this.#lines.wait(question.name, question.wait_ms, gone).then((token) => (token ? { token } : { failed: 'timeout' }));
      case 'renew':
        this.#lines.renew(question.name, question.token);
        return {};
      case 'unlock':
        this.#lines.leave(question.name, question.token);
        return {};
    }
  }

  async #load(key: string): Promise<Reply> {
    const entry = await this.#storage.get<Entry>(key);
    return !entry || over(entry) ? { version: '' } : { value: entry.value, version: entry.version };
  }

  async #store({ key, version, value, delete: remove, expires_at }: Extract<Question, { op: 'store' }>): Promise<Reply> {
    const storage = this.#storage;
    const entry = await storage.get<Entry>(key);
    if ((!entry || over(entry) ? '' : entry.version) !== version) return { failed: 'conflict' };
    if (remove || value === undefined) {
      await this.#forget([key]);
      return { version: '' };
    }
    const next = crypto.randomUUID();
    void storage.put(key, { value, version: next, ...(expires_at && { expires_at }) });
    if (expires_at) {
      // There is one alarm for all keys. If it is set to an earlier time it stays there, and is
      // then set again.
      const due = await storage.getAlarm();
      if (due === null || expires_at < due) await storage.setAlarm(expires_at);
    }
    return { version: next };
  }

  /** Deletes expired texts. It may be called twice, or early. */
  async alarm(): Promise<void> {
    const entries = [...(await this.#storage.list<Entry>())];
    await this.#forget(entries.filter(([, entry]) => over(entry)).map(([key]) => key));
    const left = entries.flatMap(([, entry]) => (over(entry) ? [] : (entry.expires_at ?? [])));
    if (left.length) await this.#storage.setAlarm(Math.min(...left));
  }

  /** An object without data takes up no storage. */
  async #forget(keys: string[]): Promise<void> {
    const storage = this.#storage;
    if (keys.length) await storage.delete(keys);
    if ((await storage.list()).size) return;
    await storage.deleteAlarm();
    await storage.deleteAll();
  }
}
