import type { Effect, Outcome } from './loop.js';
import type { Effects } from './messages.js';

/**
 * A log entry that contains no query, header, body, key or secret. An effect that the module waits
 * for comes twice: when it is asked for, without `ms`, and when it was answered. One that is
 * withdrawn comes once, and then what withdraws it, with `target`.
 */
export interface EffectEntry {
  /** Names the effect: both its lines have it. */
  id: string;
  /** The kind of effect: `http`, `store`, `lock` … */
  kind: string;
  /** The effect that this one withdraws: a request, a timer, a lock. */
  target?: string;
  /** The name of an event, or of the command that a result is of. */
  name?: string;
  /** What a request or a hook is for: `token`, `refresh` … */
  stage?: string;
  /** The method of a request. */
  method?: string;
  /** Origin and path of a request. */
  url?: string;
  /** The status of the answer to a request; of `respond`, that of the answer given. */
  status?: number;
  /** The kind of failure, if it failed. */
  failed?: string;
  /**
   * How long it took, in milliseconds; 0 for effects without an answer. Missing: it is under way.
   */
  ms?: number;
}

/** The entry of an effect that is begun or, with an outcome, done. */
export const entryOf = (effect: Effect, began: number, outcome: Outcome | undefined, name?: string): EffectEntry => {
  const { id, kind, target, stage, method, url } = effect as Effects['http'] & { target?: string };
  const { status = effect.kind === 'respond' ? effect.status : undefined, failed } = outcome ?? {};
  return {
    id,
    kind,
    target,
    name,
    stage,
    method,
    url: url?.replace(/[?#].*/s, ''),
    ...(outcome && { status, failed, ms: Date.now() - began }),
  } as EffectEntry;
};
