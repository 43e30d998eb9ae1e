import { chromium } from 'playwright-core';
import { PATIENCE } from '../suite/patience.js';
import { installed } from './installed.mjs';
import { chromiumArgs, runtimes } from './runtimes.mjs';

/** Starts Chromium. Its pages have the same timeout as every test. */
export const launch = async (options) => {
  const browser = await chromium.launch({ executablePath: runtimes.chromium, args: chromiumArgs, timeout: PATIENCE, ...options });
  const newContext = browser.newContext.bind(browser);
  browser.newContext = async (...given) => {
    const context = await newContext(...given);
    context.setDefaultTimeout(PATIENCE);
    return context;
  };
  return browser;
};

/** The folder that has the test pages beside the installed package. */
export const pages = installed;

/** The policy of a page that allows WebAssembly and no other dynamic code. */
export const strictPolicy = (scripts = "'self' 'wasm-unsafe-eval'") => ({
  'content-security-policy': `default-src 'none'; script-src ${scripts}; connect-src 'self' http://127.0.0.1:*; worker-src 'self'`,
});

/** Opens one of these pages, with the package in `window.oauth`. Uncaught errors are printed. */
export const openPage = async (context, url) => {
  const page = await context.newPage();
  page.on('pageerror', (error) => console.error(String(error)));
  await page.goto(url);
  // With many browsers at once, a page is sometimes left without its script; then it is loaded once
  // more.
  const ready = (timeout) => page.waitForFunction(() => window.oauth, undefined, { timeout });
  await ready(PATIENCE / 5).catch(async () => {
    console.error(`${url}: no script after ${PATIENCE / 5} ms, loaded again`);
    await page.reload();
    await ready(PATIENCE);
  });
  return page;
};

/**
 * Stops the clock of a page, and of the windows that it opens: from then on only the test moves it
 * (`page.clock`), however long the test's own steps take. The page is a minute ahead, because its
 * clock cannot be stopped in its past.
 */
export const stopClock = async (page) => {
  await page.clock.install();
  await page.clock.pauseAt(Date.now() + 60_000);
};

/**
 * The steps of a user on the pages of the project's authorization server: continue, sign in, and
 * then `approve` or `deny`.
 */
export const decide = async (page, decision) => {
  const step = page.locator('[data-testid=continue], [data-testid=login], [data-testid=approve]').first();
  for (;;) {
    const name = await step.getAttribute('data-testid');
    if (name === 'approve') return page.getByTestId(decision).click();
    if (name === 'login') {
      await page.fill('[name=username]', 'alice');
      await page.fill('[name=password]', 'alice');
    }
    await Promise.all([page.waitForEvent('framenavigated'), step.click()]);
  }
};
