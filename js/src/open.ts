import type { Effects } from './hosts.js';

/**
 * What the module says about an open connection: how long it may stay open, and what to ask next.
 */
export interface Standing {
  keep: string;
  again_ms: number;
  over_ms: number;
}

/** The conditions of an answer that stays open; `undefined` for one that ends by itself. */
export const standingOf = ({ keep, again_ms, over_ms }: Effects['respond']): Standing | undefined =>
  keep === undefined ? undefined : { keep, again_ms: again_ms!, over_ms: over_ms! };

/** Asks the module whether an open connection may stay open. */
export type Ask = (keep: string) => Promise<Partial<Standing> & { alive?: boolean }>;

/** A host that may be stopped, and what of it is open. */
export interface Stop {
  stopping: boolean;
  /** Close what is open. */
  open: Set<() => void>;
}

/**
 * Calls `over` when the open connection has to be closed: because the module says so, or did not
 * answer in time, or because the host stops.
 *
 * @returns a function that ends this, without `over`
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
      // No answer: it stays open as long as the last answer allowed.
    }
    if (!ended) again = setTimeout(look, now.again_ms);
  };
  host?.open.add(close);
  end = setTimeout(close, host?.stopping ? 0 : now.over_ms);
  again = setTimeout(look, now.again_ms);
  return stop;
};

/** The number of open connections, by session. */
const groups = new Map<string, number>();

/**
 * Counts one more open connection.
 *
 * @returns a function that counts it as closed; `undefined` if the limit is reached
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

/** A server's answer to a handshake. With 101 it contains a socket. */
export interface Handshake {
  status: number;
  headers: [string, string][];
  body: ReadableStream<Uint8Array> | null;
}

/** How a host carries sockets. */
export interface Carrier {
  /** True if it counts open connections by itself. */
  counts?: boolean;
  /**
   * Opens a socket to an upstream server. The host adds the headers that switch protocols (RFC 9110
   * section 7.8). `headers` has all headers of the WebSocket handshake; a host whose runtime does
   * the handshake leaves out all but the subprotocols.
   *
   * @param group the session to which it belongs; if the host's own count for that session is above
   * `most`, it rejects with {@link Failed} of kind `denied`
   */
  open(url: string, headers: [string, string][], signal: AbortSignal, group: string, most: number): Promise<Handshake>;
  /**
   * Answers the browser with 101 and these headers, and joins its socket with the server's.
   *
   * @param keep watches the socket, and calls `close` when it has to be closed. A carrier that
   * passes the socket to another process has to do that there, with `standing`
   * @returns the result of `fetch` of the backend
   */
  join(headers: [string, string][], keep: (close: () => void) => () => void, standing: Standing): Promise<Response> | Response;
  /** Drops the socket to the server, because the browser gets another answer. */
  drop(): void;
}
