import { entropy } from './bytes.js';
import { Failed } from './failed.js';
import type { Answers, Effects } from './messages.js';

/** An effect, as the module hands it out. */
export type Effect = Effects[keyof Effects];

/**
 * Carries out effects of one kind. It returns the answer's `ok`, or a promise of it, or throws
 * {@link Failed}.
 *
 * @param controller aborts the effect, for kinds that may take long ({@link LONG})
 */
export type Executor<K extends keyof Answers> = (effect: Effects[K], controller: AbortController) => Promise<Answers[K]> | Answers[K];

/**
 * The executors, by kind of effect. A kind comes from outside: the object must inherit nothing
 * (`__proto__: null`).
 */
export type Executors = { [K in keyof Answers]?: Executor<K> } & { remember?(effect: Effects['remember']): void };

/** How an effect ended. */
export interface Outcome {
  status?: number | undefined;
  failed?: string | undefined;
}

/** What goes into the module. */
export interface Input {
  /** JSON text, without its last brace. */
  message: string;
  /** Called with the code if the module does not take it. */
  refused?: ((code: number) => void) | undefined;
  /** Why the answered effect failed: the cause of errors that follow. */
  cause?: unknown;
  /** The text of the command that it is, if it is one of a caller's. */
  asked?: string | undefined;
}

/** The owner of a loop. */
export interface Owner {
  /** Gives the module an input. Returns the effects, or the code if the module did not take it. */
  turn(message: string, input: Input): Effect[] | number;
  /** Gets a result or an event, which the owner passes on. */
  take(effect: Effects['result'] | Effects['event'], cause: unknown): void;
  /** A turn threw: the state of the session is unknown. The loop stays busy. */
  lost(cause: unknown): void;
  /** There is no input left. */
  rest(): void;
  /** An effect is begun, without an outcome, or done. */
  done(effect: Effect, began: number, outcome?: Outcome): void;
}

/** Kinds of effects that may take long, and have a controller. */
const LONG = /^(http|timer|lock|proxy)$/;

interface Task {
  kind: string;
  controller: AbortController | undefined;
}

/**
 * The loop of every host: an input, all its effects, and their answers, which are the next inputs.
 * It is never nested: an immediate answer waits until all effects of its turn have begun.
 */
export class Loop {
  #executors: Executors;
  #owner: Owner;
  #inbox: Input[] = [];
  /** The effects under way, by id, held locks among them. */
  #tasks = new Map<string, Task>();
  /** True while an input is processed, or while there is no session: inputs wait. */
  busy = true;

  constructor(executors: Executors, owner: Owner) {
    this.#executors = executors;
    this.#owner = owner;
  }

  /** The kinds of the effects that are under way. */
  get kinds(): string[] {
    return [...this.#tasks.values()].map(({ kind }) => kind);
  }

  /** Gives the module an input, as soon as it is free. */
  feed(message: string, refused?: Input['refused'], cause?: unknown, asked?: string): void {
    this.#inbox.push({ message, refused, cause, asked });
    if (!this.busy) this.pump();
  }

  /** Takes the inputs that wait. */
  pump(): void {
    this.busy = true;
    try {
      for (let next; (next = this.#inbox.shift()); ) {
        const out = this.#owner.turn(`${next.message},"now":${Date.now()},"entropy":"${entropy()}"}`, next);
        if (Array.isArray(out)) this.carryOut(out, next.cause);
        else next.refused?.(out);
      }
    } catch (cause) {
      return this.#owner.lost(cause);
    }
    this.busy = false;
    this.#owner.rest();
  }

  /** Carries out all effects of one turn, in their order. */
  carryOut(effects: Effect[], cause?: unknown): void {
    for (const effect of effects) {
      const { kind } = effect;
      if (kind === 'result' || kind === 'event') this.#owner.take(effect, cause);
      else if ('target' in effect || kind === 'remember') {
        const { target } = effect as { target: string };
        if (kind === 'remember') this.#executors.remember?.(effect);
        this.#tasks.get(target)?.controller?.abort();
        this.#tasks.delete(target);
        this.#owner.done(effect, Date.now(), {});
      } else this.#begin(effect);
    }
  }

  #begin(effect: Effect): void {
    const { id, kind } = effect;
    const began = Date.now();
    const task: Task = { kind, controller: LONG.test(kind) ? new AbortController() : undefined };
    this.#tasks.set(id, task);
    this.#owner.done(effect, began);
    const answer = (reply: 'ok' | 'failed', value: { kind?: string; status?: number }, cause?: unknown) => {
      if (this.#tasks.get(id) !== task) return; // withdrawn, or the session is another
      if (kind !== 'lock' || reply === 'failed') this.#tasks.delete(id);
      this.#owner.done(effect, began, reply === 'ok' ? { status: value.status } : { failed: value.kind });
      const text = (reply: string, value: object) => `{"answer":"${id}","${reply}":${JSON.stringify(value)}`;
      const refused = (code: number) => this.feed(text('failed', { kind: code === 3 ? 'too_large' : 'internal' }));
      let message;
      try {
        message = text(reply, value);
      } catch {
        return refused(0); // a store or hook answered with what is no JSON
      }
      this.feed(message, refused, cause);
    };
    const ok = (value: object) => answer('ok', value);
    const fail = (error: unknown) =>
      error instanceof Failed ? answer('failed', { kind: error.kind }, error.cause) : answer('failed', { kind: 'internal' }, error);
    try {
      const execute = this.#executors[kind as keyof Answers] as Executor<any> | undefined;
      if (!execute) throw new Failed('unsupported');
      const done = execute(effect, task.controller!);
      if (done instanceof Promise) void done.then(ok, fail);
      else ok(done);
    } catch (error) {
      fail(error);
    }
  }

  /** Cancels all effects that are under way, and drops waiting inputs. */
  withdraw(): void {
    this.#inbox = [];
    this.#tasks.forEach(({ controller }) => controller?.abort());
    this.#tasks.clear();
  }
}
