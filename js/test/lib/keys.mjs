import { createPrivateKey, generateKeyPairSync } from 'node:crypto';

const encodings = { privateKeyEncoding: { type: 'pkcs8', format: 'pem' }, publicKeyEncoding: { type: 'spki', format: 'pem' } };

/**
 * A new private key as a JWK. What is exported is a key that was read from text: while Node (20 at
 * least) exports one that it has just made, it holds a lock that the end of that making wants too,
 * and stands still for ever where memory is collected just then.
 */
export const newJwk = (type, options) => createPrivateKey(generateKeyPairSync(type, { ...options, ...encodings }).privateKey).export({ format: 'jwk' });
