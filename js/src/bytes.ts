/** Base64 (RFC 4648 section 4) of bytes of any length. */
export const base64 = (bytes: Uint8Array): string => {
  let text = '';
  // In parts, since engines limit the number of arguments of a call.
  for (let i = 0; i < bytes.length; i += 4096) text += String.fromCharCode(...bytes.subarray(i, i + 4096));
  return btoa(text);
};

/** Base64url without padding (RFC 4648 section 5), as all of JOSE has it (RFC 7515 section 2). */
export const base64url = (bytes: Uint8Array) => base64(bytes).replace(/=+$/, '').replaceAll('+', '-').replaceAll('/', '_');

/** The bytes of base64 text. */
export const unbase64 = (text: string) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

/** The bytes of base64url text (RFC 4648 section 5), with or without padding. */
export const unbase64url = (text: string) => unbase64(text.replaceAll('-', '+').replaceAll('_', '/'));

/** Asking the system for random bytes costs far more than the bytes do, so a pool of them is drawn at a time. */
const pool = new Uint8Array(4096);
let used = pool.length;

/**
 * 32 random bytes in base64url without padding (RFC 4648 section 5). Filled at the first use, never at import, where workerd
 * refuses it; what was handed out is wiped.
 */
export const entropy = (): string => {
  if (used === pool.length) {
    crypto.getRandomValues(pool);
    used = 0;
  }
  const slice = pool.subarray(used, (used += 32));
  const text = base64url(slice);
  slice.fill(0);
  return text;
};
