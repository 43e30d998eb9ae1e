/**
 * The vault itself: the client, its tokens, keys and store, in a worker or on a separate origin.
 *
 * @packageDocumentation
 */
import { challengeOf, Client, type Config, found, memoryStore, OAuthError, openClient, type Options, type Store } from './index.js';
import { keeperStore, type KeeperScope, keysIn, serveKeeper } from './keeper.js';
import type { Run } from './host.js';
import type { Commands } from './messages.js';

/** How a vault works. */
export interface VaultOptions extends Pick<Options, 'store' | 'pendingStore' | 'keys' | 'locks' | 'fetch' | 'module' | 'hooks' | 'onEffect'> {
  /** In a frame: the origins whose pages may use the vault, such as `https://app.example`. */
  pages?: string[];
  /**
   * Lets pages ask for tokens: `token`, `export`, `exchange`, `setToken` and the like work, and
   * answers are complete. Then every script of the page can take the tokens away.
   */
  insecureTokenAccess?: boolean;
}

const STATUS = 'name status scope requested_scope token_type expires_at expired refreshable not_persisted claims pkce_method pkce_verifier_length device';
const DEVICE = 'user_code verification_uri verification_uri_complete expires_at interval_ms polling';

/**
 * The commands that a page may give, with the parameters that it may set and the members of the
 * result that it gets. Nothing else passes, in either direction.
 */
const COMMANDS: { [C in keyof Commands]?: [parameters: string, ok: string] } = {
  authorize: [
    'scope redirect_uri app_state parameters prompt max_age login_hint id_token_hint ui_locales acr_values claims authorization_details response_mode',
    'url state',
  ],
  callback: ['url parameters pasted state delivery', `${STATUS} app_state unverified handled_elsewhere`],
  matches: ['url', 'matches'],
  refresh: ['', STATUS],
  revoke: ['token', STATUS],
  extend: ['', STATUS],
  profile: ['', 'issuer id email email_verified'],
  userinfo: ['', 'claims'],
  status: ['held', STATUS],
  log_out: ['post_logout_redirect_uri state', 'revoked url'],
  front_channel_logout: ['url parameters', 'logged_out'],
  resource_metadata: ['url resource_metadata', 'metadata'],
  device_start: ['scope parameters', DEVICE],
  device_wait: ['', STATUS],
  poll_start: ['', 'polling'],
  poll_stop: ['forget', 'polling'],
};

/** The events that pages get, with the members that they get. */
const EVENTS = {
  status: 'status',
  granted: 'scope expires_at',
  about_to_expire: 'expires_at',
  expired: 'expires_at',
  changed: 'status change',
  authorize_with_user_code: 'user_code verification_uri verification_uri_complete',
  device: DEVICE,
  request_failed: '',
  server_error: '',
  not_persisted: '',
  session_refused: '',
  restarted: '',
} as const;

const ERROR =
  'kind code op retryable field expected came clock_difference_ms stage host status error error_description error_uri unverified begin_again retry_after_ms';

/**
 * Endpoints whose answers are not for pages: all that a server may have (RFC 8414 section 2) except
 * the userinfo endpoint, because that is a resource like any other.
 */
const ENDPOINT = /^(?!userinfo_).*_endpoint$/;

/** The members of RequestInit that a page may set. The vault sets redirects and the rest. */
const REQUEST = 'method headers body credentials cache referrerPolicy integrity keepalive';

type Members = Record<string, unknown>;

const pick = (members: string, of: object): Members =>
  Object.fromEntries(
    members.split(' ').flatMap((name) => (Object.hasOwn(of, name) && (of as Members)[name] !== undefined ? [[name, (of as Members)[name]]] : [])),
  );

const refusal = (code: string, op: string, more: object = {}) => new OAuthError({ kind: 'client', code, op, retryable: false, ...more });

/**
 * An error as pages get it. The text of an error that is not this package's own may contain
 * anything, even a header of the request.
 */
const told = (error: unknown): Members => (error instanceof OAuthError ? pick(ERROR, error) : { name: error instanceof TypeError ? 'TypeError' : 'Error' });

/**
 * A path as servers may read it. Some servers ignore escapes (also escaped escapes), the case of
 * letters, what follows a semicolon, dots, or repeated slashes.
 */
const plain = (path: string): string => {
  for (let pass = 0; pass < 8; pass++) {
    path = path.replace(/%([\da-f]{2})/gi, (_, code) => String.fromCharCode(parseInt(code, 16)));
  }
  const parts: string[] = [];
  for (const part of path.toLowerCase().split(/[/\\]/)) {
    const name = part.replace(/;.*/s, '');
    if (name === '..') parts.pop();
    else if (name && name !== '.') parts.push(name);
  }
  return ['', ...parts, ''].join('/');
};

/** Where a URL leads. A host may be written with the root's dot at its end. */
const place = (url: string): string | undefined => {
  if (!URL.canParse(url)) return undefined;
  const { protocol, hostname, port, pathname } = new URL(url);
  return `${protocol}//${hostname.replace(/\.$/, '')}:${port}${plain(pathname)}`;
};

/**
 * Refuses a configuration with a destination that covers an endpoint. `of` names the endpoints.
 *
 * @throws {OAuthError} code `destination_covers_endpoint`
 */
const checkDestinations = ({ token_destinations = [], resource_destinations = [], variables = {} }: Partial<Config>, of: object): void => {
  const filled = (text: unknown) => place(String(text).replace(/\{(\w+)\}/g, (all, name) => variables[name] ?? all));
  const destinations = [...token_destinations, ...resource_destinations.map(({ url }) => url)].map((text) => [text, filled(text)]);
  for (const [field, endpoint] of Object.entries({ token_endpoint: undefined, ...of })) {
    const there = ENDPOINT.test(field) && filled(endpoint);
    const came = there && destinations.find(([, place]) => place && there.startsWith(place))?.[0];
    if (came) throw refusal('destination_covers_endpoint', 'open', { field, came, expected: 'destinations of APIs alone' });
  }
};

/** A page's port: of a MessageChannel, of a SharedWorker, or the worker itself. */
interface Port {
  postMessage(message: unknown, transfer?: Transferable[]): void;
  onmessage: ((event: MessageEvent) => void) | null;
}

/** A request of a page that is under way. */
interface Work {
  controller: AbortController;
  /** The body of an answer that is being read. */
  body?: ReadableStreamDefaultReader<Uint8Array>;
}

/** Makes the vault's client, and returns a function that serves a port. */
const openVault = (config: Config, options: VaultOptions) => {
  const { pages: _, insecureTokenAccess, ...hands } = options;
  const ports = new Set<Port>();
  /** The server's metadata, once it was read, as the module stores it. */
  let metadata: string | undefined;
  /** Whether there is a keeper. */
  let kept = false;

  /** Watches the module's writes for the server's metadata. */
  const watched = (store: Store): Store => {
    const see = (key: string, value: string | null | undefined) => {
      if (value && key.endsWith('.metadata')) metadata = value;
    };
    return {
      ...store,
      async load(key) {
        const stored = await store.load(key);
        see(key, stored.value);
        if (config.discovery && metadata === undefined && key.endsWith('.session'))
          see('.metadata', (await store.load(key.replace(/session$/, 'metadata'))).value);
        return stored;
      },
      store(key, version, value) {
        see(key, value);
        return store.store(key, version, value);
      },
    };
  };

  const open = async (): Promise<Client> => {
    if (!insecureTokenAccess) {
      checkDestinations(config, config);
      for (const field of ['insecure_pkce_plain', 'insecure_pkce_none'] as const) if (config[field]) throw refusal('verifier_in_page', 'open', { field });
    }
    const inWorker = !('document' in globalThis);
    // The module downloads while the vault asks the keeper.
    if (!hands.module) found().catch(() => {});
    const keeper = hands.store || !inWorker ? undefined : await keeperStore();
    kept = !!keeper;
    const store = watched(hands.store ?? keeper ?? memoryStore());
    return openClient(config, { pendingStore: store, ...(inWorker && { keys: keysIn(store) }), ...hands, store });
  };

  const opened = open();
  const vault = crypto.randomUUID();
  let life: string | undefined;
  let looked: Promise<unknown> = Promise.resolve();
  /**
   * The name of the lock that this vault holds. Pages of this origin wait for it: a page that gets
   * it doubts that the vault lives (`#doubt`). A vault that has lost its lock takes another one.
   */
  const living = async (): Promise<string | undefined> => {
    const { locks } = navigator;
    if (!locks || 'document' in globalThis) return undefined;
    const hold = async () => {
      const { held } = await locks.query();
      if (held!.some(({ name, mode }) => name === life && mode === 'exclusive')) return;
      const name = (life = 'oauth2-wasm.vault ' + crypto.randomUUID());
      await new Promise<void>((resolve) => {
        locks
          .request(name, () => {
            resolve();
            return new Promise(() => {});
          })
          .catch(resolve); // another script of the origin may take it
      });
    };
    looked = looked.then(hold);
    return looked.then(
      () => life,
      () => undefined, // no locks here
    );
  };

  const all = (message: object) => ports.forEach((port) => port.postMessage(message));
  void opened.then(
    (client) => {
      for (const [event, members] of Object.entries(EVENTS))
        client.addEventListener(event as 'status', ({ detail }: CustomEvent<unknown>) =>
          all({ event, ...(detail instanceof OAuthError ? { error: told(detail) } : pick(members, detail as object)) }),
        );
      client.addEventListener('change', () => all({ event: 'current', ...currentOf(client) }));
    },
    () => {},
  );

  const currentOf = (client: Client) => pick('status expires_at claims', client.current);

  const run = async (client: Client, command: keyof Commands, parameters: Members, signal: AbortSignal): Promise<object> => {
    const perform = Client.runOf(client) as Run;
    if (insecureTokenAccess) return perform(command, { ...parameters, signal } as never);
    const [given, got] = (Object.hasOwn(COMMANDS, command) && COMMANDS[command]) || [];
    if (got === undefined) throw refusal('kept_in_vault', String(command));
    const more = Object.keys(parameters).find((name) => !given!.split(' ').includes(name));
    if (more) throw refusal('kept_in_vault', command, { field: more });
    const ok = pick(got, await perform(command, { ...parameters, signal } as never));
    // The ID token is also a secret: without it the server may ask the user to confirm.
    if (command === 'log_out' && ok.url) ok.url = withoutHint(String(ok.url));
    return ok;
  };

  const withoutHint = (text: string): string => {
    const url = new URL(text);
    url.searchParams.delete('id_token_hint');
    return url.href;
  };

  const send = async (client: Client, port: Port, id: number, work: Work, request: Members): Promise<void> => {
    if (config.discovery && !insecureTokenAccess) {
      const read = metadata && (JSON.parse(metadata).metadata as Members & { mtls_endpoint_aliases?: object });
      if (!read) throw refusal('metadata_unknown', 'fetch', { retryable: true });
      checkDestinations(config, read);
      checkDestinations(config, read.mtls_endpoint_aliases ?? {});
    }
    const { signal } = work.controller;
    const response = await client.fetch(String(request.url), { ...pick(REQUEST, request), signal, duplex: 'half' } as RequestInit);
    const { status, statusText, url, headers } = response;
    const reader = response.body?.getReader();
    if (reader) work.body = reader;
    answer(port, { id, response: { status, statusText, url, headers: [...headers], challenge: challengeOf(response), body: !!reader } });
    if (!reader) ended(port, id);
  };

  const works = new Map<Port, Map<number, Work>>();
  const ended = (port: Port, id: number) => works.get(port)?.delete(id);
  /**
   * A page that has left gets no more messages: one would end its stay in the back/forward cache.
   */
  const answer = (port: Port, message: object) => works.has(port) && port.postMessage(message);

  const take = async (port: Port, data: Members): Promise<void> => {
    const mine = works.get(port);
    if (!mine) return;
    if (data.bye) return leave(port);
    const id = data.id as number;
    if (typeof id !== 'number') return;
    const under = mine.get(id);
    try {
      if (data.abort) {
        under?.controller.abort();
        void under?.body?.cancel().catch(() => {});
        return void mine.delete(id);
      }
      if (data.pull) {
        const { value } = (await under?.body?.read()) ?? {};
        if (!value) mine.delete(id);
        return void answer(port, value ? { id, chunk: value } : { id, end: true });
      }
      if (under) return;
      const work: Work = { controller: new AbortController() };
      mine.set(id, work);
      const client = await opened;
      if (data.fetch) return await send(client, port, id, work, Object(data.fetch));
      const parameters = JSON.parse(JSON.stringify(data.parameters ?? {}));
      const ok = await run(client, data.command as keyof Commands, parameters, work.controller.signal);
      answer(port, { id, ok });
      mine.delete(id);
    } catch (error) {
      mine.delete(id);
      const { body } = Object(data.fetch);
      if (body instanceof ReadableStream) void body.cancel().catch(() => {}); // which was not sent, or not to its end
      answer(port, { id, error: told(error) });
    }
  };

  const leave = (port: Port) => {
    works.get(port)?.forEach(({ controller }) => controller.abort());
    works.delete(port);
    ports.delete(port);
  };

  return async (port: Port): Promise<void> => {
    works.set(port, new Map());
    port.onmessage = ({ data }) => void take(port, Object(data));
    try {
      // Asked for while the client opens, because its first events come right after that.
      const held = living();
      const client = await opened;
      const life = await held;
      if (!works.has(port)) return;
      ports.add(port);
      port.postMessage({ hello: pick('redirect_uri attempt_life_ms name', config), vault, life, kept, current: currentOf(client) });
    } catch (error) {
      port.postMessage({ refused: told(error) });
    }
  };
};

/** The message of a vault's page in a frame; the answer is a port. */
const HELLO = 'oauth2-wasm.vault';

/** The global scopes in which this script may run. */
interface Scope extends Partial<Omit<KeeperScope, 'addEventListener'>> {
  registration?: object;
  onconnect?: ((event: MessageEvent) => void) | null;
  document?: object;
}

/**
 * Serves the ports in any of these scopes. The first port calls `opening`, whose result serves all
 * of them.
 */
const serve = (pages: string[], opening: () => (port: Port) => Promise<void>): void => {
  const scope = globalThis as unknown as Scope;
  if (scope.registration && scope.clients) return serveKeeper(scope as KeeperScope);
  if (scope.document) {
    if (parent === window) return;
    addEventListener('message', ({ data, origin, source, ports: [port] }) => {
      if (data === HELLO && source === parent && pages.includes(origin) && port) void opening()(port);
    });
    // The message only says that the vault listens, and goes only to the allowed pages.
    pages.forEach((page) => parent.postMessage(HELLO, page));
  } else if ('onconnect' in scope) scope.onconnect = ({ ports: [port] }) => void opening()(port!);
  else void opening()(globalThis as unknown as Port);
};

/**
 * Serves the vault. This call is the whole entry script that an application deploys: for the worker
 * that `openClient` of `oauth2-wasm/vault` starts, for the service worker that keeps its session
 * during a reload, and for a page on a separate origin that is loaded in a frame.
 *
 * No message can change what is set here: configuration, hooks, `fetch`, destinations.
 *
 * @param config as for {@link openClient}. `token_destinations` and `resource_destinations` that
 * cover an endpoint of the authorization server are refused
 */
export const serveVault = (config: Config, options: VaultOptions = {}): void => {
  let vault: ReturnType<typeof openVault> | undefined;
  serve(options.pages ?? [], () => (vault ??= openVault(config, options)));
};

/**
 * Serves a vault with the configuration that the first page sends. This does not protect from
 * scripts of the page.
 *
 * @internal
 */
export const serveAny = (): void => {
  let vault: ReturnType<typeof openVault> | undefined;
  let first: string | undefined;
  serve([], () => async (port) => {
    port.onmessage = ({ data }) => {
      const text = JSON.stringify(data.config);
      if (first !== undefined && text !== first) return port.postMessage({ refused: told(refusal('configuration_differs', 'open')) });
      first = text;
      void (vault ??= openVault(data.config, { module: fetch(data.module) }))(port);
    };
  });
};
