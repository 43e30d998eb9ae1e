// The proof, and conversations from elsewhere, in Chromium. The tests' names contain the ids of
// behaviours.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import { open, root, serve } from './testlib/tab.mjs';

let demo;
before(async () => {
  demo = await serve();
});

const proof = async (t, options) => {
  const tab = await open(t, demo, options);
  await tab.page.click('nav a[href="#proof"]');
  return tab;
};

/** Drops a text, and returns what the page says about it. */
let drops = 0;
const drop = async (tab, text) => {
  const name = `dropped-${++drops}.txt`;
  const said = (n) => document.querySelector('[data-testid="conversation-notice"]').textContent.startsWith(n);
  // The page listens once its scripts have run. A file that was dropped before is dropped again.
  for (let tries = 1; ; tries++) {
    await tab.at('file').setInputFiles({ name, mimeType: 'text/plain', buffer: Buffer.from(text) });
    const taken = await tab.page.waitForFunction(said, name, { polling: 100, timeout: 10_000 }).then(
      () => true,
      () => false,
    );
    if (taken || tries === 30) break;
  }
  await tab.until('conversation-notice', new RegExp(`^${name}`));
  return tab.at('conversation-notice').innerText();
};

const recorded = (name) => readFileSync(join(root, 'core/contract/client', `${name}.txt`), 'utf8');

test('D8 all conversations replay in the page and in a worker, with the same digests as elsewhere', async (t) => {
  const tab = await proof(t);
  // The part of the output of `make hosts` that this test needs: one host that agrees, one that
  // does not.
  await tab.page.route('**/hosts.json', async (route) => {
    const digests = Object.fromEntries(
      await tab.page
        .locator('[data-testid="digests"] dd')
        .evaluateAll((cells) => cells.map(({ textContent }, n) => [['page', 'client', 'bff', 'resource'][n], { digest: textContent }])),
    );
    await route.fulfill({
      json: {
        hosts: [
          { host: 'wazero', ...digests },
          { host: 'bun', ...digests, client: { digest: '0'.repeat(64) } },
        ],
      },
    });
  });
  await tab.at('replay-all').click();
  await tab.page.waitForSelector('[data-testid="verdict"][data-end]');
  assert.match(await tab.at('verdict').innerText(), /^\d+ conversations, [\d,]+ inputs, [\d,]+ effects in [\d.]+ s\. 1 hosts differ/);
  const rows = await tab.at('host-rows').locator('tr').allInnerTexts();
  assert.equal(rows.length, 4);
  for (const row of rows.slice(0, 3)) assert.match(row, /([0-9a-f]{12} =\s*){4}$/);
  assert.match(rows[3], /^Bun[\s\S]*≠/);
  assert.match(await tab.page.locator('#hosts-missing').innerText(), /native Go[\s\S]*make go-test hosts/);
});

test('D9 this visit, over the way to the server and back, is shared without a secret, and replays from a link', async (t) => {
  const tab = await open(t, demo, { permissions: ['clipboard-read', 'clipboard-write'] });
  const tokens = await tab.noteTokens();
  await tab.signIn();
  await tab.page.click('nav a[href="#proof"]');
  const [download] = await Promise.all([tab.page.waitForEvent('download'), tab.at('download-visit').click()]);
  const text = readFileSync(await download.path(), 'utf8');
  assert.match(text, /"command":"authorize"[\s\S]*\nopen [\s\S]*"command":"callback"/);
  assert.equal(tokens.length, 2);
  for (const secret of [...tokens, 'Demo account', 'demo@example.com']) assert.equal(text.includes(secret), false, secret);
  assert.match(await drop(tab, text), /equal, byte for byte/);
  await tab.at('share-visit').click();
  await tab.until('conversation-notice', /link/);
  const link = await tab.at('link').inputValue();
  const other = await tab.context.newPage();
  await other.goto(link);
  await other.waitForFunction(() => /Replayed here: equal/.test(document.querySelector('[data-testid="conversation-notice"]').textContent));
});

test('D10 a recorded conversation is walked through, by buttons, slider and keys', async (t) => {
  const tab = await proof(t);
  assert.match(await drop(tab, recorded('unknown-outcome')), /Replayed here: equal, byte for byte/);
  await tab.until('place', /^1 \/ \d+$/);
  await tab.at('forth').click();
  await tab.until('place', /^2 /);
  await tab.at('position').focus();
  await tab.page.keyboard.press('End');
  const [, at, of] = /(\d+) \/ (\d+)/.exec(await tab.at('place').innerText());
  assert.equal(at, of);
  await tab.at('conversation').focus();
  await tab.page.keyboard.press('Home');
  await tab.page.keyboard.press('Enter');
  await tab.until('place', /^1 /);
  await tab.at('play').click();
  await tab.until('place', /^4 /);
  assert.match(await tab.at('message').innerText(), /"kind"|"answer"/);
});

test('D10 a hostile conversation runs no script, hangs nothing, and is told in words', async (t) => {
  const tab = await proof(t);
  const head = (about) => JSON.stringify({ about, covers: [], name: 'X', profile: 'page' }) + '\n';
  const markup = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>';
  const link = (text) => demo + '#c=' + deflateRawSync(text).toString('base64url');
  const rows = [
    [
      'markup everywhere',
      head(markup) +
        `open {"now":1,"entropy":"${'A'.repeat(43)}","kind":"${markup.replaceAll('"', '\\"')}"}\n= 0\n< {"kind":${JSON.stringify(markup)},"id":"__proto__","stage":${JSON.stringify(markup)}}\n`,
      /something else/,
    ],
    [
      'names of an object',
      head('x') + 'open {}\n= 0\n< {"kind":"__proto__"}\n> {"answer":"constructor","ok":{}}\n< {"kind":"toString","id":"x"}\n',
      /something else/,
    ],
    ['no conversation', 'hello', /no conversation/],
    ['another verb', head('x') + 'eval alert(1)\n', /a line begins with none of/],
    ['too many lines', head('x') + 'close\n'.repeat(6000), /more than 5,000 lines/],
    ['too long', head('x') + 'open ' + 'x'.repeat(2_100_000), /longer than 2,000,000/],
    ['deep', head('x') + 'open ' + '['.repeat(100_000) + '\n= 0\n', /something else|equal|cannot be replayed/],
    ['inputs without a session', head('x') + '> {}\n= 1\n@ 99999999999\n> x\n= 1\n', /equal/],
  ];
  for (const [name, text, says] of rows) assert.match(await drop(tab, text), says, name);
  for (const [name, text, says] of [
    ['a bomb', head('x') + 'open ' + ' '.repeat(80_000_000), /longer than 2,000,000/],
    ['markup in a link', rows[0][1], /something else/],
  ]) {
    const page = await tab.context.newPage();
    await page.goto(link(text));
    await page.waitForFunction((source) => new RegExp(source).test(document.querySelector('[data-testid="conversation-notice"]').textContent), says.source, {
      polling: 100,
    });
    assert.equal(await page.evaluate(() => window.pwned), undefined, name);
    await page.close();
  }
  const broken = await tab.context.newPage();
  await broken.goto(demo + '#c=%00%3Cscript');
  await broken.waitForFunction(() => /cannot be replayed/.test(document.querySelector('[data-testid="conversation-notice"]').textContent), undefined, {
    polling: 100,
  });
  assert.equal(await tab.page.evaluate(() => window.pwned), undefined);
  assert.equal(await tab.page.locator('#proof img, #proof script').count(), 0);
  assert.deepEqual(await tab.violations(), []);
});
