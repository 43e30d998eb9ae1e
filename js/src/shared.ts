import { failure, OAuthError } from './error.js';
import type { EffectEntry } from './entry.js';
import type { Host, HostEvent, HostOptions } from './host.js';
import { unless } from './http.js';
import type { Commands } from './messages.js';
import { defaultPendingStore, memoryStore } from './store.js';
import type { Config, Options, Status } from './types.js';

/** A client's part in a session that others of its page may have, too. */
export interface Part extends Pick<Host, 'run' | 'close'> {
  /** The same for all who have a part in the session. */
  session: object;
}

type Open = (hands: Partial<HostOptions>) => Promise<Host>;
type Members = Record<string, unknown>;

/** What is given to the command `callback`. */
type Reply = { url?: string };

/** A reply that was redeemed, or is being. */
interface Redeemed {
  result: Promise<Status>;
  error?: OAuthError;
}

/** So many replies are remembered; the core remembers as many. */
const REPLIES = 4;

let last = 0;
const names = new WeakMap<object, string>();

/** Stands for what is equal to itself only: a function, a key, a store. */
const nameOf = (thing: object): string => {
  const name = names.get(thing) ?? '#' + ++last;
  names.set(thing, name);
  return name;
};

/** Equal texts for equal data. */
const text = (value: unknown): string | undefined =>
  JSON.stringify(value, (_, part) => (Object(part) !== part || [Object, Array].includes(part.constructor) ? part : nameOf(part)));

/** One session in this page: one host, for all who have a part in it. */
const sharedSession = (members: Members) => {
  // Where a session is by default outlives its clients: one that is opened again is the same to its
  // user.
  const hands = { store: memoryStore(), pendingStore: defaultPendingStore() };
  const listeners = new Set<{ onEvent(event: HostEvent): void; onEffect: ((entry: EffectEntry) => void) | undefined }>();
  const replies = new Map<string | undefined, Redeemed>();
  let opening: Promise<Host> | undefined;
  /** What there is to show, once that is known. */
  let current: HostEvent | undefined;
  let redeeming = 0;

  const inUse = () => listeners.size + redeeming > 0;

  /** Closes the host where nobody has a use for it any more. */
  const rest = () => {
    if (inUse()) return;
    void opening?.then((host) => host.close());
    opening = undefined;
    current = undefined;
  };

  /** Goes on though who began it leaves: what comes of it is everybody's. */
  const redeem = async (host: Host, reply: Reply): Promise<Status> => {
    redeeming++;
    try {
      return await host.run('callback', reply);
    } catch (error) {
      // Another page had the same reply: the session that came of it is this page's too.
      const status = (error as OAuthError).code === 'already_used' && (await host.run('status', {}));
      if (status && status.status === 'granted') return status;
      throw error;
    } finally {
      redeeming--;
      rest();
    }
  };

  /** Redeems a reply once, however many ask. What failed in passing is tried again. */
  const callback = async (host: Host, reply: Reply): Promise<Status> => {
    const key = text({ ...reply, url: reply.url?.replace(/#.*/s, '') });
    const before = replies.get(key);
    if (before && !before.error?.retryable) {
      const { app_state } = await before.result;
      // What came of the reply may be over by now.
      return { ...(await host.run('status', {})), ...(app_state !== undefined && { app_state }) };
    }
    const now: Redeemed = {
      result: redeem(host, reply).catch((error) => {
        // Where the reply is spent since the first time, why that failed says more.
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
        // Tells who comes late what whoever opens a stored session hears.
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
 * client id, redirect URI, name, store and keys, and what stands in its URLs. `open` is called
 * where there is no such session yet.
 *
 * @throws {OAuthError} code `configuration_differs` where the session that is in use has other
 * members than these; `field` names them
 */
export const share = async (
  { name = 'oauth2', ...config }: Partial<Config>,
  options: Options,
  onEvent: (event: HostEvent) => void,
  open: Open,
): Promise<Part> => {
  // Each client's own are its signal and its log; and the module is the same wherever it comes
  // from.
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
  // Where nobody is left who has the other members, it begins anew: what they were good for does
  // not go on.
  if (!session || differ[0]) all.set(identity, (session = sharedSession(members)));
  return session.join(options, onEvent, open);
};
