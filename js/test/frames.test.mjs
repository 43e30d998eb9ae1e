// Frames of WebSockets, against npm ws: what the one writes the other reads.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { Receiver, Sender } from 'ws';
import { root } from './lib/installed.mjs';

const folder = mkdtempSync(join(tmpdir(), 'frames-'));
after(() => rmSync(folder, { recursive: true }));
await build({ entryPoints: [join(root, 'js/src/frames.ts')], bundle: true, format: 'esm', outfile: join(folder, 'frames.mjs') });
const { closeFrame, FrameReader, LONGEST, messageFrame, pongFrame, Violation } = await import(pathToFileURL(join(folder, 'frames.mjs')).href);

/** Numbers that look random, the same in each run. */
let state = 1;
const random = (below) => {
  state = (Math.imul(state, 1103515245) + 12345) >>> 0;
  return (state >>> 8) % below;
};
const bytes = (length) => Buffer.from(Array.from({ length }, () => random(256)));

/** What a server of ws's would put on the wire. */
const written = (say) => {
  const parts = [];
  const sink = new Duplex({ read() {}, write: (part, _, done) => (parts.push(part), done()) });
  say(new Sender(sink));
  sink.uncork();
  return Buffer.concat(parts);
};

/** What is heard of pieces, in order. */
const heard = (pieces) => {
  const list = [];
  const reader = new FrameReader({
    message: (data) => list.push(typeof data === 'string' ? data : Buffer.from(data).toString('base64')),
    ping: (payload) => list.push(`ping ${Buffer.from(payload)}`),
    close: (code, reason) => list.push(`close ${code} ${reason}`),
  });
  for (const piece of pieces) reader.read(piece);
  return list;
};

test('B89 what ws sends is read as it was meant, in whatever parts and pieces it comes', () => {
  for (let round = 0; round < 200; round += 1) {
    const wanted = [];
    const wire = written((sender) => {
      for (let i = random(6); i >= 0; i -= 1) {
        const payload = bytes([0, 1, 125, 126, 127, 65535, 65536, 70000, random(300)][random(9)]);
        const kind = random(4);
        if (kind === 0) {
          sender.ping(payload.subarray(0, 3).toString('hex'), false, () => {});
          wanted.push(`ping ${payload.subarray(0, 3).toString('hex')}`);
        } else if (kind === 1) {
          const text = `grüße ${payload.toString('hex')}`;
          sender.send(text, { binary: false, fin: true, mask: false }, () => {});
          wanted.push(text);
        } else {
          // In parts, with a control frame between them.
          const cut = random(payload.length + 1);
          const options = { binary: true, mask: false };
          sender.send(payload.subarray(0, cut), { ...options, fin: false }, () => {});
          if (kind === 3) {
            sender.pong('', false, () => {});
            sender.ping('x', false, () => {});
            wanted.push('ping x');
          }
          sender.send(payload.subarray(cut), { ...options, fin: true }, () => {});
          wanted.push(payload.toString('base64'));
        }
      }
      sender.close(1000, 'done', false, () => {});
    });
    wanted.push('close 1000 done');
    const pieces = [];
    for (let at = 0; at < wire.length; ) {
      const length = 1 + random([2, 10, 5000, 100_000][random(4)]);
      pieces.push(new Uint8Array(wire.subarray(at, at + length)));
      at += length;
    }
    assert.deepEqual(heard(pieces), wanted, `round ${round}`);
  }
});

test('B89 what breaks the rules ends with the code for it', () => {
  for (const [name, frame, code] of [
    ['an extension', [0xc1, 0], 1002],
    ['a mask', [0x81, 0x80, 0, 0, 0, 0], 1002],
    ['a kind that is none', [0x83, 0], 1002],
    ['a control kind that is none', [0x8b, 0], 1002],
    ['a control frame in parts', [0x09, 0], 1002],
    ['a control frame that is too long', [0x89, 126, 0, 126], 1002],
    ['a part of nothing', [0x80, 0], 1002],
    ['a message within another', [0x01, 1, 0x61, 0x81, 0], 1002],
    ['a close of one byte', [0x88, 1, 3], 1002],
    ...[0, 999, 1004, 1005, 1006, 1015, 2999, 5000].map((status) => [`a close with ${status}`, [0x88, 2, status >> 8, status & 255], 1002]),
    ['a close whose reason is no text', [0x88, 4, 3, 232, 0xc3, 0x28], 1007],
    ['text that is none', [0x81, 2, 0xc3, 0x28], 1007],
    ['more than a message may have', [0x82, 127, 0, 0, 0, 0, 1, 0, 0, 1], 1009],
    ['a length beyond all numbers', [0x82, 127, 255, 255, 255, 255, 255, 255, 255, 255], 1009],
  ]) {
    const broke = (error) => error instanceof Violation && error.code === code;
    assert.throws(() => heard([new Uint8Array(frame)]), broke, name);
    assert.throws(() => heard([...frame].map((byte) => new Uint8Array([byte]))), broke, `${name}, byte by byte`);
  }
  const part = new Uint8Array([0x00, 1, 0x61]);
  assert.throws(
    () => heard([new Uint8Array([0x02, 0]), ...Array(70_000).fill(part)]),
    (error) => error.code === 1009,
    'parts without end',
  );
  assert.deepEqual(heard([new Uint8Array([0x88, 0])]), ['close 1005 ']);
  assert.deepEqual(heard([new Uint8Array([0x81, 3, 0xef, 0xbb, 0xbf])]), ['\ufeff'], 'a mark is part of the text');
});

test('B89 what is sent is what ws reads', async () => {
  const receiver = new Receiver({ isServer: true });
  const concluded = new Promise((resolve) => receiver.on('conclude', resolve));
  const list = [];
  for (const event of ['message', 'pong', 'conclude'])
    receiver.on(event, (data, more) => list.push([event, typeof data === 'number' ? data : createHash('sha256').update(data).digest('hex'), String(more)]));
  const digest = (data) => createHash('sha256').update(data).digest('hex');
  const wanted = [];
  for (const length of [0, 1, 125, 126, 65535, 65536, 1 << 20, LONGEST]) {
    const data = Buffer.alloc(length, 'x');
    receiver.write(messageFrame(data));
    wanted.push(['message', digest(data), 'true']);
  }
  receiver.write(messageFrame('grüße'));
  receiver.write(pongFrame(new Uint8Array([1, 2])));
  receiver.write(closeFrame(4000, 'grüße'));
  wanted.push(['message', digest('grüße'), 'false'], ['pong', digest(Buffer.from([1, 2])), 'undefined'], ['conclude', 4000, 'grüße']);
  await concluded;
  assert.deepEqual(list, wanted);
  const empty = new Receiver({ isServer: true });
  const code = new Promise((resolve) => empty.on('conclude', resolve));
  empty.write(closeFrame(1005, ''));
  assert.equal(await code, 1005);
});
