import { failure, OAuthError } from './error.js';
import type { EffectEntry } from './entry.js';
import type { Host, HostEvent, HostOptions } from './host.js';
import { unless } from './http.js';
import type { Commands } from './messages.js';
import { defaultPendingStore, memoryStore } from './store.js';
import type { Config, Options, Status } from './types.js';

/** A client's share of a session that other clients of the page may also use. */
export interface Part extends Pick<Host, 'run' | 'close'> {
  /** The same object for all clients of the session. */
  session: object;
}

type Open = (hands: Partial<HostOptions>) => Promise<Host>;
type Members = Record<string, unknown>;

/** The parameters of the command `callback`. */
type Reply = { url?: string };

/** A reply that was redeemed, or is being redeemed. */
interface Redeemed {
  result: Promise<Status>;
  error?: OAuthError;
}

/** How many replies are remembered, as many as in the core. */
const REPLIES = 4;

let last = 0;
const names = new WeakMap<object, string>();

/** A unique name for an object that is equal only to itself: a function, a key, a store. */
const nameOf = (thing: object): string => {
  const name = names.get(thing) ?? '#' + ++last;
  names.set(thing, name);
  return name;
};

/** Equal texts for equal data. */
const text = (value: unknown): string | undefined =>
  JSON.stringify(value, (_, part) => (Object(part) !== part || [Object, Array].includes(part.constructor) ? part : nameOf(part)));

/** One session in this page: one host, for all its clients. */
const sharedSession = (members: Members) => {
  // The default stores live longer than the clients, so that a client that is opened again finds
  // its session.
  const hands = { store: memoryStore(), pendingStore: defaultPendingStore() };
  const listeners = new Set<{ onEvent(event: HostEvent): void; onEffect: ((entry: EffectEntry) => void) | undefined }>();
  const replies = new Map<string | undefined, Redeemed>();
  let opening: Promise<Host> | undefined;
  /** The state to show, once it is known. */
  let current: HostEvent | undefined;
  let redeeming = 0;

  const inUse = () => listeners.size + redeeming > 0;

  /** Closes the host when it is no longer used. */
  const rest = () => {
    if (inUse()) return;
    void opening?.then((host) => host.close());
    opening = undefined;
    current = undefined;
  };

  /** Goes on even if the client that began it is closed, because the result is for all clients. */
  const redeem = async (host: Host, reply: Reply): Promise<Status> => {
    redeeming++;
    try {
      return await host.run('callback', reply);
    } catch (error) {
      // Another page had the same reply: this page uses the resulting session, too.
      const status = (error as OAuthError).code === 'already_used' && (await host.run('status', {}));
      if (status && status.status === 'granted') return status;
      throw error;
    } finally {
      redeeming--;
      rest();
    }
  };

  /** Redeems a reply once for all callers. After a temporary failure it is tried again. */
  const callback = async (host: Host, reply: Reply): Promise<Status> => {
    const key = text({ ...reply, url: reply.url?.replace(/#.*/s, ''), delivery: undefined });
    const before = replies.get(key);
    if (before && !before.error?.retryable) {
      const { app_state } = await before.result;
      // The resulting session may have ended by now.
      return { ...(await host.run('status', {})), ...(app_state !== undefined && { app_state }) };
    }
    const now: Redeemed = {
      result: redeem(host, reply).catch((error) => {
        // If the first try used up the reply, its error says more.
        throw (now.error = before?.error && error.code === 'already_used' ? before.error : error);
      }),
    };
    replies.delete(key);
    replies.set(key, now);
    if (replies.size > REPLIES) replies.delete(replies.keys().next().value);
    return now.result;
  };

  const session = {
    members,
    inUse,
    async join({ store = hands.store, pendingStore = hands.pendingStore, onEffect }: Options, onEvent: (event: HostEvent) => void, open: Open): Promise<Part> {
      const late = current;
      const listener = { onEvent, onEffect };
      listeners.add(listener);
      const mine = (opening ??= open({
        store,
        pendingStore,
        onEvent(event) {
          if (event.event === 'current') current = event;
          listeners.forEach(({ onEvent }) => onEvent(event));
        },
        onEffect: (entry) => listeners.forEach(({ onEffect }) => onEffect?.(entry)),
      }));
      const host = await mine.catch((error) => {
        listeners.delete(listener);
        if (opening === mine) opening = undefined;
        throw error;
      });
      const calls = new Set<() => void>();
      const run: Host['run'] = async (command: keyof Commands, parameters: object, signal?: AbortSignal | null): Promise<any> => {
        signal?.throwIfAborted();
        const closed = () => failure('cancelled', 'closed', command);
        if (!listeners.has(listener)) throw closed();
        const call = new AbortController();
        const abort = () => call.abort(signal!.reason);
        const close = () => call.abort(closed());
        signal?.addEventListener('abort', abort);
        calls.add(close);
        try {
          return await unless(call.signal, command === 'callback' ? callback(host, parameters) : host.run(command, parameters as never, call.signal));
        } finally {
          signal?.removeEventListener('abort', abort);
          calls.delete(close);
        }
      };
      if (late) {
        onEvent(current!);
        // A client that joins later gets the same events as one that opens a stored session.
        setTimeout(async () => {
          const { status, scope, expires_at } = await run('status', {}).catch(() => ({}) as Partial<Status>);
          if (status && status !== 'not_authenticated') onEvent({ event: 'status', status });
          if (status === 'granted') onEvent({ event: status, scope: scope!, ...(expires_at && { expires_at }) });
        });
      }
      return {
        session,
        run,
        close() {
          calls.forEach((close) => close());
          listeners.delete(listener);
          rest();
        },
      };
    },
  };
  return session;
};

/** Every session of this page, by its store and then by the rest of its identity. */
const page = new WeakMap<object, Map<string | undefined, ReturnType<typeof sharedSession>>>();
const byDefault = {};

/**
 * Gives a client its part in the session of its identity: issuer, or else the token endpoint,
 * client id, redirect URI, name, store and keys, and variables. `open` is called if there is no
 * such session yet.
 *
 * @throws {OAuthError} code `configuration_differs` if the session in use has other members;
 * `field` names them
 */
export const share = async (
  { name = 'oauth2', ...config }: Partial<Config>,
  options: Options,
  onEvent: (event: HostEvent) => void,
  open: Open,
): Promise<Part> => {
  // Each client has its own signal and log. The module is the same, wherever it comes from.
  const { signal: _, onEffect: __, module: ___, store = byDefault, keys = byDefault, ...others } = options;
  const { issuer, token_endpoint, variables, client_id, redirect_uri } = config;
  const identity = text([name, issuer ?? token_endpoint, variables, client_id, redirect_uri, nameOf(keys)]);
  const all = page.get(store) ?? new Map();
  page.set(store, all);
  const members: Members = { ...config, ...others };
  let session = all.get(identity);
  const differ = Object.keys({ ...session?.members, ...members }).filter((member) => session && text(session.members[member]) !== text(members[member]));
  if (session?.inUse() && differ[0]) {
    const expected = 'what the open client has, or another name';
    throw new OAuthError({ kind: 'client', code: 'configuration_differs', op: 'open', retryable: false, field: differ.join(' '), expected });
  }
  // If no client with the other members is left, a new session begins, without the old one's
  // default stores.
  if (!session || differ[0]) all.set(identity, (session = sharedSession(members)));
  return session.join(options, onEvent, open);
};
