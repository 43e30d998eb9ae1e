import { createPrivateKey, generateKeyPairSync } from 'node:crypto';

const encodings = { privateKeyEncoding: { type: 'pkcs8', format: 'pem' }, publicKeyEncoding: { type: 'spki', format: 'pem' } };

/**
 * A new private key as a JWK. It exports a key that was imported from text. When Node (at least 20)
 * exports a key that it has just generated, it holds a lock that the end of the generation also
 * needs, and it deadlocks if garbage is collected at that moment.
 */
export const newJwk = (type, options) => createPrivateKey(generateKeyPairSync(type, { ...options, ...encodings }).privateKey).export({ format: 'jwk' });
