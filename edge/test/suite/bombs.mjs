// Answers of an authorization server that are far larger than they look, or endless: the sign-in
// fails at once, and the host goes on.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib';
import { world } from '../lib/world.mjs';

const token = (more) => `{"access_token":"a","token_type":"Bearer","expires_in":300${more}}`;
const large = Buffer.from(token(`,"x":"${'x'.repeat(64 << 20)}"`));
const packed = {
  gzip: gzipSync(large),
  deflate: deflateSync(large),
  br: brotliCompressSync(large, { params: { [constants.BROTLI_PARAM_QUALITY]: 3 } }),
};
const json = { 'content-type': 'application/json' };
const of = (text) => (outgoing) => outgoing.writeHead(200, json).end(text);

/** Answers of the token endpoint. */
const answers = {
  ...Object.fromEntries(
    Object.entries(packed).map(([encoding, bytes]) => [
      `64 MiB, packed by ${encoding}`,
      (outgoing) => outgoing.writeHead(200, { ...json, 'content-encoding': encoding }).end(bytes),
    ]),
  ),
  'packed twice': (outgoing) => outgoing.writeHead(200, { ...json, 'content-encoding': 'gzip, gzip' }).end(gzipSync(packed.gzip)),
  'packed, and cut off': (outgoing) => outgoing.writeHead(200, { ...json, 'content-encoding': 'gzip' }).end(packed.gzip.subarray(0, 1000)),
  '2 MB as they are': of(token(`,"x":"${'x'.repeat(2 << 20)}"`)),
  'no end': (outgoing) => {
    outgoing.writeHead(200, json);
    const more = () => {
      while (!outgoing.destroyed && outgoing.write(' '.repeat(65536)));
    };
    outgoing.on('drain', more);
    more();
  },
  'a length that is a lie': (outgoing) => outgoing.writeHead(200, { ...json, 'content-length': String(2 ** 40) }).write(' '.repeat(1 << 20)),
  'arrays in arrays': of(token(`,"x":${'['.repeat(200_000)}${']'.repeat(200_000)}`)),
  'objects in objects': of(`${'{"a":'.repeat(80_000)}1${'}'.repeat(80_000)}`),
  '100,000 values': of(token(`,"x":[${'0,'.repeat(100_000)}0]`)),
  'a number of 400,000 digits': of(`{"access_token":"a","token_type":"Bearer","expires_in":${'9'.repeat(400_000)}}`),
  'a number with a great exponent': of('{"access_token":"a","token_type":"Bearer","expires_in":1e999999999}'),
  '2,000 members': of(token(Array.from({ length: 2000 }, (_, i) => `,"m${i}":1`).join(''))),
  'a member twice': of(token(',"access_token":"b"')),
  'no UTF-8': of(Buffer.from(token(',"x":"\xff"'), 'latin1')),
  '400 KB of headers': (outgoing) =>
    outgoing.writeHead(200, { ...json, ...Object.fromEntries(Array.from({ length: 400 }, (_, i) => [`x-${i}`, 'x'.repeat(1000)])) }).end(token('')),
  'a redirect to itself': (outgoing, { url }) => outgoing.writeHead(307, { location: url }).end(),
};

export default (host) => {
  let w;
  let server;
  let answer;
  let asked = 0;
  before(async () => {
    server = createServer((incoming, outgoing) => {
      asked += 1;
      outgoing.on('error', () => {});
      incoming.resume().on('end', () => answer(outgoing, incoming));
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    w = await world(host, { client: { token_endpoint: `http://127.0.0.1:${server.address().port}/token` } });
  });
  after(async () => {
    await w?.stop();
    server?.closeAllConnections();
    server?.close();
  });

  for (const [name, given] of Object.entries(answers)) {
    test(`${host.name}: a token answer of ${name} is no sign-in, and harms nobody else (S118)`, async () => {
      answer = given;
      const visitor = w.visitor();
      const callback = await visitor.begin();
      const before = asked;
      const failed = await visitor.send(callback);
      assert.equal(failed.status, 303);
      assert.match(failed.location, /\?error=(too_large|bad_encoding|bad_json|redirect|network|missing_id_token)$/);
      assert.ok(!visitor.jar().has('__Host-oauth2'));
      assert.ok(failed.text.length + (failed.location?.length ?? 0) < 1000);
      assert.equal(asked, before + 1, 'it is asked once');
      w.refused(await visitor.session(), 401, 'not_signed_in');
    });
  }
};
