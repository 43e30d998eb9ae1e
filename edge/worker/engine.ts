import { instantiate, type Instance } from '../../wasm_exec.js';
import { entropy } from '../../js/src/bytes.js';
import { type Effect, type Executor, Failed } from '../../js/src/effects.js';

/** Memory never shrinks: an instance that once had large messages is left to those who are in it. */
const WORN = 4 << 20;

/** The configuration was refused. */
export class Refused extends Error {}

/** Instances of the module, one at a time for all requests: what they share is bytes, never what one of them waits for. */
export class Engine {
  #module: WebAssembly.Module;
  #instance: Instance | undefined;

  constructor(module: WebAssembly.Module) {
    this.#module = module;
  }

  /** Has an instance ready. Each caller awaits what it began itself, since a request of workerd cannot await another's. */
  async ready(): Promise<Instance> {
    if (this.#instance && this.#instance.memoryBytes <= WORN) return this.#instance;
    return (this.#instance = await instantiate(this.#module));
  }

  /**
   * Opens a session, gives it one command, and carries out its effects until the command has its result.
   *
   * @param open members of the `open` message as JSON text, without braces, besides `now` and `entropy`
   * @param command members of the command
   * @throws {Refused} the configuration is refused
   * @throws {Trap} the instance is lost
   */
  async run(open: string, command: object, executors: Record<string, Executor>): Promise<void> {
    const instance = await this.ready();
    const guarded = <T>(call: () => T): T => {
      try {
        return call();
      } catch (error) {
        if (this.#instance === instance) this.#instance = undefined; // it still answers, wrongly
        throw error;
      }
    };
    const handle = guarded(() => instance.open(`{"now":${Date.now()},"entropy":"${entropy()}",${open}}`));
    if (!handle) {
      const { code, field } = JSON.parse(guarded(() => instance.effect(0)!)).error;
      throw new Refused(`${code}: ${field ?? ''}`);
    }
    /** The effects under way, held locks among them. */
    const tasks = new Map<string, AbortController>();
    try {
      await new Promise<void>((resolve, reject) => {
        let answered = false;
        /** What was begun behind the answer is waited for: metadata of yesterday that are read again, say. */
        const settle = () => answered && !tasks.size && resolve();
        const feed = (members: object): number =>
          guarded(() => {
            const code = instance.input(handle, JSON.stringify({ ...members, now: Date.now(), entropy: entropy() }));
            for (let text; !code && (text = instance.effect(handle)); ) carryOut(JSON.parse(text));
            return code;
          });
        const answer = ({ id, kind }: Effect, reply: object) => {
          if (!tasks.has(id)) return;
          if (kind !== 'lock' || 'failed' in reply) tasks.delete(id);
          try {
            const code = feed({ answer: id, ...reply });
            if (code) feed({ answer: id, failed: { kind: code === 3 ? 'too_large' : 'internal' } });
            settle();
          } catch (error) {
            reject(error);
          }
        };
        const carryOut = (effect: Effect) => {
          const { id, kind, target } = effect;
          if (kind === 'result') {
            answered = true;
            settle();
            return;
          }
          if (kind === 'event') return;
          if (target) {
            tasks.get(target)?.abort();
            tasks.delete(target);
            settle();
            return;
          }
          const controller = new AbortController();
          tasks.set(id, controller);
          const execute = executors[kind];
          const done = execute ? execute(effect, controller) : Promise.reject(new Failed('unsupported'));
          done.then(
            (ok) => answer(effect, { ok }),
            (error) => answer(effect, { failed: { kind: error instanceof Failed ? error.kind : 'internal' } }),
          );
        };
        const code = feed(command);
        if (code) reject(new Error(`the module refuses the request: ${code}`));
      });
    } finally {
      tasks.forEach((controller) => controller.abort());
      if (this.#instance === instance) guarded(() => instance.close(handle));
    }
  }
}
