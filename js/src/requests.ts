import { instantiate, type Instance, type Source } from '../../wasm_exec.js';
import { entropy } from './bytes.js';
import { type EffectEntry, entryOf } from './entry.js';
import type { ErrorDetails } from './error.js';
import { type Effect, type Executors, Loop } from './loop.js';

/**
 * Memory never shrinks: an instance that once had large messages is left to those who are in it. So
 * is one that keeps what it asked for requests that the runtime has given up.
 */
const WORN = 4 << 20;

/** What instances can be made of again and again. */
export type ModuleSource = Exclude<Source, Response>;

/** The configuration was refused. */
export class Refused extends Error {
  constructor(readonly details: ErrorDetails) {
    super(`${details.code}: ${details.field ?? ''}`);
  }
}

/**
 * The request is more than the module reads. A body stays with the host, so it is the headers or
 * the URL.
 */
export class Unreadable extends Error {}

/** One session of the module, and the instance that it is in. */
export interface Session {
  instance: Instance;
  /** 0: none is open yet. */
  handle: number;
  /**
   * A turn is under way: an input and all its effects. Where the runtime ends a request for its CPU
   * time nothing is thrown, so it stays set, and what that turn left behind is nobody's.
   */
  inside: boolean;
}

/**
 * Runs a session of a kind that serves requests (`bff`): one session, in one instance at a time,
 * for all requests. What they share is bytes, never what one of them waits for, so that a runtime
 * in which a request cannot await another's work (workerd) can run it.
 */
export class Requests {
  #module: Source;
  #session: Session | undefined;

  /**
   * @param module compiled, or its bytes: with an instance that is worn, the next one is made of it
   */
  constructor(module: ModuleSource) {
    this.#module = module;
  }

  /**
   * Has a session ready. Each caller awaits what it began itself, since a request of workerd cannot
   * await another's.
   */
  async ready(): Promise<Session> {
    const session = this.#session;
    if (session && !session.inside && session.instance.memoryBytes <= WORN) return session;
    return (this.#session = { instance: await instantiate(this.#module), handle: 0, inside: false });
  }

  /** The next request has another session. */
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
   * Opens the session now, so that a configuration that is refused is known before there is a
   * request.
   *
   * @throws {Refused}
   */
  async check(open: string): Promise<void> {
    await this.#opened(open);
  }

  /**
   * Gives the session one command, and carries out the effects that come of it until it has its
   * result, and nothing is under way.
   *
   * @param open members of the `open` message as JSON text, without braces, besides `now` and
   * `entropy`; the same each time
   * @param command a command whose `id` no other has; the `request` of one of that name is the id
   * as text
   * @param executors of this request alone
   * @param onEffect called with each effect when it is asked for and once it is done
   * @returns the `ok` of its result
   * @throws {Error} the command failed; those of this kind of session do not
   * @throws {Refused} the configuration is refused
   * @throws {Unreadable} the command is longer, or has more values, than the module reads
   * @throws {Trap} the instance is lost
   */
  async run(open: string, command: { id: number; request?: string }, executors: Executors, onEffect?: (entry: EffectEntry) => void): Promise<object> {
    const session = await this.#opened(open);
    const { instance, handle } = session;
    /** What comes out is of this command, since what went in is. */
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
          // What was begun behind the answer is waited for: metadata of yesterday that are read
          // again, say.
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
