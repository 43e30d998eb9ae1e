// The pages as files, served by a server that does nothing but serve them, also below a path, in
// Chromium. The names of the tests hold the ids of behaviours.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { launch, root, serve } from './testlib/tab.mjs';

let folder;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'oauth2-wasm-export-'));
  execFileSync('go', ['run', './web', '-export', folder], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
});
after(() => rmSync(folder, { recursive: true }));

/** The least that a server of files knows: WebAssembly is bytes to it, and JSON a text. */
const types = { html: 'text/html', css: 'text/css', js: 'text/javascript', svg: 'image/svg+xml', json: 'text/plain' };

const files = async (t, path) => {
  const missed = [];
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://x');
    const name = pathname.startsWith(path) && (pathname.slice(path.length) || 'index.html');
    try {
      const body = readFileSync(join(folder, name));
      response.setHeader('content-type', types[name.split('.').pop()] ?? 'application/octet-stream').end(body);
    } catch {
      missed.push(pathname);
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, 'localhost', resolve));
  t.after(() => server.close());
  return { url: `http://localhost:${server.address().port}${path}`, missed };
};

for (const path of ['/', '/a/path/'])
  test(`D18 exported pages work from a server of files at ${path}: the proof, your server, and words where the demo is needed`, async (t) => {
    const { url, missed } = await files(t, path);
    const context = await (await launch()).newContext();
    t.after(() => context.close());
    const page = await context.newPage();
    const said = [];
    page.on('console', (message) => said.push(message.text()));
    page.on('pageerror', (error) => said.push(`uncaught: ${error}`));
    const at = (name) => page.getByTestId(name);
    const says = (name, { source }) =>
      page.waitForFunction(([id, source]) => new RegExp(source).test(document.querySelector(`[data-testid="${id}"]`).textContent), [name, source]);
    await page.goto(url);
    await at('replay-all').click();
    await page.waitForSelector('[data-testid="verdict"][data-end]');
    assert.match(await at('verdict').innerText(), /byte for byte/);
    assert.equal(await at('host-rows').locator('tr').nth(1).locator('[data-equal="true"]').count(), 4);
    await at('pick').focus();
    await at('pick').selectOption('client/unknown-outcome');
    await says('conversation-notice', /equal, byte for byte/);
    await page.getByRole('link', { name: 'Try it', exact: true }).click();
    await at('alone').waitFor();
    assert.match(await at('alone').innerText(), /make demo/);
    assert.equal(await page.getByRole('button').count(), 0);
    await at('alone').getByRole('link', { name: 'Try it with your own server' }).click();
    await page.waitForURL(url + 'server.html');
    assert.equal(await at('redirect-uri').innerText(), url + 'server.html');
    const issuer = (await (await fetch(await serve())).text()).match(/data-issuer="([^"]+)"/)[1];
    await at('issuer').fill(issuer);
    await at('look').click();
    await says('look-trouble', /CORS[\s\S]*did not allow http:\/\/localhost/);
    await page.getByRole('link', { name: 'Proof' }).click();
    await at('replay-all').waitFor();
    assert.deepEqual(missed, []);
    // Chromium tells of the answer that CORS kept back.
    assert.deepEqual(
      said.filter((line) => !/CORS policy|net::ERR_FAILED/.test(line)),
      [],
    );
  });
