// The page *Your server*: what a server offers, what is wrong with it, a sign-in, and the same as
// code, in Chromium. The tests' names contain the ids of behaviours.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { open, root, serve } from './testlib/tab.mjs';

let demo;
before(async () => {
  demo = await serve();
});

const page = async (t, options) => {
  const tab = await open(t, demo, options);
  await tab.page.goto(demo + 'server');
  await tab.at('preset').selectOption('this-demo');
  return tab;
};

/** Checks an issuer, and returns the problem that the page reports. */
const trouble = async (tab, issuer) => {
  await tab.at('preset').selectOption('');
  await tab.at('issuer').fill(issuer);
  await tab.at('client-id').fill('app');
  await tab.at('look').click();
  await tab.page.waitForSelector('[data-testid="look-trouble"] .alert');
  return tab.at('look-trouble').innerText();
};

test('D13 what a server offers and what the client does with it, a sign-in there, a refresh and a sign-out', async (t) => {
  const tab = await page(t);
  await tab.at('look').click();
  await tab.until('offer-rows', /Pushed requests \(PAR\)yes[\s\S]*DPoP\)yes[\s\S]*deviceyes/);
  await tab.at('server-sign-in').click();
  await tab.at('login').click();
  await tab.at('approve').click();
  await tab.until('session-facts', /Said byhttp:\/\/127\.0\.0\.1[\s\S]*TokenDPoP/);
  assert.equal(tab.page.url(), demo + 'server');
  await tab.at('server-refresh').click();
  await tab.until('effects', /refresh POST \/token 200/);
  await tab.at('server-sign-out').click();
  await tab.until('server-status', /Signed out/);
  assert.deepEqual(
    tab.said.filter((line) => line.startsWith('uncaught')),
    [],
  );
});

test('D14 what is wrong with a server is said in words: CORS, policy, issuer, nobody there', async (t) => {
  const tab = await page(t);
  const own = await tab.at('issuer').inputValue();
  const answers = {
    '/closed': [200, {}, '{}'],
    '/none': [404, { 'access-control-allow-origin': '*' }, ''],
    '/html': [200, { 'access-control-allow-origin': '*' }, '<h1>'],
    '/odd': [200, { 'access-control-allow-origin': '*' }, '{"issuer":["<b>"]}'],
  };
  const server = createServer((request, response) => {
    const found = Object.entries(answers).find(([path]) => request.url.includes(path))?.[1] ?? [404, {}, ''];
    response.writeHead(found[0], found[1]).end(found[2]);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const at = `http://127.0.0.1:${server.address().port}`;
  for (const [issuer, says] of [
    [own.replace('127.0.0.1', 'localhost'), /wrong issuer[\s\S]*calls itself http:\/\/127\.0\.0\.1/],
    [at + '/closed', /CORS[\s\S]*did not allow http:\/\/localhost/],
    [at + '/none', /no metadata at that issuer[\s\S]*404/],
    [at + '/html', /no metadata/],
    [at + '/odd', /calls itself nothing/],
    ['http://example.com', /has to be https/],
    ['http://[::1]:1', /policy forbids it \(CSP\)/],
    ['http://127.0.0.1:6', /Nobody answers there/],
    ['https://login.example/?x', /query or a fragment/],
  ])
    assert.match(await trouble(tab, issuer), says, issuer);
  // A click uses the server's own name.
  await trouble(tab, own.replace('127.0.0.1', 'localhost'));
  await tab.at('look-trouble').locator('button').click();
  await tab.at('offers').waitFor();
  await tab.page.waitForFunction(() => !document.querySelector('[data-testid="look-trouble"]').textContent);
});

test('D13 the code of each language compiles, whatever is typed in', async (t) => {
  const tab = await page(t);
  const folder = mkdtempSync(join(root, 'build/code-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const files = [];
  for (const [n, [preset, id]] of [
    ['this-demo', 'o\'neill \\ "x" `${y}`'],
    ['google', 'app'],
    ['okta', 'app'],
  ].entries()) {
    await tab.at('preset').selectOption(preset);
    await tab.at('client-id').fill(id);
    for (const [language, name] of [
      ['TypeScript', `a${n}.ts`],
      ['React', `b${n}.tsx`],
      ['Go', `go${n}/main.go`],
      ['Terminal', `c${n}.sh`],
    ]) {
      await tab.page.click(`[data-language="${language}"]`);
      const code = await tab.at('code').textContent();
      if (name.includes('/')) execFileSync('mkdir', ['-p', join(folder, `go${n}`)]);
      writeFileSync(join(folder, name), /\.tsx?$/.test(name) ? code + '\nexport {};\n' : code);
      files.push(name);
    }
    await tab.page.click('[data-language="Worker"]');
    JSON.parse((await tab.at('code').textContent()).replace(/^.*\n"vars": /, ''));
  }
  const config = {
    compilerOptions: {
      module: 'nodenext',
      target: 'es2024',
      lib: ['es2024', 'dom'],
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      jsx: 'react-jsx',
      types: ['react'],
    },
    files: files.filter((name) => /\.tsx?$/.test(name)),
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', folder], { stdio: ['ignore', 'inherit', 'inherit'] });
  execFileSync('go', ['vet', ...[0, 1, 2].map((n) => join(folder, `go${n}/main.go`)).slice(0, 1)], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  execFileSync('go', ['vet', join(folder, 'go1/main.go')], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  for (const name of files.filter((name) => name.endsWith('.sh'))) execFileSync('bash', ['-n', join(folder, name)]);
});
