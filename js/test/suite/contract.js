// The executor contract: how a host carries out effects, against a live server.
// core/contract/contract.json has the cases. Web-standard JavaScript, for every host.

import { Kept, match } from './match.js';
import { PATIENCE } from './patience.js';
import { tally } from './tally.js';

const late = Symbol('late');

/** The result of a promise within a time, or `late`. */
const within = async (promise, ms) => {
  let clock;
  const timeout = new Promise((resolve) => (clock = setTimeout(resolve, ms, late)));
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(clock);
  }
};

/** A store that fails on demand. */
class FaultyStore {
  /** Without Web Locks, the locks of a local store are tested. */
  local = !globalThis.indexedDB;
  times = 0;
  #kept;

  constructor(kept) {
    this.#kept = kept;
  }

  load(key) {
    return this.#kept.load(key);
  }

  store(...args) {
    if (this.times > 0) {
      this.times--;
      throw new Error('told to fail');
    }
    return this.#kept.store(...args);
  }
}

/** Browsers keep keys permanently, so a case begins by deleting those of others. */
const forgetKeys = () =>
  globalThis.indexedDB &&
  new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase('oauth2-wasm.keys');
    request.onsuccess = resolve;
    request.onerror = () => reject(request.error);
  });

/** One case under way. */
class Stage {
  #host;
  #store;
  #performed = new Map();
  #kept = new Kept();
  #commands = 0;

  static async open({ Host, memoryStore }, module, { store, ...hands } = {}) {
    const stage = new Stage();
    await forgetKeys();
    stage.#store = new FaultyStore(store ?? memoryStore());
    stage.#host = await Host.open({ module, open: { kind: 'contract' }, ...hands, store: stage.#store });
    return stage;
  }

  async play(step) {
    if (step.perform) this.#perform(step);
    else if (step.expect) {
      const got = await within(this.#answer(step.expect), PATIENCE);
      if (got === late) throw new Error('no answer');
      match('answer', step.answer, got, this.#kept);
    } else if (step.pending) {
      const got = await within(this.#answer(step.pending), step.ms);
      if (got !== late) throw new Error(`answered: ${JSON.stringify(got)}`);
    } else if (step.close) this.close();
    else if (step.fault === 'store') this.#store.times = step.times;
    else if (step.get) match(step.get, step.json, await (await fetch(step.get)).json());
    else throw new Error(`no verb: ${JSON.stringify(step)}`);
  }

  close() {
    this.#host.close();
  }

  #perform({ perform, as }) {
    const effect = this.#kept.filled(perform);
    if (effect.command) effect.command = this.#named(effect.command).id;
    const answer = this.#host.run('perform', { effect }).then(
      ({ answer }) => answer ?? {},
      // A closed session gives no answers; the caller gets an error.
      (error) => (error.code === 'closed' ? new Promise(() => {}) : Promise.reject(error)),
    );
    answer.catch(() => {}); // checked when it is needed
    // A host counts its commands from 1.
    this.#performed.set(as, { answer, id: ++this.#commands });
  }

  #named(name) {
    const found = this.#performed.get(name);
    if (!found) throw new Error(`nothing is named ${name}`);
    return found;
  }

  #answer(name) {
    return this.#named(name).answer;
  }
}

/**
 * @param {{Host: object, memoryStore: object}} library the package
 * @param {WebAssembly.Module} module
 * @param {object[]} cases of contract.json
 * @param {string} server the live server's base URL
 * @param {() => Promise<object>} [hands] returns the store, locks and keys of a case; default: the
 * usual ones
 */
export const runContract = (library, module, cases, server, hands) =>
  tally(JSON.parse(JSON.stringify(cases).replaceAll('{server}', server)), async ({ steps }) => {
    const stage = await Stage.open(library, module, await hands?.());
    try {
      for (const [n, step] of steps.entries()) {
        try {
          await stage.play(step);
        } catch (error) {
          throw new Error(`step ${n + 1}: ${error.message}`, { cause: error });
        }
      }
    } finally {
      stage.close();
    }
  });
