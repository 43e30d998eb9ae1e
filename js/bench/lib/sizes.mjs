import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { root } from '../../test/lib/installed.mjs';

const kept = join(root, 'build/bench/sizes');

/**
 * Raw, gzip -9 and brotli -q 11, in bytes. Cached by content, because brotli takes half a minute
 * for ten megabytes.
 */
export const sizes = (bytes) => {
  const file = join(kept, createHash('sha256').update(bytes).digest('hex') + '.json');
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8'));
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  const made = { raw: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length, brotli: brotliCompressSync(bytes, { params }).length };
  mkdirSync(kept, { recursive: true });
  writeFileSync(file, JSON.stringify(made));
  return made;
};
