// The documentation: its links, its code, the names and errors in it, and the built site.
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { launch } from '../../js/test/lib/browser.mjs';
import { installed, root } from '../../js/test/lib/installed.mjs';
import { serve } from '../../js/test/lib/serve.mjs';
import { until } from '../../js/test/lib/provider.mjs';
import { pages, stage } from './build.mjs';
import { brokenLinks } from './check.mjs';
import { blocks, mapProse, sectionOf, slugs } from './markdown.mjs';

const read = (file) => readFileSync(join(root, file), 'utf8');
const markdown = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'], { cwd: root, encoding: 'utf8' })
  .split('\n')
  .filter((file) => file && existsSync(join(root, file)));
const ours = markdown.filter((file) => file.startsWith('web/docs/'));
const listed = [...ours, 'README.md', 'CONTRIBUTING.md'];
const code = listed.flatMap((file) => blocks(read(file)).map((block) => ({ ...block, file, name: `${file}:${block.line}` })));
const written = (...languages) => code.filter(({ language }) => languages.includes(language));

test('D41 every link in Markdown leads to a file, and to a heading of it', () => {
  const wrong = [];
  for (const file of markdown) {
    mapProse(read(file), (prose) => {
      for (const [, link] of prose.replace(/`[^`]*`/g, '').matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(link)) {
          if (!URL.canParse(link)) wrong.push(`${file}: ${link} is no URL`);
          continue;
        }
        const [path, hash] = link.split('#');
        const target = path ? relative(root, resolve(root, dirname(file), path)) : file;
        // A page's heading may come from a section that it includes: stage() looks there.
        if (!existsSync(join(root, target))) wrong.push(`${file}: ${link} leads nowhere`);
        else if (hash && !target.startsWith('web/docs/') && !slugs(read(target)).has(hash)) wrong.push(`${file}: ${link}: no such heading`);
      }
      return prose;
    });
  }
  assert.deepEqual(wrong, []);
  stage();
});

test('D41 the check of links finds what is wrong', (t) => {
  const site = join(root, 'build/docs-links');
  t.after(() => rmSync(site, { recursive: true, force: true }));
  mkdirSync(join(site, 'a'), { recursive: true });
  writeFileSync(join(site, 'a/b.html'), '<h2 id="there">x</h2>');
  const link = (to) => `<a class="x" href="${to}">x</a>`;
  const right = ['./a/b.html', '/docs/a/b.html#there', '/docs/a/b', 'https://as.example/', 'http://localhost:5173/'];
  const wrong = ['./a/c.html', './a/b.html#gone', 'http://as.example/', '/elsewhere', 'https://['];
  writeFileSync(join(site, 'index.html'), [...right, ...wrong].map(link).join('') + '<pre><a href="./in-code.html"></a></pre>');
  const found = brokenLinks(site);
  assert.equal(found.length, wrong.length, found.join('\n'));
  for (const [i, to] of wrong.entries()) assert.ok(found[i].includes(to), found[i]);
});

test('D42 each block of code names a language that a test knows', () => {
  const known = ['ts', 'tsx', 'js', 'go', 'sh', 'json', 'html', 'text', 'yaml', 'toml', 'dockerfile', 'ini', 'nginx', 'python', 'sql'];
  assert.deepEqual(
    code.filter(({ language }) => !known.includes(language)).map(({ name, language }) => `${name}: ${language || 'none'}`),
    [],
  );
});

test('D42 TypeScript compiles against the packed package', async () => {
  const folder = join(installed(), 'docs-types');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const found = written('ts', 'tsx');
  assert.ok(found.length > 8);
  const names = found.map(({ language, text, name }, i) => {
    writeFileSync(join(folder, `block${i}.${language}`), `// ${name}\n${text}${/^(im|ex)port /m.test(text) ? '' : 'export {};\n'}`);
    return `block${i}.${language}`;
  });
  const options = {
    noEmit: true,
    strict: true,
    exactOptionalPropertyTypes: true,
    target: 'es2022',
    module: 'esnext',
    moduleResolution: 'bundler',
    jsx: 'react-jsx',
    skipLibCheck: true,
    lib: ['es2022', 'dom', 'dom.iterable'],
    types: ['node'],
    typeRoots: [join(root, 'node_modules/@types')],
    paths: Object.fromEntries(['react', 'react/jsx-runtime'].map((path) => [path, [join(root, 'node_modules/@types', path)]])),
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: names }));
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  await promisify(execFile)(process.execPath, [tsc, '-p', folder]).catch(({ stdout }) =>
    assert.fail(stdout + found.map(({ name }, i) => `\nblock${i}: ${name}`).join('')),
  );
});

test('D42 Go programs pass go vet', () => {
  const folder = join(root, 'build/docs-go');
  rmSync(folder, { recursive: true, force: true });
  const found = written('go');
  assert.ok(found.length > 6);
  for (const [i, { text, name }] of found.entries()) {
    assert.match(text, /^package main$/m, `${name} is no whole program`);
    mkdirSync(join(folder, `p${i}`), { recursive: true });
    writeFileSync(join(folder, `p${i}/main.go`), `// ${name}\n${text}`);
  }
  const { status, stderr } = spawnSync('go', ['vet', './build/docs-go/...'], { cwd: root, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
});

test('D42 shell commands, JSON and JavaScript parse', () => {
  for (const { text, name } of written('sh')) {
    const { status, stderr } = spawnSync('bash', ['-n'], { input: text, encoding: 'utf8' });
    assert.equal(status, 0, `${name}: ${stderr}`);
  }
  for (const { text, name } of written('json')) assert.doesNotThrow(() => JSON.parse(text), name);
  const { constructor: AsyncFunction } = Object.getPrototypeOf(async () => {});
  for (const { text, name } of written('js')) assert.doesNotThrow(() => new AsyncFunction(text.replace(/^(import .*|export (default )?)/gm, '')), name);
});

test('D42 the plugin host of the guide runs', () => {
  const [{ text }] = blocks(read('web/docs/guides/plugins.md')).filter(({ language }) => language === 'go');
  const folder = join(root, 'build/docs-plugins');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'main.go'), text);
  const { stdout, stderr } = spawnSync('go', ['run', './build/docs-plugins'], { cwd: root, encoding: 'utf8' });
  assert.equal(stdout, 'green not_authenticated <nil>\nblue not_authenticated <nil>\n', stderr);
});

test('D43 the page of errors has each code of the contract, under its kind, and no other', () => {
  const { codes } = JSON.parse(read('core/contract/schema.json')).$defs;
  const page = read('web/docs/errors.md');
  for (const [kind, schema] of Object.entries(codes)) {
    const rows = [...sectionOf(page, `kind-${kind}`, 'errors.md').matchAll(/^\| `([a-z_]+)`(.*)$/gm)];
    const found = rows.map(([, code]) => code).filter((code) => !code.startsWith('lock_'));
    assert.deepEqual(found.toSorted(), (schema.enum ?? schema.anyOf[0].enum).toSorted(), `web/docs/errors.md, kind ${kind}`);
    for (const [row, , rest] of rows) assert.equal(rest.split(' | ').length, 3, row);
  }
});

test('D43 every error that a transcript shows has its code in schema.json', () => {
  const { codes } = JSON.parse(read('core/contract/schema.json')).$defs;
  const missing = new Set();
  for (const folder of ['client', 'bff', 'resource']) {
    for (const file of readdirSync(join(root, 'core/contract', folder)).filter((name) => name.endsWith('.txt'))) {
      for (const [, kind, code] of read(`core/contract/${folder}/${file}`).matchAll(/"kind":"([a-z_]+)","code":"([a-z_]+)","op"/g)) {
        const { enum: values, anyOf } = codes[kind] ?? {};
        if (!(values ?? anyOf?.[0].enum ?? []).includes(code) && !(kind === 'client' && code.startsWith('lock_'))) missing.add(`${kind} ${code}`);
      }
    }
  }
  assert.deepEqual([...missing], []);
});

test('D44 the names that migration tables have of other libraries exist there', () => {
  const types = {
    'oidc-client-ts': read('node_modules/oidc-client-ts/dist/types/oidc-client-ts.d.ts'),
    'openid-client': read('node_modules/openid-client/build/index.d.ts'),
    'x-oauth2': ['', '/clientcredentials', '/jwt']
      .map((path) => execFileSync('go', ['doc', '-all', `golang.org/x/oauth2${path}`], { cwd: root, encoding: 'utf8' }))
      .join('\n'),
  };
  for (const [page, text] of Object.entries(types)) {
    let count = 0;
    for (const [, theirs] of read(`web/docs/migrate/${page}.md`).matchAll(/^\| ([^|]*`[^|]*) \|/gm)) {
      for (const [, span] of theirs.matchAll(/`([^`]+)`/g)) {
        const name = /(\w+)(?=\W*$|\()/.exec(span.replace(/^new /, '').split('(')[0])?.[1];
        if (/^(endpoints|clientcredentials|user|events)$/.test(name)) continue;
        assert.ok(new RegExp(`\\b${name}\\b`).test(text), `${page}: ${span} (${name})`);
        count++;
      }
    }
    assert.ok(count > 8, page);
  }
});

test('D44 the names that migration tables have of this package exist', () => {
  const types =
    readdirSync(join(root, 'js/src'))
      .filter((name) => name.endsWith('.ts'))
      .map((name) => read(`js/src/${name}`))
      .join('\n') +
    read('core/contract/README.md') +
    read('core/contract/schema.json');
  for (const page of ['oidc-client-ts', 'auth0-spa-js', 'react-oidc-context', 'openid-client']) {
    for (const [, ours] of read(`web/docs/migrate/${page}.md`).matchAll(/^\| [^|]* \| ([^|]*`[^|]*) \|$/gm)) {
      for (const [, name] of ours.matchAll(/`(\w+)(?:\([^`]*\))?(?:: [^`]*)?`/g)) {
        if (/^(true|offline_access)$/.test(name)) continue;
        assert.ok(new RegExp(`\\b${name}\\b`).test(types), `${page}: ${name}`);
      }
    }
  }
});

let browser;
before(async () => (browser = await launch()));
after(() => browser?.close());

/** The policy under which the demo serves the site (web/docs.go). */
const policy = () => {
  const text = read('web/docs.go');
  return text
    .slice(text.indexOf('const docsPolicy'), text.indexOf('// docs serves'))
    .match(/"([^"]+)"/g)
    .map((part) => part.slice(1, -1))
    .join('');
};

test('D45 the site is built with every page, and works under the policy that it is served with', async (t) => {
  const { status, stdout, stderr } = spawnSync('make', ['docs'], { cwd: root, encoding: 'utf8' });
  assert.equal(status, 0, stdout + stderr);
  const site = join(root, 'build/docs');
  for (const { page } of pages()) assert.ok(existsSync(join(site, page.replace(/\.md$/, '.html'))), page);
  assert.deepEqual(brokenLinks(site), []);
  for (const page of ['reference/js/index/classes/Client.html', 'reference/go/core-oauth.html', 'reference/go/wasm.html'])
    assert.ok(existsSync(join(site, page)), page);

  const { url, stop } = await serve(join(root, 'build'), {
    headers: { 'content-security-policy': policy() },
    types: { '.css': 'text/css', '.svg': 'image/svg+xml' },
  });
  t.after(stop);
  const context = await browser.newContext();
  t.after(() => context.close());
  const page = await context.newPage();
  const complaints = [];
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  for (const path of ['', 'guides/page.html', 'errors.html', 'contract/', 'reference/js/index/classes/Client.html', 'reference/go/core-oauth.html']) {
    await page.goto(`${url}/docs/${path}`);
    await page.locator('.VPSidebar a').first().waitFor({ state: 'attached' });
    await page.waitForFunction(() => document.querySelector('#app').__vue_app__);
  }
  // The search of the site, whose index is a separate script.
  await page
    .getByRole('button', { name: /search/i })
    .first()
    .click();
  await page.locator('#localsearch-input').fill('outcome_lost');
  await until(async () => (await page.locator('.VPLocalSearchBox .results a').count()) > 0, 'a result');
  assert.deepEqual(complaints, []);
});
