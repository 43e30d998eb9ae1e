// RSA signatures that a runtime's WebCrypto does not verify (S77): with the same results as
// node:crypto.
import assert from 'node:assert/strict';
import { constants, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { join } from 'node:path';
import { test } from 'node:test';
import { build } from 'esbuild';
import { root } from './lib/installed.mjs';

const { outputFiles } = await build({ entryPoints: [join(root, 'js/src/rsa.ts')], bundle: true, format: 'esm', write: false });
const { verifyRSA } = await import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`);

const input = Buffer.from('header.claims');
const paddings = { 'RSASSA-PKCS1-v1_5': {}, 'RSA-PSS': { padding: constants.RSA_PKCS1_PSS_PADDING } };

for (const modulusLength of [2048, 2049, 2055]) // with 2,049 the encoded message of PSS is an octet shorter
  for (const publicExponent of [3, 65537, 4294967291])
    test(`S77 ${modulusLength} bits, exponent ${publicExponent}`, async () => {
      const [publicKeyEncoding, privateKeyEncoding] = ['spki', 'pkcs8'].map((type) => ({ type, format: 'pem' }));
      const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength, publicExponent, publicKeyEncoding, privateKeyEncoding });
      const jwk = createPublicKey(publicKey).export({ format: 'jwk' });
      const [n, e] = [jwk.n, jwk.e].map((text) => Buffer.from(text, 'base64url'));
      for (const [name, padding] of Object.entries(paddings))
        for (const bits of [256, 384, 512]) {
          const options = { ...padding, saltLength: bits / 8 };
          const good = sign(`sha${bits}`, input, { key: privateKey, ...options });
          const judged = async (signature, text = input) => {
            const ours = await verifyRSA({ name, hash: `SHA-${bits}` }, n, e, signature, text);
            assert.equal(ours, verify(`sha${bits}`, text, { key: publicKey, ...options }, signature), `${name} ${bits}`);
            return ours;
          };
          assert.equal(await judged(good), true);
          for (const at of [0, 1, good.length >> 1, good.length - 1]) {
            const other = Buffer.from(good);
            other[at] ^= 1;
            assert.equal(await judged(other), false);
          }
          assert.equal(await judged(good, Buffer.from('other')), false);
          // OpenSSL accepts PSS without the leading zeros; RFC 8017 section 8.1.2 does not.
          assert.equal(await verifyRSA({ name, hash: `SHA-${bits}` }, n, e, good.subarray(1), input), false);
          assert.equal(await judged(Buffer.concat([Buffer.alloc(1), good])), false);
          assert.equal(await judged(Buffer.alloc(good.length)), false);
          assert.equal(await judged(Buffer.alloc(good.length, 255)), false);
          if (name === 'RSA-PSS') assert.equal(await judged(sign(`sha${bits}`, input, { key: privateKey, ...padding, saltLength: 20 })), false);
        }
    });
