import { instantiate, type Instance, type Source } from '../../wasm_exec.js';
import { entropy } from './bytes.js';
import { executors, type Hands, Timers } from './effects.js';
import { defaultLocks } from './locks.js';
import { defaultKeys } from './keys.js';
import { type Effect, Loop, type Outcome } from './loop.js';
import type { Commands, Effects, Error as Details } from './messages.js';
import { defaultPendingStore, memoryStore, type Store } from './store.js';
import { Watch } from './watch.js';
import { type EffectEntry, entryOf } from './entry.js';
import { type ErrorDetails, failure, OAuthError } from './error.js';
import type { Parameters } from './types.js';

/**
 * Runs a command of a client, which takes its parameters as callers give them: those of a request
 * in any form, and beside them a signal that ends the waiting.
 */
export type Run = <C extends keyof Commands>(
  command: C,
  given?: Omit<Commands[C]['parameters'], 'parameters'> & { parameters?: Parameters | undefined; signal?: AbortSignal | null | undefined },
) => Promise<Commands[C]['ok']>;

type Told<E> = E extends { error: Details } ? Omit<E, 'id' | 'kind' | 'error'> & { error: OAuthError } : Omit<E, 'id' | 'kind'>;

/**
 * An event with its members. `restarted` comes from this package, the others from the module.
 */
export type HostEvent = Told<Effects['event']> | { event: 'restarted'; error: OAuthError };

/** What a host is made of. */
export interface HostOptions extends Partial<Hands> {
  /** The module, in any of the forms that the loader takes. */
  module: Source | PromiseLike<Source>;
  /** What to open: the members of the `open` message except `now` and `entropy`. */
  open: { kind: string; config?: object; session?: string | undefined; current?: boolean };
  /** Called with each event, in a microtask of its own after the effects are drained. */
  onEvent?: ((event: HostEvent) => void) | undefined;
  /** Called with each effect when it is asked for and once it is done. */
  onEffect?: ((entry: EffectEntry) => void) | undefined;
}

interface Command {
  op: string;
  /** Its name and parameters, as text. */
  asked: string;
  resolve(ok: object): void;
  reject(error: unknown): void;
}

/** An answer that may be given again, because the module would answer the same. */
interface Held {
  ok: object;
  /** Unix ms; valid until just before `until`. */
  from: number;
  until: number;
}

/** Commands that change nothing without an event. */
const isQuestion = /^(token|prepare){(?!.*"force")/;

/**
 * Memory never shrinks, so an instance that once had a large message is replaced.
 */
const WORN = 4 << 20;

/**
 * Runs one session of the module and carries out its effects. {@link Client} is built on it. It is
 * public for hosts of other kinds of sessions than `client`.
 */
export class Host {
  #options: HostOptions;
  #timers = new Timers();
  #watch = new Watch(() => this.#down || this.#closed || this.#loop.feed(`{"command":"look","id":${++this.#lastId}`));
  #store: Store;
  #loop: Loop;
  /** None after {@link close}: a page that keeps closed clients does not keep their memory. */
  #instance: Instance | undefined;
  #handle = 0;
  #commands = new Map<number, Command>();
  /** By {@link Command.asked}. */
  #held = new Map<string, Held>();
  #lastId = 0;
  #closed = false;
  /** A command has come to a result since the session was opened. */
  #progress = false;
  /** There is no instance until the next command. */
  #down = false;
  #retiring = false;
  /** The session is moving to another instance: its events meanwhile are not news. */
  #moving = false;

  #release!: () => void;
  /**
   * Events wait until the caller has had time to add listeners, because those of a restored session
   * come at once.
   */
  #ready = new Promise<void>((resolve) => (this.#release = resolve));

  private constructor(options: HostOptions) {
    const { store = memoryStore(), pendingStore = defaultPendingStore(), locks = defaultLocks(store), keys = defaultKeys(store) } = options;
    this.#options = options;
    this.#store = store;
    this.#loop = new Loop(executors({ ...options, store, pendingStore, locks, keys }, this.#timers, this.#watch), {
      turn: (message, { asked }) => {
        if (!isQuestion.test(asked!)) this.#held.clear();
        return this.#instance?.input(this.#handle, message) || this.#drain();
      },
      take: (effect, cause) => this.#take(effect, cause),
      done: (effect, began, outcome) => this.#log(effect, began, outcome),
      lost: (cause) => this.#lose(cause),
      rest: () => this.#retire(),
    });
  }

  /**
   * Makes an instance of the module and opens a session.
   *
   * @throws {OAuthError} if the configuration is refused; `field` names the member
   * @throws whatever the loader throws
   */
  static async open(options: HostOptions): Promise<Host> {
    const host = new Host(options);
    await host.#start(options.module, options.open.session);
    if (options.open.kind === 'client') host.#watch.page(host.#store);
    setTimeout(host.#release);
    return host;
  }

  /** The size of the instance's memory in bytes; 0 after {@link close}. */
  get memoryBytes(): number {
    return this.#instance?.memoryBytes ?? 0;
  }

  /**
   * Runs a command.
   *
   * @param command the command's name
   * @param parameters its parameters
   * @param signal ends the waiting: the command is cancelled, and the promise rejects with the
   * signal's reason
   * @returns the `ok` of its result
   * @throws {OAuthError}
   */
  async run<C extends keyof Commands>(command: C, parameters: Commands[C]['parameters'], signal?: AbortSignal | null): Promise<Commands[C]['ok']> {
    signal?.throwIfAborted();
    if (this.#closed) throw failure('cancelled', 'closed', command);
    const asked = command + JSON.stringify(parameters); // which may throw
    const held = this.#held.get(asked);
    const now = Date.now();
    if (held && held.from <= now && now < held.until) return { ...held.ok } as Commands[C]['ok'];
    const id = ++this.#lastId;
    let abort!: () => void;
    this.#release();
    this.#timers.hold(true);
    try {
      return await new Promise<any>((resolve, reject) => {
        abort = () => {
          this.#commands.delete(id);
          reject(signal!.reason);
          this.#loop.feed(`{"command":"cancel","id":${++this.#lastId},"target":${id}`);
        };
        signal?.addEventListener('abort', abort);
        this.#commands.set(id, { op: command, asked, resolve, reject });
        const refused = (code: number) => reject(failure('client', code === 3 ? 'too_large' : 'unreadable', command));
        this.#loop.feed(JSON.stringify({ ...parameters, command, id }).slice(0, -1), refused, undefined, asked);
        if (this.#down) void this.#restart();
      });
    } finally {
      this.#commands.delete(id);
      this.#timers.hold(this.#commands.size > 0);
      signal?.removeEventListener('abort', abort);
    }
  }

  /**
   * Closes the session: requests are aborted, locks released, commands reject with code `closed`.
   * The stored session stays.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#watch.end();
    this.#withdraw();
    this.#rejectAll('cancelled', 'closed');
    this.#instance = undefined;
  }

  async #start(source: HostOptions['module'], session: string | undefined): Promise<void> {
    const { open } = this.#options;
    const instance = await instantiate(source);
    if (this.#closed) return;
    this.#instance = instance;
    this.#handle = instance.open(JSON.stringify({ now: Date.now(), entropy: entropy(), ...open, session, notified: !!this.#store.subscribe }));
    if (!this.#handle) throw new OAuthError(JSON.parse(instance.effect(0)!).error);
    this.#loop.carryOut(this.#drain());
    this.#moving = false;
    this.#loop.pump();
  }

  #drain(): Effect[] {
    const effects: Effect[] = [];
    for (let text; (text = this.#instance?.effect(this.#handle)); ) effects.push(JSON.parse(text));
    return effects;
  }

  #log(effect: Effect, began: number, outcome: Outcome | undefined, name?: string): void {
    const { onEffect } = this.#options;
    if (!onEffect) return;
    const entry = entryOf(effect, began, outcome, name);
    queueMicrotask(() => onEffect(entry));
  }

  #take(effect: Effects['result'] | Effects['event'], cause: unknown): void {
    const failed = (details: ErrorDetails) => new OAuthError(details, cause === undefined ? {} : { cause });
    let name;
    if (effect.kind === 'result') {
      const command = this.#commands.get(effect.command);
      this.#progress ||= !!command; // a look is nobody's command
      this.#commands.delete(effect.command);
      if (effect.error) command?.reject(failed(effect.error));
      else command?.resolve(this.#hold(command.asked, effect.ok!));
      name = command?.op;
    } else {
      this.#held.clear();
      const { id: _, kind: __, ...event } = effect;
      name = event.event;
      if ('error' in event) event.error = failed(event.error) as never;
      if (!this.#moving) this.#tell(event as HostEvent);
    }
    this.#log(effect, Date.now(), {}, name);
  }

  #tell(event: HostEvent): void {
    void this.#ready.then(() => this.#closed || this.#options.onEvent?.(event));
  }

  /** Keeps an answer as long as the module allows. Each caller gets a copy. */
  #hold(asked: string, { good_until: until, ...ok }: { good_until?: number }): object {
    if (this.#held.size > 63) this.#held.clear(); // each URL that the token goes to has one
    if (until) this.#held.set(asked, { ok, from: Date.now(), until });
    return { ...ok };
  }

  /** Cancels all effects that are under way. */
  #withdraw(): void {
    this.#held.clear();
    this.#loop.withdraw();
  }

  #rejectAll(kind: 'cancelled' | 'internal', code: string, cause?: unknown): void {
    this.#commands.forEach(({ op, reject }) => reject(failure(kind, code, op, cause)));
  }

  /**
   * Discards an instance that threw. Nobody knows how far its commands came, so they fail, and no
   * input is repeated.
   */
  #lose(cause: unknown): void {
    this.#moving = false;
    this.#withdraw();
    this.#rejectAll('internal', 'instance_lost', cause);
    this.#tell({ event: 'restarted', error: failure('internal', 'instance_lost', 'open', cause) });
    // The stored session may be what trapped it: without progress in between, restarts would go on
    // forever.
    this.#down = true;
    if (this.#progress && !this.#closed) void this.#restart();
  }

  async #restart(session?: string): Promise<void> {
    this.#loop.busy = true;
    this.#down = this.#progress = false;
    try {
      await this.#start(this.#instance!.module, session);
    } catch (cause) {
      this.#lose(cause);
    }
  }

  /**
   * Moves the session to a new instance if its own has grown too large and only timers are under
   * way.
   */
  #retire(): void {
    if (this.#retiring || this.#closed || this.memoryBytes <= WORN || !this.#idle()) return;
    this.#retiring = true;
    // It looks at the store first: bytes win over a store where somebody signed out.
    void this.run('status', {})
      .then(() => this.run('export', {}))
      .then(
        ({ session }) => {
          if (!this.#idle() || this.#closed || this.#loop.busy) return;
          this.#instance!.close(this.#handle);
          this.#withdraw();
          this.#moving = true;
          return this.#restart(session);
        },
        () => {}, // another kind of session, without bytes to carry over
      )
      .finally(() => (this.#retiring = false));
  }

  #idle(): boolean {
    return !this.#commands.size && this.#loop.kinds.every((kind) => kind === 'timer');
  }
}
