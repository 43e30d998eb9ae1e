// What somebody who has the disk but not the key ring sees of a backend's storage.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The bytes of all files in which a host stores sessions. */
const stored = (folder) =>
  Buffer.concat(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, path, name }) => join(parentPath ?? path, name))
      .filter((file) => file.startsWith(join(folder, 'storage')) || file.startsWith(join(folder, 'sessions.db')))
      .map((file) => readFileSync(file)),
  );

/** Bytes in base64 and base64url, at each offset in the encoded data. */
const spellings = (bytes) =>
  [0, 1, 2].flatMap((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes, Buffer.alloc(2)])
      .toString('base64')
      .slice(before && 4, -4);
    return [text, text.replaceAll('+', '-').replaceAll('/', '_')];
  });

/**
 * Asserts that the folder contains sessions, and none of the secrets (texts or bytes) in readable
 * form.
 */
export const holdsNone = (folder, secrets) => {
  const all = stored(folder);
  assert.ok(all.includes('oauth2.') && all.includes('.session'), 'there are sessions');
  for (const secret of secrets) {
    const bytes = Buffer.from(secret);
    for (const one of [bytes, ...spellings(bytes)]) assert.ok(!all.includes(one), 'a secret can be read on the disk');
  }
};
