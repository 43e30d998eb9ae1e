// The vault: the client in a worker, out of the page's reach, in Chromium, Firefox and WebKit.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { drivers } from './lib/drivers.mjs';
import { decide, enter, FINISH, openClient, openPage, PAGE, signIn, small, world } from './lib/vault.mjs';

const browsers = process.env.BROWSERS?.split(' ') ?? Object.keys(drivers);

let app, api;
before(async () => {
  [app, api] = [await world(), await small()];
  api.server.answers['/api/echo'] = ({ method, headers, body }) => ({ body: { method, body, type: headers['content-type'], token: headers.authorization } });
  api.extra['/device.js'] = api.entry({ device_authorization_endpoint: `${api.server.url}/device` });
  // This vault dies when it is asked for the user's claims.
  api.extra['/dies.js'] = api.entry(
    {},
    {},
    `const { onconnect } = globalThis;
    globalThis.onconnect = (event) => {
      onconnect(event);
      const [port] = event.ports;
      const take = port.onmessage;
      port.onmessage = (message) => (message.data.command === 'userinfo' ? close() : take(message));
    };`,
  );
  // This vault lets go of its lock when the test says so, as a browser may.
  api.extra['/lets-go.js'] = api.entry(
    {},
    {},
    `const { request } = navigator.locks;
    navigator.locks.request = (name, ...given) =>
      name.startsWith('oauth2-wasm.vault ')
        ? request.call(navigator.locks, name, () => {
            void given[0]();
            return new Promise((free) => {
              const link = new BroadcastChannel('test');
              link.onmessage = ({ data }) => data === 'let go' && (link.close(), free());
            });
          })
        : request.call(navigator.locks, name, ...given);`,
  );
  api.server.answers['/api/none'] = () => ({ status: 204 });
  api.server.answers['/api/step'] = () => ({ status: 401, headers: { 'www-authenticate': 'Bearer error="insufficient_user_authentication", max_age="5"' } });
  api.server.answers['/api/hang'] = () => new Promise(() => {});
  api.server.answers['/api/away'] = () => ({ status: 302, headers: { location: '/token' } });
});
after(async () => {
  await app?.stop();
  api?.stop();
});

/** The result of a call in a page: its value, or the code of its error. */
const said = (tab, call, ...args) =>
  tab.evaluate(
    new Function(
      '...args',
      `return (async () => {
        try { return (await (${call})(...args)) ?? null; }
        catch (error) { return error?.code ? { code: error.code, ...(error.field && { field: error.field }) } : { name: error?.name, message: error?.message }; }
      })()`,
    ),
    ...args,
  );

/** The ways in which a page can reach its vault. */
const ways = {
  shared: { where: { worker: '/auth-worker.js' } },
  dedicated: { where: { worker: '/auth-worker.js' }, before: () => delete window.SharedWorker },
  get frame() {
    return { where: { frame: api.frameUrl } };
  },
  get own() {
    return { where: [api.config, { worker: true }] };
  },
};

const ask = (tab) => tab.evaluate(async (u) => (await window.client.fetch(u)).status, `${api.server.url}/api`);
const refreshes = () => api.server.requests.filter(({ body }) => body.includes('grant_type=refresh_token')).length;

/** Holds token requests back: `held` resolves at the first one, `answer` lets them all go. */
const holdTokens = () => {
  let asked, answer;
  const held = new Promise((resolve) => (asked = resolve));
  const free = new Promise((resolve) => (answer = resolve));
  api.server.answers['/token'] = async () => {
    asked();
    await free;
    return { body: { access_token: 'ACCESS-HELD', token_type: 'Bearer', expires_in: 3600, refresh_token: 'REFRESH-HELD' } };
  };
  return { held, answer };
};

/** A page with a client, in one of these ways. */
const open = async (browser, { where, before: prepare } = ways.shared, visitor = Symbol('visitor')) => {
  const tab = await browser.open(visitor);
  await tab.goto(api.site.url + PAGE);
  await tab.until(() => !!window.openVault);
  if (prepare) await tab.evaluate(prepare);
  await openClient(tab, where);
  /** Loads the page again, or another one of this origin. */
  const reload = async () => {
    await tab.goto(api.site.url + PAGE);
    await tab.until(() => !!window.openVault);
    if (prepare) await tab.evaluate(prepare);
    return openClient(tab, where);
  };
  return { tab, reload, visitor };
};

for (const name of browsers) {
  test(`P10 ${name}`, async (t) => {
    const browser = await drivers[name]();
    t.after(() => browser.stop());
    const url = app.site.url + PAGE;

    await t.test(`P10 ${name}: a sign-in by redirect, an API, a refresh, a reload, a sign-out`, async () => {
      const tab = await browser.open('one');
      assert.equal(await openPage(tab, url), 'not_authenticated');
      assert.deepEqual(await signIn(tab), { status: 'granted', app_state: 'page 7', search: '' });
      const call = (u) =>
        tab.evaluate(async (u) => {
          const r = await window.client.fetch(u);
          return [r.status, r.url, (await r.json()).email];
        }, u);
      const userinfo = `${app.server.issuer}/userinfo`;
      assert.deepEqual(await call(userinfo), [200, userinfo, 'alice@example.com']);
      assert.equal((await tab.evaluate(() => window.client.userinfo())).email, 'alice@example.com');
      const status = await tab.evaluate(() => window.client.status());
      assert.ok(status.claims.sub);
      assert.ok(!('id_token' in status));
      assert.equal(await tab.evaluate(() => window.client.refresh().then(({ status }) => status)), 'granted');
      for (let i = 0; i < 2; i++) assert.equal(await openPage(tab, url), 'granted');
      assert.deepEqual((await call(userinfo))[0], 200);
      assert.equal(await tab.evaluate(() => window.client.refresh().then(({ status }) => status)), 'granted');
      assert.deepEqual(await tab.evaluate(async () => (await window.client.logOut()).revoked), true);
      assert.equal(await openPage(tab, url), 'not_authenticated');
    });

    for (const way of Object.keys(ways)) {
      await t.test(`P11 P18 ${name}, ${way}: reloads, a second tab, a vault that dies: one session, one refresh at a time`, async () => {
        const how = ways[way];
        const { tab, reload, visitor } = await open(browser, how);
        assert.equal(await enter(tab), 'granted');
        for (let i = 0; i < 3; i++) assert.equal(await reload(), 'granted');
        const { tab: two } = await open(browser, how, visitor);
        assert.equal((await two.evaluate(() => window.client.status())).status, 'granted');
        assert.deepEqual([await ask(tab), await ask(two)], [200, 200]);
        const before = refreshes();
        await two.evaluate(() => window.client.refresh());
        assert.deepEqual([await ask(tab), await ask(two)], [200, 200]);
        assert.equal(refreshes(), before + 1);
        await two.evaluate(() => window.client.logOut());
        await tab.until(() => window.told.some(([type, what]) => type === 'status' && what === 'not_authenticated'));
        assert.deepEqual(await said(tab, (u) => client.fetch(u), `${api.server.url}/api`), { code: 'not_signed_in' });
      });

      if (!['shared', 'dedicated'].includes(way)) continue;
      await t.test(`P13 ${name}, ${way}: a vault killed while it refreshes is replaced: nobody is signed out, and the server is asked once`, async () => {
        const { tab } = await open(browser, ways[way]);
        await enter(tab);
        const before = refreshes();
        let asked, answer;
        const held = new Promise((resolve) => (asked = resolve));
        api.server.answers['/token'] = () => {
          asked();
          return new Promise(
            (resolve) =>
              (answer = () => resolve({ body: { access_token: 'ACCESS-NEXT', token_type: 'Bearer', expires_in: 3600, refresh_token: 'REFRESH-NEXT' } })),
          );
        };
        await tab.evaluate(() => {
          window.outcome = window.client.refresh().then(({ status }) => status, String);
          window.lost = window.client
            .authorize()
            .then(() => window.client.logOut)
            .then(() => 'fine', String);
        });
        await held;
        await tab.evaluate(() => new BroadcastChannel('test').postMessage('die'));
        await tab.until(() => window.told.some(([type]) => type === 'restarted'));
        answer();
        delete api.server.answers['/token'];
        assert.equal(await tab.evaluate(() => window.outcome), 'granted');
        assert.equal(refreshes(), before + 1);
        assert.equal((await tab.evaluate(() => window.client.status())).status, 'granted');
      });

      await t.test(
        `P13 E138 ${name}, ${way}: a vault killed while it redeems a reply is replaced: the user is signed in, and the server is asked once`,
        async () => {
          for (const when of ['before', 'while the server answers']) {
            const { tab } = await open(browser, ways[way]);
            const before = api.server.count('/token');
            const { held, answer } = holdTokens();
            await tab.evaluate(async (when) => {
              const { url, state } = await window.client.authorize({ app_state: 'page 7' });
              const back = new URL(new URL(url).searchParams.get('redirect_uri'));
              back.search = new URLSearchParams({ code: 'THE-CODE', state });
              if (when === 'before') new BroadcastChannel('test').postMessage('die');
              window.outcome = undefined;
              window.client.handleRedirect(back.href).then(
                ({ status, app_state }) => (window.outcome = [status, app_state]),
                (error) => (window.outcome = String(error)),
              );
            }, when);
            await held;
            if (when !== 'before') await tab.evaluate(() => new BroadcastChannel('test').postMessage('die'));
            await tab.until(() => window.told.some(([type]) => type === 'restarted'));
            answer();
            await tab.until(() => window.outcome);
            delete api.server.answers['/token'];
            assert.deepEqual(await tab.evaluate(() => window.outcome), ['granted', 'page 7'], when);
            assert.equal(api.server.count('/token'), before + 1, when);
            await tab.evaluate(() => window.client.logOut());
            await tab.close();
          }
        },
      );

      await t.test(`P75 ${name}, ${way}: a client that is closed once its vault has died connects to no other`, async () => {
        for (const when of ['before', 'during the start', 'before the answer']) {
          const { tab } = await open(browser, ways[way]);
          await enter(tab);
          await tab.evaluate(
            (when, kind) => {
              const made = (window.made = []);
              let dead = false;
              const { client, setTimeout, [kind]: Own } = window;
              const { locks } = navigator;
              const { request } = locks;
              const close = () => client.close();
              client.addEventListener('restarted', () => {
                made.length = 0; // the vault was looked for once, before it counted as dead
                dead = true;
                if (when === 'before') close();
              });
              window[kind] = function (...given) {
                made.push('connection');
                if (dead && when === 'during the start') queueMicrotask(close);
                if (dead && when === 'before the answer') setTimeout(close);
                return new Own(...given);
              };
              locks.request = (name, ...given) => {
                if (name.startsWith('oauth2-wasm.vault ')) made.push('lock');
                return request.call(locks, name, ...given);
              };
              // The page does not wait long before it tries another connection.
              window.setTimeout = (run, ms) => setTimeout(run, ms === 3_000 ? 0 : ms);
            },
            when,
            way === 'shared' ? 'SharedWorker' : 'Worker',
          );
          await tab.evaluate(() => new BroadcastChannel('test').postMessage('die'));
          await tab.until(() => window.told.some(([type]) => type === 'restarted'));
          await tab.evaluate(() => new Promise((resolve) => setTimeout(resolve, 1_000)));
          assert.deepEqual(await tab.evaluate(() => window.made), when === 'before' ? [] : ['connection'], when);
          await tab.close();
        }
      });
    }

    await t.test(`P76 Q36 ${name}: a vault that dies while it polls for another device is replaced, and the next one polls`, async () => {
      const { tab } = await open(browser, { where: { worker: '/device.js' } });
      let approved = false;
      api.server.answers['/device'] = () => ({
        body: { device_code: 'D', user_code: 'USER', verification_uri: 'https://as.example/d', expires_in: 600, interval: 1 },
      });
      api.server.answers['/token'] = () => {
        return approved
          ? { body: { access_token: 'ACCESS-TV', token_type: 'Bearer', expires_in: 3600 } }
          : { status: 400, body: { error: 'authorization_pending' } };
      };
      await tab.evaluate(() => {
        window.codes = [];
        const show = ({ user_code, polling }) => window.codes.push(`${user_code} ${polling}`);
        window.client.deviceSignIn({ show }).then(
          ({ status }) => (window.outcome = status),
          (error) => (window.outcome = String(error)),
        );
      });
      await tab.until(() => window.codes.includes('USER true'));
      await tab.evaluate(() => new BroadcastChannel('test').postMessage('die'));
      await tab.until(() => window.told.some(([type]) => type === 'restarted'));
      approved = true;
      await tab.until(() => window.outcome);
      delete api.server.answers['/token'];
      assert.equal(await tab.evaluate(() => window.outcome), 'granted');
    });

    await t.test(`P76 ${name}: a vault that lives, although the browser has taken its lock, is not replaced; when it dies it is`, async () => {
      const { tab } = await open(browser, { where: { worker: '/lets-go.js' } });
      await enter(tab);
      let asked, answer;
      const held = new Promise((resolve) => (asked = resolve));
      api.server.answers['/api/slow'] = () => {
        asked();
        return new Promise((resolve) => (answer = () => resolve({ body: { ok: true } })));
      };
      await tab.evaluate((url) => {
        const post = () =>
          window.client.fetch(url, { method: 'POST', body: 'once' }).then(
            ({ status }) => status,
            ({ code }) => code,
          );
        window.posted = post();
        const { request } = navigator.locks;
        window.looks = 0;
        navigator.locks.request = (name, ...given) => {
          if (name.startsWith('oauth2-wasm.vault ')) window.looks++;
          return request.call(navigator.locks, name, ...given);
        };
      }, `${api.server.url}/api/slow`);
      await held;
      for (let n = 1; n <= 2; n++) {
        await tab.evaluate(() => new BroadcastChannel('test').postMessage('let go'));
        await tab.until((n) => window.looks === n, n);
      }
      answer();
      assert.equal(await tab.evaluate(() => window.posted), 200);
      assert.deepEqual(await tab.evaluate(() => window.told.filter(([type]) => type === 'restarted')), []);
      await tab.evaluate(() => new BroadcastChannel('test').postMessage('die'));
      await tab.until(() => window.told.some(([type]) => type === 'restarted'));
      assert.equal((await tab.evaluate(() => window.client.status())).status, 'granted');
      delete api.server.answers['/api/slow'];
    });

    await t.test(`P13 E138 ${name}: a reply that a page gives once more while the vault redeems it is redeemed once`, async () => {
      const tab = await browser.open();
      await tab.goto(api.site.url + PAGE);
      const { held, answer } = holdTokens();
      const before = api.server.count('/token');
      // The page's side is played by hand, and there is no keeper, which would hide a second
      // request.
      await tab.evaluate(async () => {
        const connect = () => {
          const { port } = new SharedWorker('/auth-worker.js', { type: 'module' });
          port.start();
          return port;
        };
        const ask = (port, message) =>
          new Promise((resolve) => {
            port.addEventListener('message', ({ data }) => data.id === message.id && resolve(data.ok?.status ?? data.ok ?? data.error.code));
            port.postMessage(message);
          });
        const first = connect();
        const { url, state } = await ask(first, { id: 1, command: 'authorize', parameters: {} });
        const back = new URL(new URL(url).searchParams.get('redirect_uri'));
        back.search = new URLSearchParams({ code: 'THE-CODE', state });
        const reply = { id: 2, command: 'callback', parameters: { url: back.href, delivery: 'one' } };
        void ask(first, reply);
        window.again = () => {
          first.postMessage({ bye: true });
          const second = connect();
          // The same delivery, and another one, of another page.
          const third = connect();
          const other = { ...reply, parameters: { ...reply.parameters, delivery: 'two' } };
          window.outcome = Promise.all([ask(second, reply), ask(third, other)]);
          return Promise.all([second, third].map((port) => ask(port, { id: 3, command: 'status' })));
        };
      });
      await held;
      await tab.evaluate(() => window.again()); // the vault has it when it answers what came later
      answer();
      assert.deepEqual(await tab.evaluate(() => window.outcome), ['granted', 'granted']);
      assert.equal(api.server.count('/token'), before + 1);
      delete api.server.answers['/token'];
      await tab.close();
    });

    await t.test(`P76 ${name}: vaults that die one after the other are not started for ever, and a later call begins anew`, async () => {
      const { tab } = await open(browser, { where: { worker: '/dies.js' } });
      await enter(tab);
      assert.deepEqual(await said(tab, () => client.userinfo()), { code: 'vault_lost' });
      assert.equal(await tab.evaluate(() => window.told.filter(([type]) => type === 'restarted').length), 4);
      assert.equal((await tab.evaluate(() => window.client.status())).status, 'granted');
    });

    await t.test(`P17 P31 ${name}: a tab that restores silently shows a sign-out in another tab at once`, async () => {
      const { tab, visitor } = await open(browser);
      await enter(tab);
      const two = await browser.open(visitor);
      await two.goto(api.site.url + PAGE);
      await two.until(() => !!window.openVault);
      const shown = await two.evaluate(async () => {
        // The silent sign-in first asks for the status, and goes on when the test says so.
        const { prototype } = window.oauth.Client;
        const { status } = prototype;
        const held = new Promise((resolve) => (window.goOn = resolve));
        prototype.status = function (...given) {
          prototype.status = status;
          const answer = status.apply(this, given);
          return held.then(() => answer);
        };
        window.client = await window.openVault({ worker: '/auth-worker.js', restore: 'silent' });
        window.client.addEventListener('status', ({ detail }) => (window.heard = detail.status));
        return window.client.current.status;
      });
      assert.equal(shown, 'granted');
      await tab.evaluate(() => window.client.logOut());
      await two.until(() => window.heard === 'not_authenticated');
      assert.equal(await two.evaluate(() => window.client.current.status), 'not_authenticated');
      const ready = await two.evaluate(() => {
        window.goOn();
        return window.client.ready.then(({ status }) => status);
      });
      assert.equal(ready, 'not_authenticated');
    });

    await t.test(`P33 ${name}: a watch for idle users that has ended signs nobody out, though it waited for another tab`, async () => {
      const { tab } = await open(browser);
      await enter(tab);
      const called = await tab.evaluate(async () => {
        const key = 'oauth2-wasm.idle.oauth2';
        const over = new AbortController();
        let called = 0;
        localStorage.setItem(key, '1'); // ms after 1970 began
        await navigator.locks.request(key, async () => {
          window.oauth.watchIdle(window.client, { after_ms: 60_000, onIdle: () => called++, signal: over.signal });
          while (!(await navigator.locks.query()).pending.some(({ name }) => name === key)) await null;
          over.abort();
        });
        await navigator.locks.request(key, () => {});
        localStorage.removeItem(key);
        return called;
      });
      assert.equal(called, 0);
    });

    await t.test(`P65 ${name}: a vault whose keeper was there before does not wait until the browser has looked for it`, async () => {
      const { tab } = await open(browser);
      assert.equal(await enter(tab), 'granted');
      await tab.goto(api.site.url + PAGE);
      await tab.until(() => !!window.openVault);
      await tab.evaluate(() => {
        window.registrations = 0;
        navigator.serviceWorker.register = () => (window.registrations++, new Promise(() => {}));
      });
      assert.equal(await openClient(tab), 'granted');
      assert.equal(await tab.evaluate(() => window.registrations), 1);
    });

    await t.test(`P12 ${name}: fetch in the vault: kinds of bodies, an answer as a stream, what ends it, and what the API wants`, async () => {
      const { tab } = await open(browser);
      await enter(tab);
      const url = `${api.server.url}/api`;
      const bodies = await said(
        tab,
        async (u) => {
          const form = new FormData();
          form.set('a', 'b');
          const kinds = {
            text: 'é',
            blob: new Blob(['é'], { type: 'text/x' }),
            bytes: new TextEncoder().encode('é'),
            query: new URLSearchParams({ a: 'é' }),
            form,
            buffer: new TextEncoder().encode('é').buffer,
            none: undefined,
            empty: '',
          };
          const got = {};
          for (const [kind, body] of Object.entries(kinds)) {
            const { token, type = null, ...rest } = await (await client.fetch(`${u}/echo`, { method: 'POST', body })).json();
            got[kind] = [rest.body.includes('name="a"') ? 'a form' : rest.body, type && type.replace(/boundary=.*/, '')];
          }
          got.request = (
            await (await client.fetch(new Request(`${u}/echo`, { method: 'POST', body: 'x', headers: { 'content-type': 'text/y' } }))).json()
          ).type;
          return got;
        },
        url,
      );
      assert.deepEqual(bodies, {
        text: ['é', 'text/plain;charset=UTF-8'],
        blob: ['é', 'text/x'],
        bytes: ['é', null],
        query: ['a=%C3%A9', 'application/x-www-form-urlencoded;charset=UTF-8'],
        form: ['a form', 'multipart/form-data; '],
        buffer: ['é', null],
        none: ['', null],
        empty: ['', 'text/plain;charset=UTF-8'],
        request: 'text/y',
      });
      assert.deepEqual(
        await said(
          tab,
          async (u) => {
            const r = await client.fetch(`${u}/none`);
            return [r.status, r.body, r.ok, r.url === `${u}/none`];
          },
          url,
        ),
        [204, null, true, true],
      );
      const big = 'x'.repeat(3_000_000);
      api.server.answers['/api/big'] = () => ({ body: big });
      assert.equal(
        await said(
          tab,
          async (u) => {
            let n = 0;
            for (let r = (await client.fetch(`${u}/big`)).body.getReader(), p; !(p = await r.read()).done; ) n += p.value.length;
            return n;
          },
          url,
        ),
        big.length,
      );
      assert.deepEqual(await said(tab, async (u) => oauth.challengeOf(await client.fetch(`${u}/step`)), url), {
        scheme: 'bearer',
        error: 'insufficient_user_authentication',
        max_age: 5,
      });
      // After a 401 for the token, the vault refreshes and sends the request again.
      let first = true;
      api.server.answers['/api/again'] = ({ body }) =>
        first ? ((first = false), { status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } }) : { body: { body } };
      assert.deepEqual(await said(tab, async (u) => (await client.fetch(`${u}/again`, { method: 'POST', body: 'twice' })).json(), url), { body: 'twice' });
      assert.deepEqual(await said(tab, (u) => client.fetch(`${u}/away`), url), { code: 'redirect' });
      assert.deepEqual(await said(tab, (u) => client.fetch(u), `${api.server.url}/elsewhere`), { code: 'resource_not_allowed', field: 'url' });
      assert.equal((await said(tab, () => client.fetch('http://127.0.0.1:1/'))).name, 'TypeError');
      const aborts = await said(
        tab,
        async (u) => {
          const early = AbortSignal.abort(new Error('early'));
          const late = new AbortController();
          const read = new AbortController();
          const r = await client.fetch(`${u}/big`, { signal: read.signal });
          const reader = r.body.getReader();
          await reader.read();
          read.abort(new Error('reading'));
          const rest = (async () => {
            while (!(await reader.read()).done);
          })();
          const waiting = client.fetch(`${u}/hang`, { signal: late.signal });
          setTimeout(() => late.abort(new Error('late')), 100);
          return Promise.all(
            [client.fetch(u, { signal: early }), client.refresh({ signal: early }), waiting, rest].map((p) =>
              p.then(
                () => 'done',
                ({ message }) => message,
              ),
            ),
          );
        },
        url,
      );
      assert.deepEqual(aborts, ['early', 'early', 'late', 'reading']);
    });

    await t.test(`P14 ${name}: what would bring a secret into the page is kept in the vault`, async () => {
      const { tab } = await open(browser);
      await enter(tab);
      const kept = await said(tab, () =>
        Promise.all(
          Object.entries({
            token: () => client.token(),
            forced: () => client.token({ force: true }),
            export: () => client.export(),
            exchange: () => client.exchange({ code: 'c' }),
            setToken: () => client.setToken({ access_token: 'planted', token_type: 'Bearer' }),
            tokenExchange: () => client.tokenExchange(),
            introspect: () => client.introspect(),
            register: () => client.register(),
            clientCredentials: () => client.clientCredentials(),
            jwtBearer: () => client.jwtBearer({ assertion: 'a' }),
            logoutToken: () => client.logoutToken('a.b.c'),
            verifier: () => client.authorize({ insecure_code_verifier: 'v'.repeat(43) }),
            state: () => client.authorize({ insecure_state: 's' }),
            nonce: () => client.authorize({ insecure_nonce: 'n' }),
          }).map(async ([what, call]) => [
            what,
            await call().then(
              () => 'done',
              ({ code, field }) => [code, ...(field ? [field] : [])].join(' '),
            ),
          ]),
        ),
      );
      const plain = [
        'token',
        'forced',
        'export',
        'exchange',
        'setToken',
        'tokenExchange',
        'introspect',
        'register',
        'clientCredentials',
        'jwtBearer',
        'logoutToken',
      ];
      assert.deepEqual(Object.fromEntries(kept), {
        ...Object.fromEntries(plain.map((what) => [what, 'kept_in_vault'])),
        verifier: 'kept_in_vault insecure_code_verifier',
        state: 'kept_in_vault insecure_state',
        nonce: 'kept_in_vault insecure_nonce',
      });
      api.extra['/auth-insecure.js'] = api.entry({ name: 'insecure' }, { insecureTokenAccess: true });
      await openClient(tab, { worker: '/auth-insecure.js' });
      await enter(tab);
      assert.match((await said(tab, () => client.token())).access_token, /^ACCESS-/);
      assert.match(await said(tab, () => client.export()), /REFRESH-/);
    });

    await t.test(`P15 ${name}: a vault refuses a configuration that would let a secret out`, async () => {
      const tab = await browser.open('refused');
      await tab.goto(api.site.url + PAGE);
      await tab.until(() => !!window.openVault);
      const { url } = api.server;
      const rows = [
        [{ token_destinations: [url] }, 'token_endpoint'],
        [{ token_destinations: [`${url}/`] }, 'token_endpoint'],
        [{ token_destinations: [`${url}/token`] }, 'token_endpoint'],
        [{ token_destinations: [`${url}/TOKEN/`] }, 'token_endpoint'],
        [{ token_destinations: [`${url}/%74oken`] }, 'token_endpoint'],
        [{ token_destinations: [`${url}/%2574%256fken`] }, 'token_endpoint'],
        [{ token_destinations: [`${url}/token;v=1`] }, 'token_endpoint'],
        [{ token_destinations: [`${url}//token`] }, 'token_endpoint'],
        [{ token_destinations: [`${url}/api/x%2f..%2f..%2ftoken`] }, 'token_endpoint'],
        [{ token_destinations: ['https://as.example./oauth'], token_endpoint: 'https://as.example/oauth/token' }, 'token_endpoint'],
        [{ token_destinations: ['https://AS.example:443/OAuth'], token_endpoint: 'https://as.example/oauth/token' }, 'token_endpoint'],
        [{ token_destinations: ['https://as.example/é'], token_endpoint: 'https://as.example/%C3%A9/token' }, 'token_endpoint'],
        [{ token_destinations: [], resource_destinations: [{ resource: 'https://r.example/', url: `${url}/token` }] }, 'token_endpoint'],
        [{ token_destinations: [`${url}/authorize`] }, 'authorization_endpoint'],
        [{ token_destinations: [`${url}/as`], end_session_endpoint: `${url}/as/end` }, 'end_session_endpoint'],
        [{ token_destinations: [`${url}/as`], pushed_authorization_request_endpoint: `${url}/as/par` }, 'pushed_authorization_request_endpoint'],
        [{ token_destinations: [`${url}/api`, `${url}/revoke`] }, 'revocation_endpoint'],
        [{ token_destinations: [`${url}/as`], refresh_endpoint: `${url}/as/refresh` }, 'refresh_endpoint'],
        [{ token_destinations: [`${url}/as`], device_authorization_endpoint: `${url}/as/device` }, 'device_authorization_endpoint'],
        [{ token_destinations: [`${url}/as`], registration_endpoint: `${url}/as/register` }, 'registration_endpoint'],
        [{ token_destinations: [`${url}/as`], introspection_endpoint: `${url}/as/introspect` }, 'introspection_endpoint'],
        [{ token_destinations: [`${url}/t1/`], token_endpoint: `${url}/{tenant}/token`, variables: { tenant: 't1' } }, 'token_endpoint'],
      ].map(([config, field]) => [config, { code: 'destination_covers_endpoint', field }]);
      rows.push(
        [{ insecure_pkce_plain: true }, { code: 'verifier_in_page', field: 'insecure_pkce_plain' }],
        [{ insecure_pkce_none: true }, { code: 'verifier_in_page', field: 'insecure_pkce_none' }],
      );
      rows.push([{ clientid: 'x' }, { code: 'unknown_member', field: 'clientid' }]);
      for (const [i, [config, expected]] of rows.entries()) {
        api.extra[`/auth-${i}.js`] = api.entry(config);
        assert.deepEqual(await said(tab, (n) => window.openVault({ worker: `/auth-${n}.js` }), i), expected, JSON.stringify(config));
      }
      // By discovery the endpoints are known later: then nothing is sent.
      api.server.answers['/as/token'] = () => ({ body: { access_token: 'ACCESS-FOUND', token_type: 'Bearer' } });
      api.server.answers['/api/token'] = api.server.answers['/as/token'];
      const { authorization_endpoint: _, token_endpoint: __, revocation_endpoint: ___, userinfo_endpoint: ____, ...known } = api.config;
      let before = api.server.count('/api/found');
      const found = [
        [{ token_endpoint: `${url}/api/token` }, 'token_endpoint'],
        [{ revocation_endpoint: `${url}/API/revoke` }, 'revocation_endpoint'],
        [{ pushed_authorization_request_endpoint: `${url}/api/par` }, 'pushed_authorization_request_endpoint'],
        [{ backchannel_authentication_endpoint: `${url}/api/ciba` }, 'backchannel_authentication_endpoint'],
        [{ some_later_endpoint: `${url}/api/later` }, 'some_later_endpoint'],
        [{ mtls_endpoint_aliases: { token_endpoint: `${url}/api/mtls` } }, 'token_endpoint'],
        [{ userinfo_endpoint: `${url}/api/userinfo`, jwks_uri: `${url}/api/jwks` }, undefined],
      ];
      for (const [i, [endpoints, field]] of found.entries()) {
        const issuer = `${url}/as${i}`;
        api.server.answers[`/as${i}/.well-known/openid-configuration`] = () => ({
          body: {
            issuer,
            authorization_endpoint: `${url}/authorize`,
            token_endpoint: `${url}/as/token`,
            jwks_uri: `${url}/jwks`,
            response_types_supported: ['code'],
            ...endpoints,
          },
        });
        const config = JSON.stringify({ ...known, issuer, discovery: true, pushed_authorization_requests: 'off' });
        api.extra[`/auth-found-${i}.js`] = `import { serveVault } from '/node_modules/oauth2-wasm/dist/vault-worker.js'; serveVault(${config});`;
        await openClient(tab, { worker: `/auth-found-${i}.js` });
        await enter(tab);
        api.server.answers['/api/found'] = () => ({ status: 418 });
        const expected = field ? { code: 'destination_covers_endpoint', field } : 418;
        assert.deepEqual(await said(tab, (u) => client.fetch(u).then(({ status }) => status), `${url}/api/found`), expected, JSON.stringify(endpoints));
        assert.equal(api.server.count('/api/found'), field ? before : ++before);
      }
      assert.deepEqual(await said(tab, () => window.openVault({ worker: '/nowhere.js' })), { code: 'vault_unreachable' });
    });

    for (const way of ['shared', 'dedicated']) {
      await t.test(
        `P34 P35 ${name}, ${way}: back from another page while another tab refreshes, a hard reload, a duplicate of the tab: nobody is signed out, nothing else is refreshed`,
        async () => {
          // In Chromium, whose cache is sure, another tab goes on meanwhile. The last is in front.
          const { tab: other, visitor } = name === 'chromium' ? await open(browser, ways[way]) : {};
          const { tab } = await open(browser, ways[way], visitor);
          await enter(tab);
          const before = refreshes();
          const granted = async (one) => assert.equal((await one.evaluate(() => window.client.status())).status, 'granted');
          await tab.evaluate(() => {
            window.shows = [];
            addEventListener('pageshow', ({ persisted }) => window.shows.push(persisted));
          });
          await tab.goto(api.site.url + FINISH);
          await tab.until(() => document.title === 'not taken');
          // The other one refreshes, and its vault dies and is replaced.
          const refresh = () => other.evaluate(async () => (await window.client.refresh()).status);
          if (name === 'chromium') {
            assert.equal(await refresh(), 'granted');
            await other.evaluate(() => new BroadcastChannel('test').postMessage('die'));
            await other.until(() => window.told.some(([type]) => type === 'restarted'));
          }
          await tab.back();
          await tab.until(() => !!window.openVault);
          const shows = await tab.evaluate(() => window.shows ?? null);
          if (name === 'chromium') assert.deepEqual(shows, [true], 'from the back/forward cache');
          else t.diagnostic(`${name}, ${way}: back/forward cache ${shows ? 'used' : 'not used'}`);
          if (!shows) await openClient(tab);
          if (name === 'chromium') {
            // It is connected again before anybody uses it.
            await tab.evaluate(() => void (window.told = []));
            assert.equal(await refresh(), 'granted');
            await tab.until(() => window.told.some(([type]) => type === 'granted'));
          }
          await granted(tab);
          assert.equal(await ask(tab), 200);
          await tab.evaluate(() => (window.old = true));
          await tab.reload();
          await tab.until(() => !!window.openVault && !window.old);
          if (ways[way].before) await tab.evaluate(ways[way].before);
          // No flash: the first known state is that the user is signed in.
          assert.deepEqual(
            await tab.evaluate(async () => {
              const client = (window.client = await window.openVault({ worker: '/auth-worker.js' }));
              const seen = [client.current.status];
              client.addEventListener('change', () => seen.push(client.current.status));
              await client.ready;
              return seen.filter((status) => status !== 'restoring');
            }),
            ['granted'],
          );
          // A duplicate has a copy of the tab's sessionStorage, like a window that it opens.
          await tab.evaluate((u) => {
            document.body.appendChild(document.createElement('button')).onclick = () => window.open(u);
          }, api.site.url + PAGE);
          const copy = await browser.popup(() => tab.click('button'));
          await copy.until(() => !!window.openVault);
          if (ways[way].before) await copy.evaluate(ways[way].before);
          assert.equal(await openClient(copy), 'granted');
          await granted(tab);
          assert.equal(refreshes(), before + (name === 'chromium' ? 2 : 0)); // those of the other tab
          await copy.close();
          await other?.close();
        },
      );
    }

    await t.test(`P36 ${name}: a vault in a frame serves the pages that it names, and none but its own parent`, async () => {
      const call = (tab, frameUrl, message, from) =>
        tab.evaluate(
          async (url, message, from) => {
            const frame = document.createElement('iframe');
            const told = (window.told = []);
            addEventListener('message', ({ data }) => told.push(data));
            frame.src = url;
            document.documentElement.append(frame);
            const { origin } = new URL(url);
            const other = document.createElement('iframe');
            document.documentElement.append(other);
            const channel = (window.channel = new MessageChannel());
            channel.port1.onmessage = ({ data }) => told.push(Object.keys(data)[0]);
            // The vault tells allowed pages that it listens; a page that gets no message tries all
            // the same.
            for (let i = 0; i < 40 && !told.length; i++) await new Promise((resolve) => setTimeout(resolve, 50));
            if (from === 'parent') frame.contentWindow.postMessage(message, origin, [channel.port2]);
            else {
              other.contentWindow.frame = frame.contentWindow;
              other.contentWindow.port = channel.port2;
              const script = other.contentDocument.createElement('script');
              script.src = '/post.js';
              other.contentDocument.documentElement.append(script);
            }
            await new Promise((resolve) => setTimeout(resolve, 1_000));
            return told;
          },
          frameUrl,
          message,
          from,
        );
      const HELLO = 'oauth2-wasm.vault';
      api.extra['/post.js'] = `frame.postMessage('${HELLO}', '*', [port]);`;
      for (const [host, message, from, told] of [
        ['127.0.0.1', HELLO, 'parent', [HELLO, 'hello']],
        ['127.0.0.1', 'oauth2-wasm', 'parent', [HELLO]],
        ['127.0.0.1', { hello: HELLO }, 'parent', [HELLO]],
        ['127.0.0.1', HELLO, 'another frame', [HELLO]],
        ['localhost', HELLO, 'parent', []],
      ]) {
        const tab = await browser.open('frames');
        await tab.goto(api.site.url.replace('127.0.0.1', host) + FINISH);
        await call(tab, api.frameUrl, message, from);
        if (told.includes('hello')) await tab.until(() => window.told.includes('hello'));
        assert.deepEqual(
          (await tab.evaluate(() => window.told)).filter((one) => one !== 'event'),
          told,
          JSON.stringify([host, message, from]),
        );
      }
      // Loaded directly, it serves no page, not even where its own origin is one that it names.
      for (const url of [api.frameUrl, `${api.site.url}/vault.html`]) {
        const alone = await browser.open('frames');
        await alone.goto(url);
        await alone.evaluate(async () => {
          window.told = [];
          const { port1, port2 } = new MessageChannel();
          port1.onmessage = ({ data }) => window.told.push(data);
          window.postMessage('oauth2-wasm.vault', location.origin, [port2]);
          await new Promise((resolve) => setTimeout(resolve, 1_000));
        });
        assert.deepEqual(await alone.evaluate(() => window.told), []);
      }
    });

    await t.test(`P17 ${name}: ten tabs that refresh at once ask the server once; what one does all hear`, async () => {
      const visitor = Symbol('ten');
      const tabs = [];
      for (let i = 0; i < 10; i++) tabs.push((await open(browser, ways[i % 2 ? 'dedicated' : 'shared'], visitor)).tab);
      await enter(tabs[0]);
      for (const tab of tabs) await tab.until(async () => (await window.client.status()).status === 'granted');
      const before = refreshes();
      let asked, answer;
      const once = new Promise((resolve) => (asked = resolve));
      const held = new Promise((resolve) => (answer = resolve));
      const { answers } = api.server;
      answers['/token'] = async () => {
        asked();
        await held;
        return { body: { access_token: 'ACCESS-TEN', token_type: 'Bearer', expires_in: 3600, refresh_token: 'REFRESH-TEN' } };
      };
      await Promise.all(tabs.map((tab) => tab.evaluate(() => void (window.outcome = window.client.refresh().then(({ status }) => status, String)))));
      await once;
      answer();
      assert.deepEqual(await Promise.all(tabs.map((tab) => tab.evaluate(() => window.outcome))), Array(10).fill('granted'));
      delete answers['/token'];
      assert.equal(refreshes(), before + 1);
      await tabs[3].evaluate(() => window.client.logOut());
      for (const tab of tabs) await tab.until(() => window.told.some(([type, what]) => type === 'status' && what === 'not_authenticated'));
      for (const tab of tabs) await tab.close();
    });

    await t.test(`P16 ${name}: a popup signs in, and a sign-out leads to the server without the ID token`, async () => {
      const tab = await browser.open('popup');
      app.extra['/auth-popup.js'] = app.entry({ redirect_uri: app.site.url + FINISH, end_session_endpoint: `${app.server.issuer}/end_session` });
      await openPage(tab, app.site.url + PAGE, { worker: '/auth-popup.js' });
      await tab.evaluate(() => {
        const button = document.body.appendChild(document.createElement('button'));
        button.onclick = () =>
          window.oauth.signInPopup(window.client, { app_state: 'x' }).then(
            ({ status, app_state }) => (window.outcome = { status, app_state }),
            (error) => (window.outcome = String(error)),
          );
      });
      const popup = await browser.popup(() => tab.click('button'));
      await decide(popup);
      await tab.until(() => window.outcome);
      assert.deepEqual(await tab.evaluate(() => window.outcome), { status: 'granted', app_state: 'x' });
      const { url } = await tab.evaluate(() => window.client.logOut());
      assert.deepEqual([...new URL(url).searchParams], [['client_id', 'app']]);
    });
  });
}
