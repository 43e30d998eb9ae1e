import type { Effects } from './hosts.js';

/** What the module says of what is open: until when, and what it is to be asked about next. */
export interface Standing {
  keep: string;
  again_ms: number;
  over_ms: number;
}

/** What an answer says of what stays open with it; `undefined` for one that ends by itself. */
export const standingOf = ({ keep, again_ms, over_ms }: Effects['respond']): Standing | undefined =>
  keep === undefined ? undefined : { keep, again_ms: again_ms!, over_ms: over_ms! };

/** Asks the module whether what is open may stay so. */
export type Ask = (keep: string) => Promise<Partial<Standing> & { alive?: boolean }>;

/** A host that may be stopped, and what of it is open. */
export interface Stop {
  stopping: boolean;
  /** Close what is open. */
  open: Set<() => void>;
}

/**
 * Calls `over` once what is open has to be closed: the module says so, or said nothing in time, or
 * the host is being stopped.
 *
 * @returns ends it, without `over`
 */
export const keepOpen = (now: Standing, ask: Ask, over: () => void, host?: Stop): (() => void) => {
  let ended = false;
  let again: ReturnType<typeof setTimeout>;
  let end: ReturnType<typeof setTimeout>;
  const stop = () => {
    ended = true;
    host?.open.delete(close);
    clearTimeout(again);
    clearTimeout(end);
  };
  const close = () => {
    if (ended) return;
    stop();
    over();
  };
  const look = async () => {
    try {
      const { alive, ...next } = await ask(now.keep);
      if (ended) return;
      if (!alive) return close();
      now = next as Standing;
      clearTimeout(end);
      end = setTimeout(close, now.over_ms);
    } catch {
      // Nothing is known: it stays open for as long as was said before.
    }
    if (!ended) again = setTimeout(look, now.again_ms);
  };
  host?.open.add(close);
  end = setTimeout(close, host?.stopping ? 0 : now.over_ms);
  again = setTimeout(look, now.again_ms);
  return stop;
};

/** How many are open, by session. */
const groups = new Map<string, number>();

/**
 * Counts one more that is open.
 *
 * @returns ends that, once; `undefined` where there are as many as there may be
 */
export const enter = (group: string, most: number): (() => void) | undefined => {
  const there = groups.get(group) ?? 0;
  if (there >= most) return undefined;
  groups.set(group, there + 1);
  let left = false;
  return () => {
    if (left) return;
    left = true;
    const open = groups.get(group)! - 1;
    if (open) groups.set(group, open);
    else groups.delete(group);
  };
};

/** The answer of a server that was asked for a socket. With 101 it holds one. */
export interface Handshake {
  status: number;
  headers: [string, string][];
  body: ReadableStream<Uint8Array> | null;
}

/** How a host carries sockets. */
export interface Carrier {
  /** It counts what is open by itself. */
  counts?: boolean;
  /**
   * Opens a socket to a server behind. What switches protocols (RFC 9110 section 7.8) is the host's
   * to add; all headers of the WebSocket handshake are there, and a host that shakes hands by
   * itself leaves out all but the subprotocols.
   *
   * @param group of whom it is, and how many of those may be open: where the host's own count of
   * them is above that it rejects with {@link Failed} of kind `denied`
   */
  open(url: string, headers: [string, string][], signal: AbortSignal, group: string, most: number): Promise<Handshake>;
  /**
   * Answers the browser with 101 and these headers, and lets it and the server speak.
   *
   * @param keep watches over the socket: it calls `close` when the socket has to be closed. Who
   * carries it elsewhere has to see to that by itself, by `standing`
   * @returns what `fetch` of a backend resolves to
   */
  join(headers: [string, string][], keep: (close: () => void) => () => void, standing: Standing): Promise<Response> | Response;
  /** Drops the socket to the server: the browser is answered something else. */
  drop(): void;
}
