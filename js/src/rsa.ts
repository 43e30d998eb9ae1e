import type { Named } from './algorithms.js';

/** The prefix of a digest in a PKCS #1 signature (RFC 8017 section 9.2, note 1). */
const prefixes: Record<string, string> = {
  'SHA-256': '3031300d060960864801650304020105000420',
  'SHA-384': '3041300d060960864801650304020205000430',
  'SHA-512': '3051300d060960864801650304020305000440',
};

const hexOf = (bytes: Iterable<number>) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
const bytesOf = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));

const power = (base: bigint, exponent: bigint, modulus: bigint): bigint => {
  let result = 1n;
  for (; exponent; exponent >>= 1n) {
    if (exponent & 1n) result = (result * base) % modulus;
    base = (base * base) % modulus;
  }
  return result;
};

type Hash = (bytes: Iterable<number>) => Promise<Uint8Array>;

/**
 * RFC 8017 section 9.1.2; the salt is as long as the hash (RFC 7518 section 3.5). The first `spare`
 * bits do not belong to the message.
 */
const isPSS = async (encoded: Uint8Array, spare: number, hash: Hash, digest: Uint8Array): Promise<boolean> => {
  const size = digest.length;
  const db = encoded.slice(0, -size - 1);
  const seal = encoded.slice(-size - 1, -1);
  const own = 0xff >> spare;
  if (encoded.at(-1) !== 0xbc || db[0]! & ~own) return false;
  const mask: number[] = []; // appendix B.2.1
  for (let count = 0; mask.length < db.length; count++) mask.push(...(await hash([...seal, 0, 0, count >> 8, count & 255])));
  db.forEach((byte, i) => (db[i] = byte ^ mask[i]!));
  db[0]! &= own;
  if (!/^(00)*01$/.test(hexOf(db.slice(0, -size)))) return false;
  return hexOf(await hash([...new Uint8Array(8), ...digest, ...db.slice(-size)])) === hexOf(seal);
};

/**
 * Verifies an RSA signature (RFC 8017 sections 8.1.2 and 8.2.2) if WebCrypto does not accept a
 * valid key: workerd accepts only the exponents 3 and 65537, Deno at most 4,096 bits. Nothing here
 * is secret, so it need not run in constant time.
 */
export const verifyRSA = async ({ name, hash: of }: Named, n: Uint8Array, e: Uint8Array, signature: Uint8Array, input: Uint8Array): Promise<boolean> => {
  const hash: Hash = async (bytes) => new Uint8Array(await crypto.subtle.digest(of!, Uint8Array.from(bytes)));
  const [modulus, exponent, number] = [n, e, signature].map((bytes) => BigInt(`0x0${hexOf(bytes)}`)) as [bigint, bigint, bigint];
  if (signature.length !== n.length || number >= modulus) return false;
  const message = power(number, exponent, modulus)
    .toString(16)
    .padStart(2 * n.length, '0');
  const digest = await hash(input);
  if (name === 'RSA-PSS') {
    const bits = modulus.toString(2).length - 1;
    const octets = Math.ceil(bits / 8);
    const front = message.slice(0, -2 * octets);
    return !+`0x0${front}` && isPSS(bytesOf(message.slice(-2 * octets)), 8 * octets - bits, hash, digest);
  }
  const info = prefixes[of!] + hexOf(digest);
  return message === `0001${'ff'.repeat(n.length - info.length / 2 - 3)}00${info}`;
};
