// The demo's server, and tabs in which a user uses it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../edge/dev/workerd.mjs';
import { launch as chromium } from '../../js/test/lib/browser.mjs';
import { start } from '../../js/test/lib/process.mjs';

export const root = fileURLToPath(new URL('../..', import.meta.url));

// Registered here, because inside a hook or a test it would belong to that.
const endings = [];
after(() => Promise.all(endings.map((end) => end())));

let binary;
const build = () => {
  const folder = mkdtempSync(join(tmpdir(), 'oauth2-wasm-web-'));
  endings.push(() => rmSync(folder, { recursive: true }));
  binary = join(folder, 'web');
  execFileSync('go', ['build', '-o', binary, './web'], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
};

/**
 * Starts a server with flags and returns its URL. It is built first, so that ending it ends the
 * server and not the `go` command around it.
 */
export const serve = async (...flags) => {
  if (!binary) build();
  const { match, stop, said } = await start(binary, flags, /^ready: (http:\S+)$/, { cwd: root, env: { ...process.env, PORT: String(await freePort()) } });
  endings.push(stop);
  assert.equal(said[0], `ready: ${match[1]}`);
  for (const line of said.slice(1)) assert.match(line, /^terminal: go run /);
  return match[1];
};

let browser;

/** Returns Chromium, started once. */
export const launch = async () => {
  if (browser) return browser;
  browser = await chromium();
  endings.push(() => browser.close());
  return browser;
};

/**
 * A user looks at a window for a while before they close it: the page that opened it has to see it
 * several times. The page's timer runs beside this one, so it has looked as often.
 */
export const lookAround = (page) =>
  page.evaluate(
    () =>
      new Promise((resolve) => {
        let ticks = 0;
        const watch = setInterval(() => {
          if (++ticks < 10) return;
          clearInterval(watch);
          resolve();
        }, 100);
      }),
  );

/** Opens a tab for a new user at the demo. It records its console and its requests. */
export const open = async (t, url, options = {}) => {
  const context = await (await launch()).newContext(options);
  t.after(() => context.close());
  const page = await context.newPage();
  await page.addInitScript(() => {
    // Violations of the policy are also on the console, but there in Chromium's words.
    window.violations = [];
    document.addEventListener('securitypolicyviolation', (event) => window.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
  });
  const said = [];
  page.on('console', (message) => said.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => said.push(`uncaught: ${error}`));
  const sent = [];
  page.on('request', (request) => sent.push(`${request.method()} ${new URL(request.url()).pathname}`));
  const at = (name) => page.getByTestId(name);
  const tab = {
    context,
    page,
    url,
    said,
    sent,
    at,
    /** Waits for a status, by the module's word for it. */
    status: (word) => page.waitForSelector(`[data-testid="status"][data-status="${word}"]`),
    /** Waits for an error of the session, or of the API (`api-error`), and returns its text. */
    told: async (place = 'error') => {
      await page.waitForSelector(`[data-testid="${place}"] .alert`);
      return at(place).innerText();
    },
    /** Waits until an element's text matches, and returns it. */
    until: async (name, { source }) => {
      const matches = ([id, source]) => new RegExp(source).test(document.querySelector(`[data-testid="${id}"]`).textContent);
      await page.waitForFunction(matches, [name, source]);
      return at(name).innerText();
    },
    /** Ticks one of the options for opening the module. */
    choose: async (name) => {
      await at('choices').evaluate((details) => (details.open = true));
      await at(name).check();
    },
    /** Waits until the TV's screen is in a state. */
    tv: (state) => page.waitForSelector(`[data-testid="device-screen"][data-state="${state}"]`),
    /** Makes the TV show a code, and returns it. */
    showCode: async () => {
      await at('device-start').click();
      await tab.tv('waiting');
      return at('user-code').innerText();
    },
    /** The page's violations of its policy. */
    violations: () => page.evaluate(() => window.violations),
    /** How often a request went out. */
    count: (line) => sent.filter((other) => other === line).length,
    /** Records all tokens that the server issues to this tab from now on. */
    noteTokens: async () => {
      const tokens = [];
      // In a route, because Chromium does not keep the body of every answer for later.
      await page.route('**/token', async (route) => {
        const response = await route.fetch();
        const { access_token: access, refresh_token: refresh } = await response.json();
        tokens.push(access, refresh);
        await route.fulfill({ response });
      });
      return tokens;
    },
    /** Goes as far as the consent page. */
    toConsent: async () => {
      await at('sign-in').click();
      await at('login').click();
      await at('approve').waitFor();
    },
    signIn: async () => {
      await tab.toConsent();
      await at('approve').click();
      await tab.status('granted');
      await tab.until('user', /Demo account/);
    },
    /** Signs out, at the server too, and waits until the browser is back. */
    signOut: async () => {
      await at('sign-out').click();
      await page.waitForFunction(() => document.getElementById('hint')?.textContent === 'You are signed out, here and at the server.');
      await tab.status('not_authenticated');
    },
    /** Signs in when the server still knows the user and asks only for consent. */
    signInAgain: async () => {
      await at('sign-in').click();
      await at('approve').click();
      await tab.status('granted');
    },
  };
  await page.goto(url);
  await tab.status('not_authenticated');
  return tab;
};
