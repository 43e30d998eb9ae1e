// Ten tabs of Chromium share a session in IndexedDB while access tokens live 2 s, at an
// authorization server that gives a new refresh token at every refresh. Each tab calls an API at
// random times, every second tab also refreshes by itself, and every 5 s a tab that is refreshing
// is closed and another one opened. For SOAK_SECONDS (default 60); part of `make soak`, not of
// `make test`.
//
// If a tab is closed after the server rotated and before the answer is stored, the only copy of the
// new refresh token is lost, and no client can prevent that. So in these cases the server has a
// grace period in which it accepts the old one again (RFC 9700 section 4.14.2 allows that). In all
// other cases a refresh token that is used twice ends the session.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { decide, launch, openPage, pages, strictPolicy } from '../lib/browser.mjs';
import { authserver } from '../lib/process.mjs';
import { serve } from '../lib/serve.mjs';
import { PATIENCE } from '../suite/patience.js';
import { tokenProxy } from './proxy.mjs';

const SECONDS = Number(process.env.SOAK_SECONDS || 60);
if (!(SECONDS >= 6)) throw new Error('SOAK_SECONDS: 6 or more');
const TABS = 10;
const LIFETIME = 2;
/**
 * A client uses a token until a quarter of its lifetime is left, so it cannot need a new one
 * sooner.
 */
const IN_USE = LIFETIME * 0.75;
const BETWEEN_CLOSINGS = 5;
const APP = '/pages/app.html';

let browser, site;
before(async () => {
  site = await serve(pages(), { headers: strictPolicy() });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  site?.stop();
});

const within = async (what, promise) => {
  const clock = new AbortController();
  const late = sleep(PATIENCE, undefined, { signal: clock.signal }).then(() => {
    throw new Error(`not within ${PATIENCE / 1000} s: ${what}`);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clock.abort();
    late.catch(() => {});
  }
};

/** The work of a tab, in the page, until it is stopped. */
const work = async ([config, name]) => {
  // Each tab holds a lock with its name, so that `navigator.locks.query` shows which tab holds
  // another lock.
  if (navigator.locks) await new Promise((held) => void navigator.locks.request(name, () => (held(), new Promise(() => {}))));
  window.client = await oauth.openClient(config, {
    store: oauth.insecureIndexedDBStore(),
    hooks: { parameters: { refresh: (parameters) => parameters.set('tab', name) } },
  });
  for (const event of ['request_failed', 'server_error', 'not_persisted', 'session_refused', 'restarted']) {
    client.addEventListener(event, ({ detail }) => tell([event, detail.code, detail.error].filter(Boolean).join(' ')));
  }
  client.addEventListener('status', ({ detail }) => detail.status === 'not_authenticated' && tell('signed out'));
  window.callApi = () =>
    client.fetch(config.userinfo_endpoint).then(
      (response) => response.text().then(() => String(response.status)),
      (error) => `fetch ${error.code ?? error}`,
    );
  let working = true;
  const done = (async () => {
    while (working) {
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 1000));
      if (working) tell(await callApi());
    }
  })();
  window.stop = () => {
    working = false;
    return done;
  };
};

/** A server, a context with a session, and its tabs. */
const scene = async (t, { grace = '0s', script } = {}) => {
  const server = await authserver('-access-token', `${LIFETIME}s`, '-grace', grace, site.url + APP);
  t.after(server.stop);
  // Its delay gives other tabs time to wait for the lock.
  const proxy = await tokenProxy(server.issuer, () => sleep(Math.random() * 300));
  t.after(proxy.stop);
  const config = { ...server.config, token_endpoint: `${proxy.url}/token`, token_destinations: [server.config.userinfo_endpoint] };
  const context = await browser.newContext();
  t.after(() => context.close());
  if (script) await context.addInitScript(script);

  /** The outcomes of all tabs, with their number: the status of the API's answer, or a failure. */
  const said = new Map();
  await context.exposeFunction('tell', (what) => void said.set(what, (said.get(what) ?? 0) + 1));

  const tabs = new Map();
  let opened = 0;
  const open = async (prepare = () => {}) => {
    const name = `tab ${++opened}`;
    const page = await openPage(context, site.url + APP);
    await page.evaluate(prepare);
    await page.evaluate(work, [{ ...config, auto_refresh: opened % 2 === 0 }, name]);
    tabs.set(name, page);
    return page;
  };
  const close = async (name) => {
    const page = tabs.get(name);
    assert.ok(page, `there is no ${name}`);
    tabs.delete(name);
    await page.close();
  };

  const begin = async (config) => (window.client = await oauth.openClient(config, { store: oauth.insecureIndexedDBStore() })) && void 0;
  const page = await openPage(context, site.url + APP);
  await page.evaluate(begin, config);
  await page.evaluate(() => void client.signIn());
  await page.waitForURL(/authorize/);
  await decide(page, 'approve');
  await page.waitForURL(/code=/);
  await page.waitForFunction(() => window.oauth);
  await page.evaluate(begin, config);
  await page.evaluate(() => client.handleRedirect());
  await page.close();
  for (let n = 0; n < TABS; n += 1) await open();
  return { refreshes: proxy.refreshes, hold: proxy.hold, said, tabs, open, close, began: Date.now(), first: proxy.refreshes.length };
};

/** The name of the tab that holds the session's lock, once another tab waits for it. */
const holder = async (tabs) => {
  const [asked] = tabs.values();
  const look = async () => {
    const { held, pending } = await navigator.locks.query();
    const lock = held.find(({ name }) => name.endsWith('.session'));
    const own = held.find(({ name, clientId }) => name.startsWith('tab ') && clientId === lock?.clientId);
    return pending.some(({ name }) => name.endsWith('.session')) && own?.name;
  };
  for (const end = Date.now() + PATIENCE; Date.now() < end; await sleep(20)) {
    const name = await asked.evaluate(look);
    if (name) return name;
  }
  throw new Error(`not within ${PATIENCE / 1000} s: a tab that waits for another one's refresh`);
};

/**
 * The ways to lose a tab during a refresh: each gets the delayed refresh, and a function that
 * closes its tab.
 */
const ways = {
  /** The request is on its way and never arrives. */
  unasked: { when: 'before', lose: async (held, close) => (await close(), await held.drop()) },
  /** The server has rotated; its answer never arrives. */
  unanswered: { when: 'after', lose: async (held, close) => (await close(), await held.drop()) },
  /**
   * The server has rotated, and the answer arrives while the tab is closed: it may be stored or
   * not.
   */
  answered: { when: 'after', lose: async (held, close) => (held.answer(), await close()) },
};

/** Closes the tab that refreshes next, in the middle of the refresh. */
const loseNext = async ({ hold, tabs, close }, { when, lose }, find = holder) => {
  const held = await within('a refresh', hold(when));
  const name = (await find?.(tabs)) ?? held.refresh.tab;
  assert.equal(name, held.refresh.tab, 'the tab that sent the refresh is the one that holds the lock');
  held.refresh.closed = true;
  await within(
    `${name} has gone`,
    lose(held, () => close(name)),
  );
};

const stop = (tabs) => within('all tabs have stopped', Promise.all([...tabs.values()].map((page) => page.evaluate(() => stop()))));

/** Checks that each tab is signed in: its client says so, and the API accepts its token. */
const signedIn = async (tabs) => {
  for (const [name, page] of tabs) {
    const { status, refreshable } = await page.evaluate(() => client.status());
    assert.deepEqual([name, status, refreshable], [name, 'granted', true]);
    assert.equal(
      await within(
        `${name} calls the API`,
        page.evaluate(() => callApi()),
      ),
      '200',
      name,
    );
  }
};

/**
 * The refreshes with a token that was sent before, by a tab that was not closed during that
 * refresh.
 */
const sentTwice = (refreshes) => refreshes.filter(({ token }, i) => refreshes.slice(0, i).some((earlier) => earlier.token === token && !earlier.closed));

/** How often the server got each token. */
const atServer = (refreshes) => {
  const counts = new Map();
  for (const { token, status } of refreshes) if (status) counts.set(token, (counts.get(token) ?? 0) + 1);
  return [...counts.values()];
};

const report = (t, { refreshes, said, began, first }) => {
  const seconds = (Date.now() - began) / 1000;
  const rotations = refreshes.slice(first).filter(({ status }) => status === 200).length;
  const perLife = ((rotations * LIFETIME) / seconds).toFixed(2);
  const again = refreshes.length - new Set(refreshes.map(({ token }) => token)).size;
  t.diagnostic(
    [
      `${seconds.toFixed(0)} s, ${TABS} tabs, ${refreshes.filter(({ closed }) => closed).length} closed in mid-refresh`,
      `tabs said: ${[...said].map(([what, n]) => `${n} × ${what}`).join(', ')}`,
      `${rotations} refreshes, ${perLife} a lifetime of ${LIFETIME} s (tabs by themselves: ${TABS})`,
      `tokens sent twice: ${sentTwice(refreshes).length}, once more after a tab was closed: ${again - sentTwice(refreshes).length}, ` +
        `twice at the server: ${atServer(refreshes).filter((times) => times > 1).length}, refused: ${refreshes.filter(({ error }) => error).length}`,
    ].join('; '),
  );
};

/** Checks the rules that always hold. */
const judge = ({ refreshes, tabs, began, first }) => {
  assert.equal(tabs.size, TABS);
  assert.deepEqual(
    refreshes.filter(({ error }) => error),
    [],
    'the server refuses no refresh',
  );
  assert.deepEqual(sentTwice(refreshes), []);
  const lost = refreshes.filter(({ closed }) => closed).length;
  assert.ok(lost > 0, 'a tab was closed in mid-refresh');
  const done = refreshes.slice(first).filter(({ status, closed }) => status === 200 && !closed).length;
  const most = (Date.now() - began) / 1000 / IN_USE + lost + 1;
  assert.ok(done <= most, `one refresh serves all tabs: ${done}, at most ${most}`);
};

/**
 * Only answers of the API are allowed. If the machine stalls for half a second, a token may expire
 * on its way.
 */
const nothingFailed = (said) =>
  assert.deepEqual(
    [...said.keys()].filter((what) => what !== '200' && what !== '401'),
    [],
  );

/**
 * Runs ten tabs with locks, and closes one every few seconds in one of the ways. Returns the
 * refreshes.
 */
const soak = async (t, { seconds, closing, ...options }) => {
  const it = await scene(t, options);
  const { refreshes, said, tabs, open } = it;
  const end = Date.now() + seconds * 1000;
  const between = Math.min(BETWEEN_CLOSINGS, seconds / 3) * 1000;
  try {
    for (let n = 0; Date.now() + between < end; n += 1) {
      await sleep(between);
      nothingFailed(said);
      await loseNext(it, ways[closing[n % closing.length]]);
      await open();
    }
    await sleep(Math.max(end - Date.now(), 0));
    await stop(tabs);
  } finally {
    report(t, it);
  }
  nothingFailed(said);
  judge(it);
  await signedIn(tabs);
  nothingFailed(said);
  for (const page of tabs.values())
    await within(
      'a refresh',
      page.evaluate(() => client.token({ force: true })),
    );
  assert.deepEqual(
    refreshes.filter(({ error }) => error),
    [],
    'each tab has the successor',
  );
  assert.deepEqual(sentTwice(refreshes), []);
  return refreshes;
};

const timeout = (seconds) => ({ timeout: seconds * 1000 + 5 * PATIENCE });

test('X8 X9 ten tabs, each of which may be closed before its refresh gets to the server: no token comes there twice', timeout(SECONDS), async (t) => {
  const refreshes = await soak(t, { seconds: SECONDS, closing: ['unasked'] });
  assert.ok(atServer(refreshes).every((times) => times === 1));
});

test(
  'X8 X9 ten tabs, each of which may be closed after the server rotated: within its grace another one sends the token once more',
  timeout(SECONDS),
  async (t) => {
    await soak(t, { seconds: SECONDS, grace: '10s', closing: ['unanswered', 'answered'] });
  },
);

const WITHOUT_CHANNEL = Math.min(10, SECONDS);
test('X8 X9 ten tabs without BroadcastChannel', timeout(WITHOUT_CHANNEL), async (t) => {
  const refreshes = await soak(t, { seconds: WITHOUT_CHANNEL, closing: ['unasked'], script: 'delete globalThis.BroadcastChannel' });
  assert.ok(atServer(refreshes).every((times) => times === 1));
});

const WITHOUT_LOCKS = Math.min(15, SECONDS);
test(
  'X9 ten tabs without Web Locks: a refresh may be found in progress, and a token that a tab took along waits for a minute',
  timeout(WITHOUT_LOCKS),
  async (t) => {
    const it = await scene(t, { script: () => Object.defineProperty(Navigator.prototype, 'locks', { value: undefined }) });
    const { refreshes, said, tabs, open, close } = it;
    const inProgress = ['fetch refresh_in_progress', 'request_failed refresh_in_progress'];
    const onlyInProgress = () => nothingFailed(new Map([...said].filter(([what]) => !inProgress.includes(what))));

    let taken;
    try {
      await sleep((WITHOUT_LOCKS * 2000) / 3);
      await loseNext(it, ways.unasked, null);
      taken = refreshes.length;
      await open();
      await sleep((WITHOUT_LOCKS * 1000) / 3);
      await stop(tabs);
    } finally {
      report(t, it);
    }
    onlyInProgress();
    judge(it);
    assert.equal(new Set(refreshes.map(({ token }) => token)).size, taken, 'no token twice');
    assert.equal(refreshes.length, taken, 'the last one is under the mark of the tab that took it along');
    for (const [name, page] of tabs) {
      const { status, refreshable } = await page.evaluate(() => client.status());
      assert.deepEqual([name, status, refreshable], [name, 'granted', true]);
    }

    // For a tab whose clock is a minute ahead, the mark is old. No other tab is open, because
    // clocks that far apart would not know each other's marks.
    for (const name of [...tabs.keys()]) await close(name);
    const ahead = await open(() => {
      const { now } = Date;
      Date.now = () => now() + 61_000;
    });
    await within(
      'the tab of a later time has stopped',
      ahead.evaluate(() => stop()),
    );
    assert.equal(
      await within(
        'it calls the API',
        ahead.evaluate(() => callApi()),
      ),
      '200',
    );
    assert.equal(refreshes[taken].token, refreshes[taken - 1].token, 'sent once more');
    assert.ok(atServer(refreshes).every((times) => times === 1));
    assert.deepEqual(
      refreshes.filter(({ error }) => error),
      [],
    );
    onlyInProgress();
  },
);
