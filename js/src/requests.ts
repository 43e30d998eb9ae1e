import { instantiate, type Instance, type Source } from '../../wasm_exec.js';
import { entropy } from './bytes.js';
import { type EffectEntry, entryOf } from './entry.js';
import type { ErrorDetails } from './error.js';
import { type Effect, type Executors, Loop } from './loop.js';

/**
 * Memory never shrinks: an instance that once had large messages serves its current requests and
 * gets no new ones. So does one that still holds effects of requests that the runtime has dropped.
 */
const WORN = 4 << 20;

/** A source from which instances can be made repeatedly. */
export type ModuleSource = Exclude<Source, Response>;

/** The configuration was refused. */
export class Refused extends Error {
  constructor(readonly details: ErrorDetails) {
    super(`${details.code}: ${details.field ?? ''}`);
  }
}

/**
 * The request is larger than the module accepts. The host keeps the body, so the headers or the URL
 * are too large.
 */
export class Unreadable extends Error {}

/** One session of the module, and its instance. */
export interface Session {
  instance: Instance;
  /** 0: not open yet. */
  handle: number;
  /**
   * A turn is under way: an input and all its effects. If the runtime ends a request for its CPU
   * time, nothing is thrown, so this stays set, and the rest of that turn is lost.
   */
  inside: boolean;
}

/**
 * Runs a session of a kind that serves requests (`bff`): one session, in one instance at a time,
 * for all requests. Requests share only bytes, never a promise. So it also works in a runtime in
 * which a request cannot await another's work (workerd).
 */
export class Requests {
  #module: Source;
  #session: Session | undefined;

  /**
   * @param module compiled, or its bytes, to make the next instance when one has grown too large
   */
  constructor(module: ModuleSource) {
    this.#module = module;
  }

  /**
   * Gives an open session. Each caller awaits only its own work, because a request in workerd
   * cannot await another's.
   */
  async ready(): Promise<Session> {
    const session = this.#session;
    if (session && !session.inside && session.instance.memoryBytes <= WORN) return session;
    return (this.#session = { instance: await instantiate(this.#module), handle: 0, inside: false });
  }

  /** Makes the next request use another session. */
  leave(session: Session): void {
    if (this.#session === session) this.#session = undefined;
  }

  #guarded<T>(session: Session, turn: () => T): T {
    try {
      if (session.inside) throw new Error('a turn was cut off');
      session.inside = true;
      const result = turn();
      session.inside = false;
      return result;
    } catch (error) {
      this.leave(session); // it still answers, wrongly
      throw error;
    }
  }

  async #opened(open: string): Promise<Session> {
    const session = await this.ready();
    const { instance } = session;
    session.handle ||= this.#guarded(session, () => instance.open(`{"now":${Date.now()},"entropy":"${entropy()}",${open}}`));
    if (!session.handle) throw new Refused(JSON.parse(this.#guarded(session, () => instance.effect(0)!)).error);
    return session;
  }

  /**
   * Opens the session now, so that a bad configuration is found before the first request.
   *
   * @throws {Refused}
   */
  async check(open: string): Promise<void> {
    await this.#opened(open);
  }

  /**
   * Gives the session one command, and carries out its effects until it has a result and nothing is
   * under way.
   *
   * @param open members of the `open` message as JSON text, without braces, except `now` and
   * `entropy`; the same each time
   * @param command a command with a unique `id`; for the command `request`, its `request` is the id
   * as text
   * @param executors for this request only
   * @param onEffect called for each effect when it is requested and when it is done
   * @returns the `ok` of its result
   * @throws {Error} if the command failed; commands of this kind of session do not fail
   * @throws {Refused} if the configuration is refused
   * @throws {Unreadable} if the command is longer, or has more values, than the module accepts
   * @throws {Trap} if the instance crashed
   */
  async run(open: string, command: { id: number; request?: string }, executors: Executors, onEffect?: (entry: EffectEntry) => void): Promise<object> {
    const session = await this.#opened(open);
    const { instance, handle } = session;
    /** The input belongs to this command, so its effects do, too. */
    const turn = (message: string): Effect[] | number =>
      this.#guarded(session, () => {
        const code = instance.input(handle, message);
        const effects: Effect[] = [];
        for (let text; !code && (text = instance.effect(handle)); ) {
          const effect: Effect = JSON.parse(text);
          const { request = command.request, command: id = command.id } = effect as { request?: string; command?: number };
          if (request !== command.request || id !== command.id) throw new Error("another request's effect");
          effects.push(effect);
        }
        return code || effects;
      });
    let loop!: Loop;
    let ok = {};
    try {
      await new Promise<void>((resolve, reject) => {
        let answered = false;
        loop = new Loop(executors, {
          turn,
          take: (effect) => {
            if (effect.kind !== 'result') return;
            answered = true;
            ok = effect.ok ?? {};
          },
          lost: reject,
          done(effect, began, outcome) {
            if (!onEffect) return;
            const entry = entryOf(effect, began, outcome);
            queueMicrotask(() => onEffect(entry));
          },
          // Also waits for background work after the answer, such as fetching old metadata again.
          rest: () => answered && !loop.kinds.length && resolve(),
        });
        loop.busy = false;
        loop.feed(JSON.stringify(command).slice(0, -1), (code) => reject(new Unreadable(`the module refuses the request: ${code}`)));
      });
    } finally {
      loop.withdraw();
    }
    return ok;
  }
}
