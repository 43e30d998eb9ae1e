// The page of the Worker, with a stand-in for the Worker, in Chromium. The tests' names contain the
// ids of behaviours.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { launch, root } from './testlib/tab.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const types = { html: 'text/html; charset=utf-8', css: 'text/css', js: 'text/javascript', svg: 'image/svg+xml' };

/** Serves the page beside a stand-in for the Worker, controlled by the test. */
const serve = async (t, session) => {
  const now = Date.now();
  const answers = { '/auth/session': session, '/api/notes': { notes: ['one', 'two'], issued_at: now, expires_at: now + 60_000 } };
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://x');
    if (answers[pathname]) return void response.setHeader('content-type', 'application/json').end(JSON.stringify(answers[pathname]));
    const name = pathname === '/' ? 'index.html' : pathname.slice(1);
    response.setHeader('content-type', types[name.split('.').pop()] ?? 'text/plain').end(readFileSync(join(root, 'edge/page', name)));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return `http://127.0.0.1:${server.address().port}/`;
};

const visit = async (t, url) => {
  const context = await (await launch()).newContext({ viewport: { width: 375, height: 780 } });
  t.after(() => context.close());
  const page = await context.newPage();
  const said = [];
  page.on('console', (message) => said.push(message.text()));
  await page.goto(url);
  await page.waitForFunction(
    () => document.querySelector('[data-testid="state"]').textContent !== 'Asking' && document.querySelector('[data-testid="sees"]').children.length,
  );
  return { page, said };
};

test('D12 the edge page shows no text of the URL, and says in its own words what happened', async (t) => {
  const url = await serve(t, { claims: null });
  for (const [error, says] of [
    ['access_denied', /You did not allow it/],
    ['unknown_attempt', /answers no sign-in of this browser/],
    ['Call 0800 555 and give your password', /^Signing in did not work\. Try again/],
    ['constructor', /^Signing in did not work\. Try again/],
    ['<img src=x>', /^Signing in did not work\. Try again/],
  ]) {
    const { page } = await visit(t, `${url}?error=${encodeURIComponent(error)}`);
    assert.match(await page.getByTestId('alert').innerText(), says);
    assert.equal((await page.locator('main').innerText()).includes(error), false);
    assert.equal(page.url(), url);
  }
});

test('D12 nobody signed in is no error on the console; a countdown is not read out; axe finds nothing', async (t) => {
  const nobody = await visit(t, await serve(t, { claims: null }));
  assert.equal(await nobody.page.getByTestId('state').innerText(), 'Not signed in');
  assert.deepEqual(nobody.said, []);
  const { page } = await visit(t, await serve(t, { claims: { sub: 'alice', iss: 'https://as.example' }, expires_at: Date.now() + 1e6 }));
  await page.getByTestId('call').click();
  await page.getByTestId('notes').waitFor();
  assert.equal(await page.getByTestId('said').textContent(), 'The API answered with 2 notes.');
  assert.equal(
    await page.evaluate(() => !!document.querySelector('[data-testid="token-text"]').closest('[aria-live], [role="status"], [role="alert"]')),
    false,
  );
  for (const media of [{ colorScheme: 'light' }, { colorScheme: 'dark' }, { forcedColors: 'active' }]) {
    await page.emulateMedia(media);
    await page.evaluate(axe);
    const found = await page.evaluate(async () => (await window.axe.run()).violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target)}`));
    assert.deepEqual(found, [], JSON.stringify(media));
  }
});
