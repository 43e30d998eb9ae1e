// One small interface to all browsers, for tests that every browser has to pass: Chromium and
// Firefox by puppeteer-core (DevTools, WebDriver BiDi), WebKit by its own WebDriver. A missing
// browser is a failure, never skipped.
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { start } from './process.mjs';
import { PATIENCE } from '../suite/patience.js';
import { chromiumArgs, runtimes } from './runtimes.mjs';

/** How often a page is checked while waiting, in milliseconds. */
const LOOK = 50;

/**
 * One tab.
 *
 * @typedef {object} Tab
 * @property {(url: string) => Promise<unknown>} goto goes there, and waits for the page to load
 * @property {() => Promise<unknown>} back goes back in the history
 * @property {() => Promise<unknown>} reload as with a forced reload, if the browser's driver can do
 * it: past caches and service workers
 * @property {() => Promise<void>} [endServiceWorkers] ends them, as a browser does to free memory
 * (Chromium)
 * @property {() => Promise<string>} url
 * @property {<T>(run: (...args: any[]) => T | Promise<T>, ...args: unknown[]) => Promise<T>}
 * evaluate runs a function in the page
 * @property {(ready: (...args: any[]) => unknown, ...args: unknown[]) => Promise<void>} until waits
 * until a function returns true in the page, which may be another page by then
 * @property {(selector: string) => Promise<unknown>} click waits for the element
 * @property {(selector: string, text: string) => Promise<unknown>} fill
 * @property {() => Promise<unknown>} close
 */

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** What a page shows, for the message of a test that failed, and what its console said. */
const seen = async (page) => {
  const text = await page.evaluate(() => document.body?.innerText.slice(0, 1000)).catch(String);
  return JSON.stringify({ text, console: page.said });
};

/** Methods on top of `evaluate`, the same in all browsers. */
const tab = (page) => {
  const until = async (ready, ...args) => {
    for (const end = Date.now() + PATIENCE; ; await pause(LOOK)) {
      // A page that is being left answers with an error.
      const done = await page.evaluate(ready, ...args).catch(() => false);
      if (done) return;
      if (Date.now() > end) throw new Error(`waited in vain for ${ready} at ${await page.url()}: ${await seen(page)}`);
    }
  };
  const there = (selector) => until((s) => !!document.querySelector(s), selector);
  return {
    ...page,
    until,
    async click(selector) {
      await there(selector);
      await page.press(selector);
    },
    async fill(selector, text) {
      await there(selector);
      await page.evaluate(
        (s, value) => {
          document.querySelector(s).value = value;
        },
        selector,
        text,
      );
    },
  };
};

const puppeteerTab = (page) => {
  page.setDefaultTimeout(PATIENCE);
  const said = [];
  page.on('console', (message) => said.push(message.text()));
  page.on('pageerror', (error) => said.push(String(error?.stack ?? error)));
  return tab({
    said,
    goto: (url) => page.goto(url),
    back: () => page.goBack(),
    async reload() {
      const devtools = await page.createCDPSession().catch(() => undefined); // Firefox has none
      return devtools ? devtools.send('Page.reload', { ignoreCache: true }) : page.reload();
    },
    async endServiceWorkers() {
      const devtools = await page.createCDPSession();
      await devtools.send('ServiceWorker.enable');
      await devtools.send('ServiceWorker.stopAllWorkers');
      await devtools.detach();
    },
    url: async () => page.url(),
    evaluate: (run, ...args) => page.evaluate(run, ...args),
    press: (selector) => page.click(selector),
    close: () => page.close(),
  });
};

const puppeteer = (options) => async () => {
  const { default: library } = await import('puppeteer-core');
  const browser = await library.launch({ headless: true, timeout: PATIENCE, protocolTimeout: PATIENCE, ...options });
  const contexts = new Map();
  return {
    /** Opens a tab for a new visitor, or for one who already has tabs. */
    async open(visitor = Symbol('visitor')) {
      if (!contexts.has(visitor)) contexts.set(visitor, await browser.createBrowserContext());
      return puppeteerTab(await contexts.get(visitor).newPage());
    },
    /** Does something, and returns the window that it opens. */
    async popup(act) {
      const opened = new Promise((resolve) => {
        const look = async (target) => {
          const page = target.type() === 'page' && (await target.page());
          if (!page) return;
          browser.off('targetcreated', look);
          resolve(page);
        };
        browser.on('targetcreated', look);
      });
      await act();
      return puppeteerTab(await opened);
    },
    stop: () => browser.close(),
  };
};

/** A free port. */
const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

/**
 * WebKitGTK by its WebDriver (W3C), which has one session, on its own screen: the browser of one
 * visitor.
 */
const webkitOf = async (display) => {
  const port = await freePort();
  const driver = spawn('WebKitWebDriver', [`--port=${port}`, '--host=127.0.0.1'], {
    stdio: 'ignore',
    // Its sandbox needs user namespaces, which a container's root does not have.
    env: { ...process.env, DISPLAY: `:${display}`, WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: '1', GDK_BACKEND: 'x11', LIBGL_ALWAYS_SOFTWARE: '1' },
  });
  const ask = async (method, path, body) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method, ...(body && { body: JSON.stringify(body) }) });
    const { value } = await response.json();
    if (!response.ok) throw new Error(`WebKit: ${method} ${path}: ${value.error}: ${value.message}`);
    return value;
  };
  for (const end = Date.now() + PATIENCE; !(await ask('GET', '/status').catch(() => false)); await pause(LOOK)) {
    if (driver.exitCode !== null || Date.now() > end) throw new Error('WebKitWebDriver did not start');
  }
  const capabilities = { alwaysMatch: { 'webkitgtk:browserOptions': { binary: runtimes.webkit, args: ['--automation'] } } };
  const { sessionId } = await ask('POST', '/session', { capabilities });
  const path = `/session/${sessionId}`;
  await ask('POST', `${path}/timeouts`, { script: PATIENCE, pageLoad: PATIENCE });
  let line = Promise.resolve();
  /** Commands go to the current window, so they run one after the other. */
  const inLine = (work) => {
    const done = line.then(work);
    line = done.catch(() => {});
    return done;
  };
  const tabOf = (handle) => {
    const at = (method, name, body) =>
      inLine(async () => {
        await ask('POST', `${path}/window`, { handle });
        return ask(method, path + name, body);
      });
    return tab({
      goto: (url) => at('POST', '/url', { url }),
      back: () => at('POST', '/back', {}),
      reload: () => at('POST', '/refresh', {}),
      url: () => at('GET', '/url'),
      async evaluate(run, ...args) {
        const script = `const done = arguments[arguments.length - 1];
          Promise.resolve().then(() => (${run})(...Array.from(arguments).slice(0, -1))).then((ok) => done({ ok }), (error) => done({ error: String(error) + '\\n' + (error && error.stack) }));`;
        const { ok, error } = await at('POST', '/execute/async', { script, args: args.map((arg) => arg ?? null) });
        if (error) throw new Error(error);
        return ok ?? undefined;
      },
      press: (selector) =>
        inLine(async () => {
          await ask('POST', `${path}/window`, { handle });
          const [id] = Object.values(await ask('POST', `${path}/element`, { using: 'css selector', value: selector }));
          await ask('POST', `${path}/element/${id}/click`, {});
        }),
      close: () => at('DELETE', '/window'),
    });
  };
  const windows = () => inLine(() => ask('GET', `${path}/window/handles`));
  let fresh = (await windows())[0];
  return {
    async open() {
      const handle = fresh ?? (await inLine(() => ask('POST', `${path}/window/new`, { type: 'tab' }))).handle;
      fresh = undefined;
      return tabOf(handle);
    },
    async popup(act) {
      const before = new Set(await windows());
      await act();
      for (const end = Date.now() + PATIENCE; ; await pause(LOOK)) {
        const handle = (await windows()).find((one) => !before.has(one));
        if (handle) return tabOf(handle);
        if (Date.now() > end) throw new Error('no window opened');
      }
    },
    async stop() {
      await ask('DELETE', path).catch(() => {});
      driver.kill();
    },
  };
};

const webkit = async () => {
  const screen = await start('Xvfb', ['-displayfd', '1', '-screen', '0', '1280x960x24', '-nolisten', 'tcp'], /^(\d+)$/);
  const visitors = new Map();
  let last;
  return {
    async open(visitor = Symbol('visitor')) {
      if (!visitors.has(visitor)) visitors.set(visitor, webkitOf(screen.match[1]));
      last = await visitors.get(visitor);
      return last.open();
    },
    popup: (act) => last.popup(act),
    async stop() {
      for (const one of visitors.values()) await (await one).stop();
      await screen.stop();
    },
  };
};

/** The browsers by name: each function starts one. */
export const drivers = {
  chromium: puppeteer({ executablePath: runtimes.chromium, args: chromiumArgs }),
  firefox: puppeteer({ browser: 'firefox', executablePath: runtimes.firefox }),
  webkit,
};
