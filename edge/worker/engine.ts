import { instantiate, type Instance } from '../../wasm_exec.js';
import { entropy } from '../../js/src/bytes.js';
import { type Effect, executorOf, type Executors, Failed } from '../../js/src/effects.js';

/**
 * Memory never shrinks: an instance that once had large messages is left to those who are in it. So is one that keeps what it asked for
 * requests that the runtime has given up.
 */
const WORN = 4 << 20;

/** The configuration was refused. */
export class Refused extends Error {}

/** The request is more than the module reads. A body stays with the host, so it is the headers or the URL. */
export class Unreadable extends Error {}

interface Session {
  instance: Instance;
  /** 0: none is open yet. */
  handle: number;
  /**
   * A turn is under way: an input and all its effects. Where the runtime ends a request for its CPU time nothing is thrown, so it stays
   * set, and what that turn left behind is nobody's.
   */
  inside: boolean;
}

/** One session of the module, in one instance at a time, for all requests: what they share is bytes, never what one of them waits for. */
export class Engine {
  #module: WebAssembly.Module;
  #session: Session | undefined;

  constructor(module: WebAssembly.Module) {
    this.#module = module;
  }

  /** Has a session ready. Each caller awaits what it began itself, since a request of workerd cannot await another's. */
  async ready(): Promise<Session> {
    const session = this.#session;
    if (session && !session.inside && session.instance.memoryBytes <= WORN) return session;
    return (this.#session = { instance: await instantiate(this.#module), handle: 0, inside: false });
  }

  /** The next request has another session. */
  leave(session: Session): void {
    if (this.#session === session) this.#session = undefined;
  }

  /**
   * Gives the session one command, and carries out the effects that come of it until it has its result.
   *
   * @param open members of the `open` message as JSON text, without braces, besides `now` and `entropy`; the same each time
   * @param command a command whose `id` no other has; its `request` is that name as text
   * @throws {Refused} the configuration is refused
   * @throws {Unreadable} the command is longer, or has more values, than the module reads
   * @throws {Trap} the instance is lost
   */
  async run(open: string, command: { id: number; request: string }, executors: Executors): Promise<void> {
    const session = await this.ready();
    const { instance } = session;
    const guarded = <T>(turn: () => T): T => {
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
    };
    if (!session.handle && !(session.handle = guarded(() => instance.open(`{"now":${Date.now()},"entropy":"${entropy()}",${open}}`)))) {
      const { code, field } = JSON.parse(guarded(() => instance.effect(0)!)).error;
      throw new Refused(`${code}: ${field ?? ''}`);
    }
    const { handle } = session;
    /** The effects under way, held locks among them. */
    const tasks = new Map<string, AbortController>();
    try {
      await new Promise<void>((resolve, reject) => {
        let answered = false;
        /** What was begun behind the answer is waited for: metadata of yesterday that are read again, say. */
        const settle = () => answered && !tasks.size && resolve();
        /** `members` is JSON text, without its last brace. What comes out is of this command, since what went in is. */
        const feed = (members: string): number => {
          const effects: Effect[] = [];
          const code = guarded(() => {
            const code = instance.input(handle, `${members},"now":${Date.now()},"entropy":"${entropy()}"}`);
            for (let text; !code && (text = instance.effect(handle)); ) {
              const effect: Effect = JSON.parse(text);
              const { request = command.request, command: id = command.id } = effect as { request?: string; command?: number };
              if (request !== command.request || id !== command.id) throw new Error("another request's effect");
              effects.push(effect);
            }
            return code;
          });
          effects.forEach(carryOut);
          return code;
        };
        const answer = ({ id, kind }: Effect, reply: 'ok' | 'failed', value: object) => {
          if (!tasks.has(id)) return;
          if (kind !== 'lock' || reply === 'failed') tasks.delete(id);
          try {
            const code = feed(`{"answer":"${id}","${reply}":${JSON.stringify(value)}`);
            if (code) feed(`{"answer":"${id}","failed":{"kind":"${code === 3 ? 'too_large' : 'internal'}"}`);
            settle();
          } catch (error) {
            reject(error);
          }
        };
        const carryOut = (effect: Effect) => {
          const { id, kind } = effect;
          if (kind === 'result') {
            answered = true;
            settle();
            return;
          }
          if (kind === 'event') return;
          if (kind === 'remember') {
            executors.remember?.(effect);
            return;
          }
          if ('target' in effect) {
            const { target } = effect;
            tasks.get(target)?.abort();
            tasks.delete(target);
            settle();
            return;
          }
          const controller = new AbortController();
          tasks.set(id, controller);
          const execute = executorOf(executors, kind);
          const done = execute ? execute(effect, controller) : Promise.reject(new Failed('unsupported'));
          done.then(
            (ok) => answer(effect, 'ok', ok),
            (error) => answer(effect, 'failed', { kind: error instanceof Failed ? error.kind : 'internal' }),
          );
        };
        const code = feed(JSON.stringify(command).slice(0, -1));
        if (code) reject(new Unreadable(`the module refuses the request: ${code}`));
      });
    } finally {
      tasks.forEach((controller) => controller.abort());
    }
  }
}
