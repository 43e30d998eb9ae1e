// Requests, as bytes, that two servers could read differently: the upstream server must get what
// the backend was asked for.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { message, raw } from '../lib/raw.mjs';
import { api } from '../lib/upstream.mjs';
import { world } from '../lib/world.mjs';

/** A request inside a body, for a server that takes the body to be over. */
const inner = 'GET /api/smuggled HTTP/1.1\r\nhost: x\r\nx-ignored: x';
const chunked = `0\r\n\r\n${inner}\r\n\r\n`;
const whole = (body) => `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
const te = (value, name = 'transfer-encoding') => [name, value];
const cl = (value, name = 'content-length') => [name, value];

/** Headers with their body. */
const messages = {
  'a length, and chunks': [[cl(chunked.length), te('chunked')], chunked],
  'chunks, and a length': [[te('chunked'), cl(4)], whole(inner)],
  'chunks, and no length at all': [[te('chunked'), cl(0)], whole(inner)],
  'two lengths': [[cl(4), cl(chunked.length)], chunked],
  'two lengths, the short one last': [[cl(chunked.length), cl(0)], chunked],
  'two lengths that are one': [[cl(chunked.length), cl(chunked.length)], chunked],
  'a list of lengths': [[cl(`0, ${chunked.length}`)], chunked],
  'a length with a sign': [[cl(`+${chunked.length}`)], chunked],
  'a negative length': [[cl('-1')], chunked],
  'a length in hexadecimal': [[cl(`0x${chunked.length.toString(16)}`)], chunked],
  'a length with a space in it': [[cl('1 0')], chunked],
  'a length with a fraction': [[cl('4.0')], chunked],
  'an endless length': [[cl('99999999999999999999999')], chunked],
  'a length in quotes': [[cl('"4"')], chunked],
  'a space before the colon': [[cl(chunked.length), te('chunked', 'transfer-encoding ')], chunked],
  'a tab before the colon': [[cl(chunked.length), te('chunked', 'transfer-encoding\t')], chunked],
  'a length whose name has a space': [[cl(4, 'content-length '), te('chunked')], chunked],
  identity: [[te('identity'), cl(chunked.length)], chunked],
  'chunked, identity': [[te('chunked, identity'), cl(chunked.length)], chunked],
  'identity, chunked': [[te('identity, chunked')], chunked],
  'chunked, twice': [[te('chunked'), te('chunked')], chunked],
  'chunked, and then another': [[te('chunked'), te('x')], chunked],
  'another, and then chunked': [[te('x'), te('chunked')], chunked],
  xchunked: [[te('xchunked'), cl(chunked.length)], chunked],
  Chunked: [[te('CHUNKED')], chunked],
  'chunked in quotes': [[te('"chunked"'), cl(chunked.length)], chunked],
  'chunked behind a control character': [[te('\x0bchunked'), cl(chunked.length)], chunked],
  'chunked before a NUL': [[te('chunked\0'), cl(chunked.length)], chunked],
  'chunked with a parameter': [[te('chunked;q=1'), cl(chunked.length)], chunked],
  'chunked, folded': [[te('\r\n chunked'), cl(chunked.length)], chunked],
  'a length, folded': [[cl(`\r\n ${chunked.length}`)], chunked],
  'a header that is folded': [[['x-a', 'b\r\n\ttransfer-encoding: chunked'], cl(chunked.length)], chunked],
  'chunked behind a bare line feed': [[['x-a', 'b\ntransfer-encoding: chunked'], cl(chunked.length)], chunked],
  'chunked behind a bare carriage return': [[['x-a', 'b\rtransfer-encoding: chunked'], cl(chunked.length)], chunked],
  'a header that ends the head': [[['x-a', `b\n\n${inner}`], cl(0)], ''],
  'gzip, chunked': [[te('gzip, chunked')], chunked],
  'an extension of a chunk': [[te('chunked')], `0;x=${'y'.repeat(20)}\r\n\r\n${inner}\r\n\r\n`],
  'an extension with a line feed': [[te('chunked')], `4;x=\ny\r\nabcd\r\n0\r\n\r\n${inner}\r\n\r\n`],
  'a chunk without its end': [[te('chunked')], `4\r\nabcd0\r\n\r\n${inner}\r\n\r\n`],
  'chunks with bare line feeds': [[te('chunked')], `4\nabcd\n0\n\n${inner}\r\n\r\n`],
  'a chunk as long as a number can be': [[te('chunked')], `ffffffffffffffff\r\nabcd\r\n0\r\n\r\n${inner}\r\n\r\n`],
  'a chunk that is longer still': [[te('chunked')], `10000000000000004\r\nabcd\r\n0\r\n\r\n${inner}\r\n\r\n`],
  'a chunk with a sign': [[te('chunked')], `+4\r\nabcd\r\n0\r\n\r\n${inner}\r\n\r\n`],
  'a chunk of 0x4': [[te('chunked')], `0x4\r\nabcd\r\n0\r\n\r\n${inner}\r\n\r\n`],
  'trailers that say who calls': [[te('chunked'), ['trailer', 'authorization']], '0\r\nauthorization: Bearer evil\r\ncontent-length: 4\r\n\r\n'],
  'an upgrade': [
    [
      ['upgrade', 'h2c'],
      ['http2-settings', 'AAMAAABkAAQCAAAAAAIAAAAA'],
      ['connection', 'upgrade, http2-settings'],
    ],
    '',
  ],
  'a body that is expected': [[['expect', '100-continue, x'], cl(4)], 'abcd'],
};

export default (host) => {
  let w;
  let behind;
  let port;
  let mine;
  before(async () => {
    behind = await api();
    w = await world(host, { config: { proxy: [{ path: '/api', target: `${behind.url}/base/v1` }] } });
    const visitor = w.visitor();
    await visitor.signIn();
    port = Number(new URL(w.url).port);
    mine = [
      ['cookie', [...visitor.jar()].map((pair) => pair.join('=')).join('; ')],
      ['x-csrf', '1'],
      ['origin', w.url],
      ['accept', '*/*'],
    ];
  });
  after(async () => {
    await w?.stop();
    behind?.stop();
  });

  const authority = () => new URL(w.url).host;
  /** Asserts that all requests to the API were below its path and were really sent. */
  const sound = async (name) => {
    const number = String(Math.random()).slice(2);
    const [{ status, text }] = await raw(port, message(authority(), 'GET', `/api/canary?of=${number}`, mine));
    assert.equal(status, 200, `${name}: the next request`);
    assert.match(text, /GET 0/, name);
    for (const { method, url, headers } of behind.got) {
      assert.ok(url.startsWith('/base/v1/in') || url.startsWith('/base/v1/canary'), `${name}: the API got ${method} ${url}`);
      assert.doesNotMatch(headers.authorization ?? '', /evil/, name);
      assert.equal(headers['x-ignored'], undefined, name);
    }
    assert.equal(behind.got.at(-1).url, `/base/v1/canary?of=${number}`, name);
    behind.got.length = 0;
  };

  test(`${host.name}: a message that two servers could read differently brings nothing to the API but itself (S116)`, { timeout: 600_000 }, async () => {
    for (const [name, [headers, body]] of Object.entries(messages)) {
      await raw(port, `${message(authority(), 'POST', '/api/in', [...mine, ...headers])}${body}`, { patience: 1000 });
      await sound(name);
    }
  });

  test(`${host.name}: nor does the line of a request, or a second host (S116)`, { timeout: 600_000 }, async () => {
    const head = mine.map((pair) => `${pair.join(': ')}\r\n`).join('');
    for (const line of [
      `GET http://evil.example/api/in HTTP/1.1\r\nhost: ${authority()}`,
      `GET http://${authority()}/api/in HTTP/1.1\r\nhost: evil.example`,
      `GET //evil.example/api/in HTTP/1.1\r\nhost: ${authority()}`,
      `GET ${authority()}/api/in HTTP/1.1\r\nhost: ${authority()}`,
      `GET @evil.example/api/in HTTP/1.1\r\nhost: ${authority()}`,
      `GET /api/in HTTP/1.1\r\nhost: ${authority()}\r\nhost: evil.example`,
      `GET /api/in HTTP/1.1\r\nhost: evil.example\r\nhost: ${authority()}`,
      `GET /api/in HTTP/1.1\r\nhost: ${authority()}@evil.example`,
      `GET /api/in HTTP/1.1\r\nhost: ${authority()} evil.example`,
      'GET /api/in HTTP/1.1',
      'GET /api/in HTTP/1.0',
      `GET /api/in HTTP/1.0\r\nhost: ${authority()}\r\ntransfer-encoding: chunked`,
      `GET /api/in HTTP/9.9\r\nhost: ${authority()}`,
      `GET /api/in\r\nhost: ${authority()}`,
      `GET  /api/in HTTP/1.1\r\nhost: ${authority()}`,
      `GET /api/in x HTTP/1.1\r\nhost: ${authority()}`,
      `GET\t/api/in\tHTTP/1.1\r\nhost: ${authority()}`,
      `G\0T /api/in HTTP/1.1\r\nhost: ${authority()}`,
      `GET /api/in HTTP/1.1\r\n\r\nhost: ${authority()}`,
      `GET /api/in HTTP/1.1\nhost: ${authority()}\n`,
      `\r\n\r\nGET /api/in HTTP/1.1\r\nhost: ${authority()}`,
      `PRI * HTTP/2.0\r\nhost: ${authority()}`,
      `CONNECT evil.example:80 HTTP/1.1\r\nhost: ${authority()}`,
      `TRACE /api/in HTTP/1.1\r\nhost: ${authority()}`,
      `OPTIONS * HTTP/1.1\r\nhost: ${authority()}`,
    ]) {
      await raw(port, `${line}\r\n${head}\r\n`, { patience: 1000 });
      await sound(JSON.stringify(line));
    }
  });

  test(`${host.name}: of many requests on one connection each has its answer, in their order (S116)`, async () => {
    const paths = Array.from({ length: 8 }, (_, i) => `/api/in?${i}`);
    const answers = await raw(
      port,
      paths.map((path, i) => message(authority(), i % 2 ? 'POST' : 'GET', path, mine, i % 2 ? 'x'.repeat(i) : undefined)),
      { enough: paths.length },
    );
    const all = paths.map((_, i) => (i % 2 ? `POST ${i}` : 'GET 0'));
    assert.deepEqual(
      answers.map(({ text }) => /(GET|POST) \d+/.exec(text)?.[0]),
      host.pipelines === false ? all.slice(0, answers.length) : all,
    );
    await sound('one after the other');
  });
};
