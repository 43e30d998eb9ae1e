import { Failed } from './failed.js';
import { send } from './http.js';
import type { Locks } from './locks.js';
import type { Executors } from './loop.js';
import type { Answers, Effects } from './messages.js';
import { key, type Keys, sign } from './sign.js';
import type { Store } from './store.js';
import { verify } from './verify.js';
import type { Watch } from './watch.js';

/** A request as a hook sees it. */
export interface HookRequest {
  method: string;
  url: string;
  /** Lower-case names; repeated names stay repeated. */
  headers: [string, string][];
  body?: { text: string };
}

/** An answer as a hook sees it. */
export interface HookResponse {
  status: number;
  /** Lower-case names; repeated names stay repeated. */
  headers: [string, string][];
  /** `base64` (with padding) is for bodies that are not UTF-8. */
  body?: { text: string } | { base64: string };
}

type Maybe<T> = T | undefined | void;

/** The purpose of a request. */
export type Stage = 'authorization' | 'token' | 'refresh' | 'device_authorization' | 'polling';

/** The purpose of the request whose answer a hook may change. */
export type ResponseStage = Exclude<Stage, 'authorization'> | 'revocation' | 'userinfo' | 'pushed_authorization' | 'introspection' | 'registration';

/**
 * Functions that change requests and answers, by stage. They may change the argument in place, or
 * return another one. If one throws, the operation fails with code `hook_failed`.
 */
export interface Hooks {
  /**
   * Called with the parameters of a request, before state is stored and before anything is signed.
   */
  parameters?: { [S in Stage]?: (parameters: URLSearchParams, stage: Stage) => Maybe<URLSearchParams> | Promise<Maybe<URLSearchParams>> };
  /** Called with the whole HTTP request. */
  request?: { [S in Stage]?: (request: HookRequest, stage: Stage) => Maybe<HookRequest> | Promise<Maybe<HookRequest>> };
  /**
   * Called with an answer before it is read. All checks apply to what the hook returns.
   */
  response?: {
    [S in ResponseStage]?: (response: HookResponse, stage: ResponseStage) => Maybe<HookResponse> | Promise<Maybe<HookResponse>>;
  };
}

/** The means to carry out effects: stores, locks, fetch. */
export interface Hands extends Keys {
  /** Keeps sessions. */
  store: Store;
  /** Keeps attempts to sign in. */
  pendingStore: Store;
  /** Make sure that only one refresh runs at a time. */
  locks: Locks | undefined;
  /** Sends requests. Default: the global `fetch`. */
  fetch?: typeof fetch | undefined;
  hooks?: Hooks | undefined;
}

/** setTimeout fires at once for longer times. If a timer is early, the core asks again. */
const LONGEST_TIMEOUT = 2 ** 31 - 1;

/**
 * The timers of one host. In Node, Bun and Deno they keep the process alive only while somebody
 * waits for a command.
 */
export class Timers {
  #clocks = new Set<ReturnType<typeof setTimeout>>();
  #holding = false;

  start(ms: number, signal: AbortSignal): Promise<{}> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(clock);
        this.#clocks.delete(clock);
        resolve({});
      };
      const clock = setTimeout(done, Math.min(ms, LONGEST_TIMEOUT));
      signal.addEventListener('abort', done);
      this.#clocks.add(clock);
      this.#apply(clock);
    });
  }

  /** Says whether somebody waits. */
  hold(holding: boolean): void {
    if (holding === this.#holding) return;
    this.#holding = holding;
    this.#clocks.forEach((clock) => this.#apply(clock));
  }

  #apply(clock: unknown): void {
    (clock as Partial<Record<string, () => void>>)[this.#holding ? 'ref' : 'unref']?.();
  }
}

const hook = async ({ hook: what, stage: name, parameters, request, response }: Effects['hook'], hooks?: Hooks): Promise<Answers['hook']> => {
  const stage = name as Stage;
  // The name of the hook is also the name of the member in the effect and in the answer.
  const call = hooks?.[what as 'request']?.[stage];
  if (!call) throw new Failed('unsupported');
  const given = parameters ? new URLSearchParams(parameters) : (request ?? response!);
  try {
    const changed = (await (call as (given: unknown, stage: Stage) => unknown)(given, stage)) ?? given;
    return { [what]: parameters ? [...(changed as URLSearchParams)] : changed };
  } catch (error) {
    throw new Failed('denied', error);
  }
};

/** Waits for a lock and keeps it until the effect is withdrawn. */
export const lock = ({ name, timeout_ms: timeout }: Effects['lock'], controller: AbortController, locks: Locks | undefined): Promise<{}> =>
  new Promise((resolve, reject) => {
    if (!locks) throw new Failed('unsupported');
    const { signal } = controller;
    const clock = setTimeout(() => controller.abort(), timeout);
    const held = () =>
      new Promise<void>((release) => {
        clearTimeout(clock);
        signal.addEventListener('abort', () => release());
        if (signal.aborted) release();
        else resolve({});
      });
    const over = () => {
      clearTimeout(clock);
      // If the page's origin may not use locks, the request fails at once, and the core goes on
      // without a lock.
      reject(new Failed(signal.aborted ? 'timeout' : 'unsupported'));
    };
    locks.request(name, { signal }, held).then(over, over);
  });

/** Calls `use` with the value, at once if it is no promise. */
const soon = <T, U>(value: T | PromiseLike<T>, use: (value: T) => U, fail: (error: unknown) => never): U | Promise<U> =>
  typeof (value as PromiseLike<T> | undefined)?.then === 'function' ? Promise.resolve(value).then(use).catch(fail) : use(value as T);

/** The executors of all kinds of effects that this host carries out. */
export const executors = (hands: Hands, timers: Timers, watch: Watch): Executors => {
  /** The last operation on each key: operations on one key run one after the other. */
  const tails = new Map<string, Promise<unknown>>();
  /** If a store answers synchronously, its answer is used synchronously. */
  const inOrder = <T, U>(key: string, operation: (store: Store) => T | Promise<T>, use: (value: T) => U): U | Promise<U> => {
    const fail = (error: unknown): never => {
      throw new Failed((error as Partial<Error>)?.name === 'ConflictError' ? 'conflict' : 'storage', error);
    };
    const access = () => {
      try {
        return soon(operation(key.endsWith('.pending') ? hands.pendingStore : hands.store), use, fail);
      } catch (error) {
        return fail(error);
      }
    };
    const before = tails.get(key);
    const result = before ? before.then(access) : access();
    if (!(result instanceof Promise)) return result;
    const tail: Promise<unknown> = result.catch(() => {}).then(() => tails.get(key) === tail && tails.delete(key));
    tails.set(key, tail);
    return result;
  };
  return {
    __proto__: null,
    http: (effect, controller) => send(effect, controller, hands.fetch ?? fetch),
    timer: ({ ms }, { signal }) => timers.start(ms, signal),
    load: ({ key, watch: told }) =>
      inOrder(
        key,
        (store) => {
          if (told) watch.key(store, key);
          return store.load(key);
        },
        ({ value, version }) => ({ value, version }) as Answers['load'],
      ),
    store: ({ key, version, value, delete: remove }) =>
      inOrder(
        key,
        (store) => watch.not(() => store.store(key, version, remove ? null : value!)),
        (version) => ({ version }),
      ),
    lock: (effect, controller) => lock(effect, controller, hands.locks),
    hook: (effect) => hook(effect, hands.hooks),
    verify,
    key: (effect) => key(effect, hands),
    sign: (effect) => sign(effect, hands),
  } as Executors;
};
