// What a backend has stored, as somebody sees it who has the disk and not the key ring.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The bytes of all files that a host stores sessions in. */
const stored = (folder) =>
  Buffer.concat(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, path, name }) => join(parentPath ?? path, name))
      .filter((file) => file.startsWith(join(folder, 'storage')) || file.startsWith(join(folder, 'sessions.db')))
      .map((file) => readFileSync(file)),
  );

/** Bytes in base64 and base64url, wherever they begin in what is encoded. */
const spellings = (bytes) =>
  [0, 1, 2].flatMap((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes, Buffer.alloc(2)])
      .toString('base64')
      .slice(before && 4, -4);
    return [text, text.replaceAll('+', '-').replaceAll('/', '_')];
  });

/**
 * Asserts that sessions are stored in the folder, and of the secrets (texts, or bytes) none that
 * can be read.
 */
export const holdsNone = (folder, secrets) => {
  const all = stored(folder);
  assert.ok(all.includes('oauth2.') && all.includes('.session'), 'there are sessions');
  for (const secret of secrets) {
    const bytes = Buffer.from(secret);
    for (const one of [bytes, ...spellings(bytes)]) assert.ok(!all.includes(one), 'a secret can be read on the disk');
  }
};
