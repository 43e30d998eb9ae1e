// QR codes, read by another project's reader.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import jsqr from 'jsqr';
import { launch } from './lib/browser.mjs';
import { installed } from './lib/installed.mjs';

const { qrSvg } = await import(pathToFileURL(join(installed(), 'node_modules/oauth2-wasm/dist/qr.js')).href);

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

/** What a reader finds in the drawn element: Chromium draws it on a page with these colours. */
const read = async (svg, { width, colorScheme = 'light', style = '' }) => {
  const page = await browser.newPage({ colorScheme, viewport: { width: 400, height: 400 } });
  await page.setContent(
    `<meta name="color-scheme" content="light dark"><style>body { margin: 0 } svg { display: block; width: ${width}px } ${style}</style>${svg}`,
  );
  const picture = await page.locator('svg').screenshot();
  const { data, side } = await page.evaluate(async (base64) => {
    const bitmap = await createImageBitmap(new Blob([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))]));
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
    canvas.drawImage(bitmap, 0, 0);
    return { data: [...canvas.getImageData(0, 0, bitmap.width, bitmap.height).data], side: bitmap.width };
  }, picture.toString('base64'));
  const colours = new Set();
  for (let i = 0; i < data.length; i += 4) colours.add(data.slice(i, i + 3).join());
  await page.close();
  return { text: jsqr(Uint8ClampedArray.from(data), side, side)?.data, colours: [...colours].sort() };
};

/** The number of modules on a side, from the element itself. */
const modules = (svg) => Number(/viewBox="0 0 (\d+) \1"/.exec(svg)[1]);

const uri = 'https://login.example/device?user_code=WDJB-MJHT&lang=de';
for (const text of [uri, 'x', '0123456789', 'Grüße, 你好 🙂', `https://login.example/?q=${'long/'.repeat(120)}`]) {
  test(`Q31 a reader gets the text from the drawn code: ${text.slice(0, 40)}`, async () => {
    const svg = qrSvg(text);
    // A size in which each module has whole pixels.
    const { text: got, colours } = await read(svg, { width: modules(svg) * 3 });
    assert.equal(got, text);
    assert.deepEqual(colours, ['0,0,0', '255,255,255'], 'crisp');
  });
}

test('the code stays dark on white on a dark page, with a quiet zone of four modules', async () => {
  const svg = qrSvg(uri);
  const { text, colours } = await read(svg, { width: modules(svg) * 3, colorScheme: 'dark', style: 'body { background: #000; color: #fff }' });
  assert.equal(text, uri);
  assert.deepEqual(colours, ['0,0,0', '255,255,255']);
  const starts = [...svg.matchAll(/M(\d+) (\d+)h\d+v1/g)].map(([, x, y]) => [Number(x), Number(y)]);
  assert.equal(Math.min(...starts.flat()), 4);
});

test('a screen reader says a title; what is in it is text', async () => {
  const page = await browser.newPage();
  for (const [svg, name] of [
    [qrSvg(uri), `QR code: ${uri}`],
    [qrSvg(uri, { title: '</title><b onclick="x">&amp; "here"' }), '</title><b onclick="x">&amp; "here"'],
  ]) {
    await page.setContent('<main></main>');
    await page.evaluate((svg) => void (document.querySelector('main').innerHTML = svg), svg);
    assert.equal(await page.getByRole('img', { name, exact: true }).count(), 1);
    assert.deepEqual(await page.evaluate(() => [...document.querySelectorAll('main *')].map(({ localName }) => localName)), ['svg', 'title', 'path', 'path']);
    // And as a separate file.
    assert.equal(await page.evaluate((svg) => new DOMParser().parseFromString(svg, 'image/svg+xml').querySelector('title')?.textContent, svg), name);
  }
  await page.close();
});

test('a text that no code can hold is an error', () => {
  assert.ok(qrSvg('x'.repeat(2331)));
  assert.throws(() => qrSvg('x'.repeat(2332)), RangeError);
});
