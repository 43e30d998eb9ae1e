import { instantiate, type Instance, type Source } from '../../wasm_exec.js';
import { entropy } from './bytes.js';
import { type Effect, executorOf, type Executors, executors, Failed, type Hands, Timers } from './effects.js';
import { defaultLocks } from './locks.js';
import { defaultKeys } from './keys.js';
import type { Commands, Effects, Error as Details } from './messages.js';
import { defaultPendingStore, memoryStore, type Store } from './store.js';
import { Watch } from './watch.js';
import { type ErrorDetails, failure, OAuthError } from './error.js';
import type { Parameters } from './types.js';

/** One line of a log that a person may see: no query, header, body, key or secret is in it. */
export interface EffectEntry {
  /** The kind of effect: `http`, `store`, `lock` … */
  kind: string;
  /** The name of an event, or of the command that a result is of. */
  name?: string;
  /** What a request or a hook is for: `token`, `refresh` … */
  stage?: string;
  /** The method of a request. */
  method?: string;
  /** Origin and path of a request. */
  url?: string;
  /** The status of the answer to a request. */
  status?: number;
  /** The kind of failure, where it failed. */
  failed?: string;
  /** How long it took, in milliseconds; 0 for what is not waited for. */
  ms: number;
}

/**
 * Runs a command of a client, which takes its parameters as callers give them: those of a request in any form, and beside them a signal
 * that ends the waiting.
 */
export type Run = <C extends keyof Commands>(
  command: C,
  given?: Omit<Commands[C]['parameters'], 'parameters'> & { parameters?: Parameters | undefined; signal?: AbortSignal | null | undefined },
) => Promise<Commands[C]['ok']>;

type Told<E> = E extends { error: Details } ? Omit<E, 'id' | 'kind' | 'error'> & { error: OAuthError } : Omit<E, 'id' | 'kind'>;

/** An event: its name, and what belongs to it. `restarted` is this package's own, the others are the module's. */
export type HostEvent = Told<Effects['event']> | { event: 'restarted'; error: OAuthError };

/** What a host is made of. */
export interface HostOptions extends Partial<Hands> {
  /** The module, in any of the forms that the loader takes. */
  module: Source | PromiseLike<Source>;
  /** What is opened: the members of the `open` message besides `now` and `entropy`. */
  open: { kind: string; config?: object; session?: string | undefined; current?: boolean };
  /** Hears each event, in a microtask of its own after the effects are drained. */
  onEvent?: ((event: HostEvent) => void) | undefined;
  /** Hears of each effect once it is done. */
  onEffect?: ((entry: EffectEntry) => void) | undefined;
}

interface Command {
  op: string;
  /** Its name and parameters, as text. */
  asked: string;
  resolve(ok: object): void;
  reject(error: unknown): void;
}

interface Input {
  /** JSON text, without its last brace. */
  message: string;
  /** The host's own error, where it answers that an effect failed. */
  cause?: unknown;
  /** The text of the command that it is, if it is one of a caller's: {@link Command.asked}. */
  asked?: string | undefined;
  /** Called with the code where the module does not take it. */
  refused?: ((code: number) => void) | undefined;
}

interface Task {
  kind: string;
  controller: AbortController;
}

/** What was answered, as long as asking again would bring the same. */
interface Held {
  ok: object;
  /** In Unix ms; at `until` it is over. */
  from: number;
  until: number;
}

/** Commands that change nothing without an event. */
const isQuestion = /^(token|prepare){/;

/** Memory never shrinks, so an instance that once had a large message is exchanged for a new one. */
const WORN = 4 << 20;

/**
 * Runs one session of the module and carries out its effects. {@link Client} stands on it; it is public for hosts of other kinds
 * of session than `client`.
 */
export class Host {
  #options: HostOptions;
  #timers = new Timers();
  #executors: Executors;
  #watch = new Watch(() => this.#down || this.#closed || this.#feed(`{"command":"look","id":${++this.#lastId}`));
  #store: Store;
  #instance!: Instance;
  #handle = 0;
  /** Why the effect failed whose answer is being taken: errors that come of it have it as their cause. */
  #cause: unknown;
  #commands = new Map<number, Command>();
  /** By {@link Command.asked}. */
  #held = new Map<string, Held>();
  #lastId = 0;
  #inbox: Input[] = [];
  /** An input is being taken, or an instance is being made: inputs wait. */
  #busy = true;
  #closed = false;
  /** The effects under way, by id, held locks among them. */
  #tasks = new Map<string, Task>();
  /** A command has come to a result since the session was opened. */
  #progress = false;
  /** There is no instance until somebody asks for something. */
  #down = false;
  #retiring = false;
  /** A session moves to another instance: what it says of itself meanwhile is nothing new. */
  #moving = false;

  #release!: () => void;
  /** Events wait until whoever opens the session has had the time to add listeners; those of a restored session come at once. */
  #ready = new Promise<void>((resolve) => (this.#release = resolve));

  private constructor(options: HostOptions) {
    const { store = memoryStore(), pendingStore = defaultPendingStore(), locks = defaultLocks(store), keys = defaultKeys(store) } = options;
    this.#options = options;
    this.#executors = executors({ ...options, store, pendingStore, locks, keys }, this.#timers, this.#watch);
    this.#store = store;
  }

  /**
   * Makes an instance of the module and opens a session.
   *
   * @throws {OAuthError} the configuration is refused; `field` names what is wrong with it
   * @throws whatever the loader throws
   */
  static async open(options: HostOptions): Promise<Host> {
    const host = new Host(options);
    await host.#start(options.module, options.open.session);
    if (options.open.kind === 'client') host.#watch.page(host.#store);
    setTimeout(host.#release);
    return host;
  }

  /** The size of the instance's memory in bytes. */
  get memoryBytes(): number {
    return this.#instance.memoryBytes;
  }

  /**
   * Runs a command.
   *
   * @param command the command's name
   * @param parameters its parameters
   * @param signal ends the waiting: the command is cancelled, and the promise rejects with the signal's reason
   * @returns the `ok` of its result
   * @throws {OAuthError}
   */
  run<C extends keyof Commands>(command: C, parameters: Commands[C]['parameters'], signal?: AbortSignal | null): Promise<Commands[C]['ok']> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      if (this.#closed) throw failure('cancelled', 'closed', command);
      const asked = command + JSON.stringify(parameters); // which may throw
      const held = this.#held.get(asked);
      const now = Date.now();
      if (held && held.from <= now && now < held.until) return resolve({ ...held.ok } as Commands[C]['ok']);
      const id = ++this.#lastId;
      this.#release();
      const abort = () => {
        fail(signal!.reason);
        this.#feed(`{"command":"cancel","id":${++this.#lastId},"target":${id}`);
      };
      const ending = <T>(settle: (value: T) => void) => (value: T) => {
        this.#commands.delete(id);
        this.#timers.hold(this.#commands.size > 0);
        signal?.removeEventListener('abort', abort);
        settle(value);
      };
      const fail = ending(reject);
      signal?.addEventListener('abort', abort);
      this.#commands.set(id, { op: command, asked, resolve: ending(resolve as (ok: object) => void), reject: fail });
      this.#timers.hold(true);
      this.#feed(JSON.stringify({ ...parameters, command, id }).slice(0, -1), (code) => fail(failure('client', code === 3 ? 'too_large' : 'unreadable', command)), asked);
      if (this.#down) void this.#restart();
    });
  }

  /** Ends the session's work: requests are aborted, locks released, commands reject with code `closed`. What was stored stays. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#watch.end();
    this.#withdraw();
    this.#rejectAll('cancelled', 'closed');
    if (!this.#busy) this.#instance.close(this.#handle);
  }

  async #start(source: HostOptions['module'], session: string | undefined): Promise<void> {
    const { open } = this.#options;
    const instance = (this.#instance = await instantiate(source));
    if (this.#closed) return;
    this.#handle = instance.open(JSON.stringify({ now: Date.now(), entropy: entropy(), ...open, session, notified: !!this.#store.subscribe }));
    if (!this.#handle) throw new OAuthError(JSON.parse(instance.effect(0)!).error);
    this.#drain();
    this.#busy = this.#moving = false;
    this.#pump();
  }

  #feed(message: string, refused?: Input['refused'], asked?: string, cause?: unknown): void {
    this.#inbox.push({ message, refused, asked, cause });
    this.#pump();
  }

  /** The one place where the instance takes an input and gives its effects: never nested, so that no listener can interfere. */
  #pump(): void {
    if (this.#busy) return;
    this.#busy = true;
    try {
      for (let next; !this.#closed && (next = this.#inbox.shift()); ) {
        this.#cause = next.cause;
        if (!isQuestion.test(next.asked!)) this.#held.clear();
        const code = this.#instance.input(this.#handle, `${next.message},"now":${Date.now()},"entropy":"${entropy()}"}`);
        if (code) next.refused?.(code);
        else this.#drain();
      }
    } catch (cause) {
      return this.#lose(cause);
    }
    this.#busy = false;
    this.#retire();
  }

  #drain(): void {
    for (let text; (text = this.#instance.effect(this.#handle)); ) this.#carryOut(JSON.parse(text));
  }

  #carryOut(effect: Effect): void {
    const { id, kind } = effect;
    const began = Date.now();
    const log = (name?: string, outcome?: { status?: number | undefined } | { failed?: string | undefined }) => {
      if (!this.#options.onEffect) return;
      const { stage, method, url } = effect as Partial<Effects['http']>;
      const entry = { kind, name, stage, method, url: url?.replace(/[?#].*/s, ''), ...outcome, ms: Date.now() - began } as EffectEntry;
      queueMicrotask(() => this.#options.onEffect!(entry));
    };
    if (kind === 'result') {
      const command = this.#commands.get(effect.command);
      this.#progress ||= !!command; // a look is nobody's command
      if (effect.error) command?.reject(this.#error(effect.error));
      else command?.resolve(this.#hold(command.asked, effect.ok!));
      return log(command?.op);
    }
    if (kind === 'event') {
      this.#held.clear();
      const { id: _, kind: __, ...event } = effect;
      if ('error' in event) event.error = this.#error(event.error) as never;
      if (!this.#moving) this.#tell(event as HostEvent);
      return log(effect.event);
    }
    if (kind === 'remember') return log(); // a host of this kind has no memory besides its store
    if ('target' in effect) {
      const { target } = effect;
      this.#tasks.get(target)?.controller.abort();
      this.#tasks.delete(target);
      return log();
    }
    const task: Task = { kind, controller: new AbortController() };
    this.#tasks.set(id, task);
    // The effect was withdrawn, the session closed, or the instance is another.
    const stale = () => this.#tasks.get(id) !== task;
    const answer = (reply: 'ok' | 'failed', value: { kind?: string; status?: number }, cause?: unknown) => {
      if (stale()) return;
      if (kind !== 'lock' || reply === 'failed') this.#tasks.delete(id);
      log(undefined, reply === 'ok' ? { status: value.status } : { failed: value.kind });
      const text = (reply: string, value: object) => `{"answer":"${id}","${reply}":${JSON.stringify(value)}`;
      const failed = (code: number) => this.#feed(text('failed', { kind: code === 3 ? 'too_large' : 'internal' }));
      let message;
      try {
        message = text(reply, value);
      } catch {
        return failed(0); // a store or hook answered with what is no JSON
      }
      this.#feed(message, failed, '', cause);
    };
    const begin = async () => {
      if (stale()) return {};
      const execute = executorOf(this.#executors, kind);
      if (!execute) throw new Failed('unsupported');
      return execute(effect, task.controller);
    };
    // In a microtask, so that nothing of the caller's (fetch, store, hooks) runs while effects are drained.
    Promise.resolve()
      .then(begin)
      .then(
        (ok) => answer('ok', ok),
        (error) =>
          error instanceof Failed ? answer('failed', { kind: error.kind }, error.cause) : answer('failed', { kind: 'internal' }, error),
      );
  }

  /** Holds what is said to be good for a while. Each caller gets a copy. */
  #hold(asked: string, { good_until: until, ...ok }: { good_until?: number }): object {
    if (this.#held.size > 63) this.#held.clear(); // each URL that the token goes to has one
    if (until) this.#held.set(asked, { ok, from: Date.now(), until });
    return { ...ok };
  }

  #error(details: ErrorDetails): OAuthError {
    return new OAuthError(details, this.#cause === undefined ? {} : { cause: this.#cause });
  }

  #tell(event: HostEvent): void {
    void this.#ready.then(() => this.#closed || this.#options.onEvent?.(event));
  }

  /** Withdraws all that is under way. */
  #withdraw(): void {
    this.#held.clear();
    this.#inbox = [];
    this.#tasks.forEach(({ controller }) => controller.abort());
    this.#tasks.clear();
  }

  #rejectAll(kind: 'cancelled' | 'internal', code: string, cause?: unknown): void {
    this.#commands.forEach(({ op, reject }) => reject(failure(kind, code, op, cause)));
  }

  /** Leaves an instance that threw. How far its commands came is unknown, so they fail, and no input is given again. */
  #lose(cause: unknown): void {
    this.#busy = true;
    this.#moving = false;
    this.#withdraw();
    this.#rejectAll('internal', 'instance_lost', cause);
    this.#tell({ event: 'restarted', error: failure('internal', 'instance_lost', 'open', cause) });
    // What is stored may be what trapped it: without a result in between, that would go on for ever.
    this.#down = true;
    if (this.#progress) void this.#restart();
  }

  async #restart(session?: string): Promise<void> {
    this.#busy = true;
    this.#down = this.#progress = false;
    try {
      await this.#start(this.#instance.module, session);
    } catch (cause) {
      this.#lose(cause);
    }
  }

  /** Moves the session to a new instance, where its own has grown too large and nothing but timers is under way. */
  #retire(): void {
    if (this.#retiring || this.#closed || this.memoryBytes <= WORN || !this.#idle()) return;
    this.#retiring = true;
    void this.run('export', {})
      .then(
        ({ session }) => {
          if (!this.#idle() || this.#closed || this.#busy) return;
          this.#instance.close(this.#handle);
          this.#withdraw();
          this.#moving = true;
          return this.#restart(session);
        },
        () => {}, // another kind of session, without bytes to carry over
      )
      .finally(() => (this.#retiring = false));
  }

  #idle(): boolean {
    return !this.#commands.size && [...this.#tasks.values()].every(({ kind }) => kind === 'timer');
  }
}
