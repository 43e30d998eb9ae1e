// Clients of one identity in one page share a session, and a reply is redeemed once: in Chromium.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { launch, openPage, pages, strictPolicy } from './lib/browser.mjs';
import { library } from './lib/installed.mjs';
import { provider, signIn, until } from './lib/provider.mjs';
import { serve } from './lib/serve.mjs';

const APP = '/pages/app.html';

let browser, site, server, config;
before(async () => {
  site = await serve(pages(), { headers: strictPolicy() });
  server = await provider();
  config = { ...server.config, redirect_uri: site.url + APP };
  browser = await launch();
});
after(async () => {
  await browser?.close();
  site?.stop();
  server?.stop();
});
beforeEach(() => {
  server.requests.length = 0;
  for (const path in server.answers) delete server.answers[path];
});

/** A new page in a new browser context. */
const open = async (t, path = APP) => {
  const context = await browser.newContext();
  t.after(() => context.close());
  const page = await openPage(context, site.url + path);
  await page.evaluate((config) => (window.config = config), config);
  return page;
};

/** The page as the server sends the user back to it. */
const comeBack = async (page, { add = '', hash = '', given = config, options } = {}) => {
  const state = await page.evaluate(
    async ([config, options]) => {
      const pendingStore = options && oauth[options.pendingStore]();
      const client = await oauth.openClient(config, pendingStore && { pendingStore });
      return (await client.authorize({ app_state: 'page 7' })).state;
    },
    [given, options],
  );
  const reply = `${given.redirect_uri}${given.redirect_uri.includes('?') ? '&' : '?'}code=THE-CODE&state=${state}${add}${hash}`;
  await page.goto(reply);
  await page.reload(); // if the URLs differ only by the fragment, the browser loads nothing
  await page.waitForFunction(() => window.oauth);
  await page.evaluate((config) => (window.config = config), given);
  return reply;
};

test('E35 clients of one identity share a session, and each has its own listeners and its own end', async (t) => {
  const page = await open(t);
  const said = await page.evaluate(async () => {
    const heard = [];
    const [first, second] = await Promise.all([oauth.openClient(config), oauth.openClient({ ...config })]);
    first.addEventListener('granted', () => heard.push('first'));
    second.addEventListener('granted', () => heard.push('second'));
    await first.setToken({ access_token: 'T', token_type: 'Bearer', refresh_token: 'R', expires_in: 3600 });
    const shared = (await second.token()).access_token;
    // Closing one client ends its waits, and the other goes on.
    const waits = first.refresh().catch(({ kind, code, op }) => [kind, code, op]);
    const goesOn = second.refresh();
    first.close();
    const after = await first.status().catch(({ kind, code, op }) => [kind, code, op]);
    const { status } = await goesOn;
    // A later client gets the current state.
    const late = await oauth.openClient(config);
    late.addEventListener('status', ({ detail }) => heard.push(['late', detail.status]));
    await new Promise((resolve) => late.addEventListener('granted', ({ detail }) => resolve(heard.push(detail.scope))));
    return { different: first !== second, shared, waits: await waits, after, goesOn: status, heard };
  });
  assert.deepEqual(said, {
    different: true,
    shared: 'T',
    waits: ['cancelled', 'closed', 'refresh'],
    after: ['cancelled', 'closed', 'status'],
    goesOn: 'granted',
    heard: ['first', 'second', 'second', ['late', 'granted'], 'read'],
  });
  assert.equal(server.count('/token'), 1);
});

test('E35 a signal and a log are each client’s own', async (t) => {
  const page = await open(t);
  const said = await page.evaluate(async () => {
    const logs = [[], []];
    const [one, two] = [new AbortController(), new AbortController()];
    const begin = (n, { signal }) => oauth.openClient(config, { signal, onEffect: ({ kind, name }) => kind === 'result' && logs[n].push(name) });
    const [first, second] = await Promise.all([begin(0, one), begin(1, two)]);
    await first.status();
    one.abort();
    await second.token().catch(() => {});
    await new Promise((resolve) => setTimeout(resolve));
    return [JSON.stringify(logs), await first.status().catch(({ code }) => code), (await second.status()).status];
  });
  assert.deepEqual(said, ['[["status"],["status","token"]]', 'closed', 'not_authenticated']);
});

test('E36 a client that differs from the open one is refused, and the error names the members', async (t) => {
  const page = await open(t);
  const said = await page.evaluate(async () => {
    const hook = (request) => request;
    const options = { hooks: { request: { token: hook } }, locks: navigator.locks };
    const same = { ...config, parameters: { a: 'b' } };
    const first = await oauth.openClient(same, options);
    const outcome = async (config, options) =>
      oauth.openClient(config, options).then(
        (client) => (client.close(), 'open'),
        ({ kind, code, op, field, message }) => ({ kind, code, op, field, named: message.includes('another name') }),
      );
    const differ = async (members, more) => {
      const said = await outcome({ ...same, ...members }, { ...options, ...more });
      return said.code === 'configuration_differs' && said.kind === 'client' && said.op === 'open' && said.named ? said.field : said;
    };
    const rows = {
      token_destinations: await differ({ token_destinations: [...config.token_destinations, 'https://other.example/'] }),
      dpop: await differ({ dpop: true }),
      insecure: await differ({ insecure_pkce_none: true }),
      scope: await differ({ scope: 'read write' }),
      parameters: await differ({ parameters: { a: 'c' } }),
      endpoint: await differ({ revocation_endpoint: undefined }),
      secret: await differ({ client_secret: 's' }),
      several: await differ({ dpop: true, token_destinations: [] }, { fetch: (...given) => fetch(...given) }),
      hooks: await differ({}, { hooks: { request: { token: (request) => request } } }),
      noHooks: await differ({}, { hooks: undefined }),
      locks: await differ({}, { locks: { request: (...given) => navigator.locks.request(...given) } }),
      pendingStore: await differ({}, { pendingStore: oauth.memoryStore() }),
      session: await differ({}, { session: 'x' }),
    };
    const open = {
      same: await outcome({ ...same }, { ...options, hooks: { request: { token: hook } } }),
      order: await outcome(Object.fromEntries(Object.entries(same).reverse()), { ...options }),
      pairs: await outcome({ ...same, parameters: [['a', 'b']] }, options),
      undefined: await outcome({ ...same, dpop: undefined }, { ...options, fetch: undefined }),
      default: await outcome({ ...same, name: 'oauth2' }, options),
      name: await outcome({ ...same, name: 'other', dpop: true }, options),
      store: await outcome({ ...same, dpop: true }, { store: oauth.memoryStore() }),
      keys: await outcome({ ...same, dpop: true }, { keys: oauth.memoryKeys() }),
      client: await outcome({ ...same, client_id: 'b', dpop: true }),
      server: await outcome({ ...same, token_endpoint: 'https://b.example/token' }),
    };
    return { rows, open, alive: (await first.status()).status };
  });
  const { several, ...rows } = said.rows;
  assert.deepEqual(rows, {
    token_destinations: 'token_destinations',
    dpop: 'dpop',
    insecure: 'insecure_pkce_none',
    scope: 'scope',
    parameters: 'parameters',
    endpoint: 'revocation_endpoint',
    secret: 'client_secret',
    hooks: 'hooks',
    noHooks: 'hooks',
    locks: 'locks',
    pendingStore: 'pendingStore',
    session: 'session',
  });
  assert.deepEqual(several.split(' ').sort(), ['dpop', 'fetch', 'token_destinations']);
  assert.deepEqual(new Set(Object.values(said.open)), new Set(['open']), JSON.stringify(said.open));
  assert.equal(said.alive, 'not_authenticated');
});

test('E36 once the last client is closed, one with other members begins anew', async (t) => {
  const page = await open(t);
  const said = await page.evaluate(async () => {
    const first = await oauth.openClient(config);
    await first.setToken({ access_token: 'T', token_type: 'Bearer' });
    first.close();
    const wider = await oauth.openClient({ ...config, token_destinations: ['https://other.example/'] });
    return (await wider.status()).status;
  });
  assert.equal(said, 'not_authenticated', 'a token of narrower token_destinations would have become good for others');
});

test('E36 a store that is given twice is one: the tab’s, and a database by its name', async (t) => {
  const page = await open(t);
  const said = await page.evaluate(() => [
    oauth.insecureSessionStore() === oauth.insecureSessionStore(),
    oauth.insecureIndexedDBStore() === oauth.insecureIndexedDBStore(),
    oauth.insecureIndexedDBStore('a') === oauth.insecureIndexedDBStore('b'),
    oauth.memoryStore() === oauth.memoryStore(),
  ]);
  assert.deepEqual(said, [true, true, false, false]);
});

test('E37 an effect that opens, closes and opens again is signed in, by the client that lives', async (t) => {
  // As React's StrictMode does: when the first client is closed, it is opening, redeeming, or done.
  for (const when of ['opening', 'redeeming', 'done']) {
    for (const store of ['', 'memoryStore', 'insecureSessionStore', 'insecureIndexedDBStore']) {
      server.requests.length = 0;
      const page = await open(t);
      await comeBack(page);
      const said = await page.evaluate(
        async ([when, store]) => {
          const options = store ? { store: oauth[store]() } : {};
          const opening = oauth.openClient(config, options);
          if (when === 'opening') void opening.then((client) => client.close());
          else {
            const client = await opening;
            const first = client.handleRedirect().catch(({ code }) => code);
            await (when === 'done' ? first : client.matches(location));
            client.close();
          }
          const client = await oauth.openClient(config, options);
          const status = await client.handleRedirect();
          return [status.status, status.app_state, (await client.token()).access_token.slice(0, 7), location.search];
        },
        [when, store],
      );
      assert.deepEqual(said, ['granted', 'page 7', 'ACCESS-', ''], `${when} ${store}`);
      assert.equal(server.count('/token'), 1, `${when} ${store}`);
    }
  }
});

test('E37 a redemption goes on when the last client is closed, and only so long', async (t) => {
  const page = await open(t);
  await comeBack(page);
  let go;
  server.answers['/token'] = async () => {
    await new Promise((resolve) => (go = resolve));
    return { body: { access_token: 'LATE', token_type: 'Bearer', expires_in: 3600 } };
  };
  await page.evaluate(async () => {
    window.client = await oauth.openClient(config);
    window.first = client.handleRedirect().catch(({ code }) => code);
  });
  await until(() => go, 'the token request');
  // Only the redemption still uses the session.
  assert.equal(await page.evaluate(() => (client.close(), first)), 'closed');
  go();
  const said = await page.evaluate(async () => {
    const again = await oauth.openClient(config);
    const status = await again.handleRedirect();
    return [status.status, status.app_state, (await again.token()).access_token];
  });
  assert.deepEqual(said, ['granted', 'page 7', 'LATE']);
  assert.equal(server.count('/token'), 1);
});

test('E37 signing out clears the store that outlives its clients', async (t) => {
  const page = await open(t);
  const said = await page.evaluate(async () => {
    const first = await oauth.openClient(config);
    await first.setToken({ access_token: 'T', token_type: 'Bearer' });
    first.close();
    const second = await oauth.openClient(config);
    const between = (await second.status()).status;
    await second.logOut();
    second.close();
    return [between, (await (await oauth.openClient(config)).status()).status];
  });
  assert.deepEqual(said, ['granted', 'not_authenticated']);
});

test('E37 an opening that fails is not remembered', async (t) => {
  const page = await open(t);
  const said = await page.evaluate(async () => {
    const refused = () =>
      oauth.openClient({ ...config, nonsense: 1 }).then(
        () => 'open',
        ({ code }) => code,
      );
    const both = await Promise.all([refused(), refused()]);
    const lost = await oauth.openClient(config, { module: Promise.reject(new Error('lost')) }).catch(({ message }) => message);
    return [...both, lost, await oauth.openClient(config).then(() => 'open')];
  });
  assert.deepEqual(said, ['unknown_member', 'unknown_member', 'lost', 'open']);
});

test('E38 a process of a server has no common sessions, whatever it has of a browser', async () => {
  const { openClient } = await library();
  const document = Object.getOwnPropertyDescriptor(globalThis, 'document');
  Object.assign(globalThis, { document: {}, indexedDB: {} });
  try {
    const [alice, bob] = await Promise.all([openClient(server.config), openClient(server.config)]);
    const { redirect } = await signIn(alice);
    assert.equal((await alice.status()).status, 'granted');
    assert.equal((await bob.status()).status, 'not_authenticated');
    await assert.rejects(bob.handleRedirect(redirect), { code: 'wrong_state' });
    assert.equal((await alice.handleRedirect(redirect)).handled_elsewhere, true, 'nobody but the store remembers the reply');
    alice.close();
    assert.equal((await (await openClient(server.config)).status()).status, 'not_authenticated');
    // Here other members do not matter.
    await openClient({ ...server.config, dpop: true });
  } finally {
    delete globalThis.indexedDB;
    delete globalThis.document;
    if (document) Object.defineProperty(globalThis, 'document', document);
  }
});

test('E35 a worker of a browser shares as a window does', async (t) => {
  const page = await open(t);
  const said = await page.evaluate(
    (config) =>
      new Promise((resolve, reject) => {
        const worker = new Worker('/pages/shared-worker.js', { type: 'module' });
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = reject;
        worker.postMessage(config);
      }),
    config,
  );
  assert.deepEqual(said, ['T', 'granted']);
});

test('E39 all who ask for a reply get what came of it, now and later, until the page navigates', async (t) => {
  const page = await open(t);
  const reply = await comeBack(page);
  const said = await page.evaluate(async (reply) => {
    const [first, second] = await Promise.all([oauth.openClient(config), oauth.openClient(config)]);
    const said = ({ status, app_state } = {}) => `${status} ${app_state}`;
    const at = () => location.pathname + location.search + location.hash;
    const concurrent = await Promise.all([
      first.handleRedirect(),
      second.handleRedirect(),
      second.callback({ url: reply }),
      first.handleRedirect(reply + '#x'),
    ]);
    const clean = at();
    const later = [await second.handleRedirect(), await first.handleRedirect(reply), await (await oauth.openClient(config)).handleRedirect()];
    // The resulting session may have ended.
    await first.logOut();
    const over = await second.handleRedirect();
    const gone = [];
    history.pushState(null, '', '#/inside');
    gone.push(await second.handleRedirect());
    history.replaceState(null, '', clean);
    gone.push(await second.handleRedirect());
    return { concurrent: concurrent.map(said), clean, later: later.map(said), over: said(over), gone };
  }, reply);
  const signedIn = 'granted page 7';
  assert.deepEqual(said, {
    concurrent: [signedIn, signedIn, signedIn, signedIn],
    clean: APP,
    later: [signedIn, signedIn, signedIn],
    over: 'not_authenticated page 7',
    gone: [null, null],
  });
  assert.equal(server.count('/token'), 1);
});

test('E39 an application that navigates while a reply is redeemed stays where it is, and so does its result', async (t) => {
  const page = await open(t);
  await comeBack(page);
  let go;
  server.answers['/token'] = async () => {
    await new Promise((resolve) => (go = resolve));
    return { body: { access_token: 'LATE', token_type: 'Bearer', expires_in: 3600 } };
  };
  await page.evaluate(async () => {
    window.clients = await Promise.all([oauth.openClient(config), oauth.openClient(config)]);
    window.outcomes = [clients[0].handleRedirect()];
  });
  await until(() => go, 'the token request');
  await page.evaluate(async () => {
    history.pushState(null, '', '?page=2');
    outcomes.push(clients[1].handleRedirect());
    await clients[1].matches(location);
  });
  go();
  const said = await page.evaluate(async () => [...(await Promise.all(outcomes)).map((one) => one?.status), location.search]);
  assert.deepEqual(said, ['granted', 'granted', '?page=2']);
});

for (const [name, answer, code] of [
  ['the server refuses the code', () => ({ status: 400, body: { error: 'invalid_grant' } }), 'oauth_error'],
  ['the answer cannot be read', () => ({ status: 200, headers: { 'content-type': 'text/html' }, body: '<p>' }), undefined],
  ['the server is out of order', () => ({ status: 503, body: {} }), undefined],
]) {
  test(`E39 all who ask get the same error, and one request is sent: ${name}`, async (t) => {
    const page = await open(t);
    await comeBack(page);
    server.answers['/token'] = answer;
    const codes = await page.evaluate(async () => {
      const [first, second] = await Promise.all([oauth.openClient(config), oauth.openClient(config)]);
      const code = (work) =>
        work.then(
          ({ status }) => status,
          ({ code }) => code,
        );
      const both = await Promise.all([code(first.handleRedirect()), code(second.handleRedirect())]);
      first.close();
      return [...both, await code(second.handleRedirect()), await code((await oauth.openClient(config)).handleRedirect())];
    });
    assert.equal(new Set(codes).size, 1, String(codes));
    assert.ok(codes[0] !== 'already_used' && codes[0] !== 'granted' && (!code || codes[0] === code), String(codes));
    assert.equal(server.count('/token'), 1);
    assert.equal(new URL(page.url()).search, '');
  });
}

test('E39 what failed before the reply was spent can be tried again', async (t) => {
  const page = await open(t);
  const openid = { ...config, scope: 'openid', issuer: server.url, jwks_uri: `${server.url}/jwks`, insecure_nonce_disabled: true };
  await comeBack(page, { given: openid });
  server.answers['/jwks'] = () => ({ status: 503, body: {} });
  const code = await page.evaluate(async () => {
    window.client = await oauth.openClient(config);
    return client.handleRedirect().catch(({ code }) => code);
  });
  assert.equal(server.count('/token'), 0, code);
  server.answers['/jwks'] = () => ({ body: { keys: [] } });
  await page.clock.install();
  const again = page.evaluate(() => client.handleRedirect().catch(({ code, retryable }) => [code, retryable]));
  assert.notEqual((await again)?.[0], 'already_used');
  assert.equal(server.count('/token'), 1);
});

test('E39 a signal ends the waiting of one, not the redemption', async (t) => {
  const page = await open(t);
  await comeBack(page);
  const said = await page.evaluate(async () => {
    const client = await oauth.openClient(config);
    const controller = new AbortController();
    const first = client.handleRedirect(undefined, { signal: controller.signal }).catch((reason) => reason);
    const second = client.handleRedirect();
    await client.status();
    controller.abort('given up');
    return [await first, (await second).status];
  });
  assert.deepEqual(said, ['given up', 'granted']);
  assert.equal(server.count('/token'), 1);
});

test('E39 the last replies alone are remembered', async (t) => {
  const page = await open(t);
  const said = await page.evaluate(async () => {
    const client = await oauth.openClient(config);
    const replies = [];
    for (let n = 0; n < 6; n++) {
      const { state } = await client.authorize();
      replies.push(`${config.redirect_uri}?code=${n}&state=${state}`);
      await client.callback({ url: replies[n] });
    }
    await client.logOut();
    return Promise.all(
      replies.reverse().map((url) =>
        client.callback({ url }).then(
          ({ status }) => status,
          ({ code }) => code,
        ),
      ),
    );
  });
  assert.deepEqual(said, [...Array(4).fill('not_authenticated'), 'wrong_state', 'wrong_state']);
  assert.equal(server.count('/token'), 6);
});

test('E46 a reply that another page redeemed gives the session that came of it', async (t) => {
  const page = await open(t);
  const shared = { store: 'insecureIndexedDBStore', pendingStore: 'insecureIndexedDBStore' };
  const reply = await comeBack(page, { options: shared });
  const other = await openPage(page.context(), site.url + '/pages/app.html?other');
  const finish = async ([config, reply]) => {
    const client = await oauth.openClient(config, { store: oauth.insecureIndexedDBStore(), pendingStore: oauth.insecureIndexedDBStore() });
    const { status } = await client.handleRedirect(reply);
    return [status, (await client.token()).access_token.slice(0, 6)];
  };
  for (const tab of [page, other]) assert.deepEqual(await tab.evaluate(finish, [config, reply]), ['granted', 'ACCESS']);
  assert.equal(server.count('/token'), 1);
  // If there is no resulting session, or it has ended, the error says what helps.
  const third = await openPage(page.context(), site.url + '/pages/app.html?third');
  const error = await third.evaluate(
    async ([config, reply]) => {
      const options = { store: oauth.insecureIndexedDBStore(), pendingStore: oauth.insecureIndexedDBStore() };
      await (await oauth.openClient(config, options)).logOut();
      return (await oauth.openClient(config, options)).handleRedirect(reply).catch(({ code, begin_again }) => ({ code, begin_again }));
    },
    [config, reply],
  );
  assert.deepEqual(error, { code: 'already_used', begin_again: true });
});

test('E40 a reply that is no client’s leaves the URL, and the error says what helps', async (t) => {
  for (const query of ['code=1&state=2', 'error=access_denied&state=2', 'error=invalid_scope', 'code=1']) {
    const page = await open(t, `${APP}?page=2&${query}#/inside`);
    const ask = () =>
      page.evaluate(async () =>
        (await oauth.openClient(config)).handleRedirect().then(
          (status) => status?.status ?? null,
          ({ begin_again, message }) => [begin_again, /, sign in again$/.test(message)],
        ),
      );
    assert.deepEqual(await ask(), [true, true], query);
    assert.equal(page.url(), `${site.url}${APP}?page=2#/inside`, query);
    await page.reload();
    await page.waitForFunction(() => window.oauth);
    await page.evaluate((config) => (window.config = config), config);
    assert.equal(await ask(), null, query);
  }
});

test('E40 clients of several identities at one redirect URI each find their reply, in whatever order', async (t) => {
  for (const order of [
    [0, 1],
    [1, 0],
  ]) {
    const page = await open(t);
    const other = { ...config, client_id: 'other', name: 'other' };
    await comeBack(page);
    const said = await page.evaluate(
      async ([configs, order]) => {
        const outcomes = [];
        for (const n of order) {
          const client = await oauth.openClient(configs[n]);
          outcomes[n] = await client.handleRedirect().then(
            (status) => status && status.status,
            ({ code }) => code,
          );
          if (n) history.pushState(null, '', location.pathname + '?page=' + n); // the application navigates
        }
        return outcomes;
      },
      [[config, other], order],
    );
    assert.deepEqual(said, ['granted', order[0] ? 'wrong_state' : null], String(order));
    assert.equal(new URL(page.url()).searchParams.get('code'), null);
  }
});

test('E40 two that ask at the same time each get their own, whoever it is for', async (t) => {
  const page = await open(t);
  await comeBack(page);
  const said = await page.evaluate(
    async (configs) => {
      const clients = await Promise.all(configs.map((config) => oauth.openClient(config)));
      return Promise.all(
        clients.map((client) =>
          client.handleRedirect().then(
            (status) => status && status.status,
            ({ code }) => code,
          ),
        ),
      );
    },
    [{ ...config, client_id: 'other', name: 'other' }, config],
  );
  assert.deepEqual(said, ['wrong_state', 'granted']);
});

test('E41 with a store that tabs share, a reply is good in another tab than the one that asked', async (t) => {
  const page = await open(t);
  const begun = (pendingStore) =>
    page.evaluate(
      async ([config, pendingStore]) =>
        (await oauth.openClient({ ...config, name: String(pendingStore) }, pendingStore ? { pendingStore: oauth[pendingStore]() } : {})).authorize(),
      [config, pendingStore],
    );
  for (const [pendingStore, outcome] of [
    [undefined, 'wrong_state'],
    ['insecureIndexedDBStore', 'granted'],
  ]) {
    const { state } = await begun(pendingStore);
    const tab = await openPage(page.context(), `${config.redirect_uri}?code=c&state=${state}`);
    const said = await tab.evaluate(
      async ([config, pendingStore]) => {
        const client = await oauth.openClient({ ...config, name: String(pendingStore) }, pendingStore ? { pendingStore: oauth[pendingStore]() } : {});
        const outcome = await client.handleRedirect().then(
          ({ status }) => status,
          ({ code }) => code,
        );
        return [outcome, location.search];
      },
      [config, pendingStore],
    );
    assert.deepEqual(said, [outcome, '']);
  }
  const kept = await page.evaluate(() => JSON.stringify([localStorage, sessionStorage]));
  assert.ok(!kept.includes('ACCESS-'), 'tokens stay in memory');
});

/**
 * Parameters of servers and of the application: each row has a query and fragment, and what stays
 * of them.
 */
for (const [name, redirect, add, hash, left] of [
  ['Facebook’s mark', '', '', '#_=_', ''],
  ['Instagram’s mark', '', '', '#_', ''],
  ['an empty fragment', '', '', '#', ''],
  ['a hash router', '', '', '#/inside?a=b', '#/inside?a=b'],
  ['a section', '', '', '#section_=_', '#section_=_'],
  ['Google', '', '&iss=https%3A%2F%2Faccounts.google.com&scope=email+openid&authuser=0&hd=example.com&prompt=consent', '#', ''],
  ['Microsoft', '', '&session_state=1-2-3&client_info=eyJ', '#', ''],
  ['Facebook', '', '&granted_scopes=email&denied_scopes=', '#_=_', ''],
  ['a query of the application’s', '', '&page=2&q=a%20b&flag&empty=', '', '?page=2&q=a%20b&flag&empty='],
  ['a registered query', '?app=1&q=a%20b+c&flag', '', '', '?app=1&q=a%20b+c&flag'],
  ['a registered query with names of replies', '?prompt=welcome&scope=all', '&scope=email&prompt=none', '', '?prompt=welcome&scope=all'],
]) {
  test(`E43 what a reply brought leaves the URL, and nothing else: ${name}`, async (t) => {
    const page = await open(t);
    await comeBack(page, { given: { ...config, redirect_uri: config.redirect_uri + redirect }, add, hash });
    await page.evaluate(async () => (await oauth.openClient(config)).handleRedirect());
    assert.equal(page.url(), site.url + APP + left);
  });
}
