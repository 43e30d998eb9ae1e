/** Text whose character codes are the bytes. Spreading a typed array takes five times as long. */
const characters = (bytes: Uint8Array): string => String.fromCharCode.apply(null, bytes as unknown as number[]);

/** Base64 (RFC 4648 section 4) of bytes of any length. */
export const base64 = (bytes: Uint8Array): string => {
  let text = '';
  // In parts, because engines limit the number of arguments of a call.
  for (let i = 0; i < bytes.length; i += 4096) text += characters(bytes.subarray(i, i + 4096));
  return btoa(text);
};

/** Base64url without padding (RFC 4648 section 5), as in all of JOSE (RFC 7515 section 2). */
export const base64url = (bytes: Uint8Array) => base64(bytes).replace(/=+$/, '').replaceAll('+', '-').replaceAll('/', '_');

/** The bytes of base64 text. */
export const unbase64 = (text: string) => {
  const plain = atob(text);
  const bytes = new Uint8Array(plain.length);
  // To make an array of an iterator takes ten times as long.
  for (let i = 0; i < plain.length; i++) bytes[i] = plain.charCodeAt(i);
  return bytes;
};

/** The bytes of base64url text (RFC 4648 section 5), with or without padding. */
export const unbase64url = (text: string) => unbase64(text.replaceAll('-', '+').replaceAll('_', '/'));

/** How many letters of base64url 33 bytes take. */
const DRAW = 44;

/**
 * A call for random bytes costs far more than the bytes themselves. So one call fills a pool, whose
 * bytes are encoded at once.
 */
const pool = new Uint8Array(DRAW * 93);
let used = pool.length;

/**
 * 33 random bytes in base64url (RFC 4648 section 5). The pool is filled at the first use, never at
 * import, where workerd refuses it. Letters that were given out are overwritten.
 */
export const entropy = (): string => {
  if (used === pool.length) {
    crypto.getRandomValues(pool).forEach((byte, i) => {
      const n = byte & 63;
      pool[i] = n < 26 ? n + 65 : n < 52 ? n + 71 : n < 62 ? n - 4 : n < 63 ? 45 : 95;
    });
    used = 0; // only after the pool is full
  }
  const slice = pool.subarray(used, (used += DRAW));
  const text = characters(slice);
  slice.fill(0);
  return text;
};
