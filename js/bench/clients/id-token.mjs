// Row 4: the contenders of verifying an ID token. Each contender is one client and one algorithm.
import { createLocalJWKSet, jwtVerify } from 'jose';
import * as oauth from 'oauth4webapi';
import { openClient } from 'oauth2-wasm';
import { answer, config, issuer, network, replies } from './common.mjs';

export const setUp = network;

const kinds = {
  RS256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) },
  ES256: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  Ed25519: { name: 'Ed25519' },
};

const base64url = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replace(/=+$/, '')
    .replaceAll('+', '-')
    .replaceAll('/', '_');
const part = (value) => base64url(new TextEncoder().encode(JSON.stringify(value)));

/** Two tokens of one key, so that consecutive tokens differ, and one with the other's signature. */
const made = new Map();
const tokensOf = async (alg) => {
  if (made.has(alg)) return made.get(alg);
  const { publicKey, privateKey } = await crypto.subtle.generateKey(kinds[alg], true, ['sign', 'verify']);
  const iat = Math.floor(Date.now() / 1000);
  const sign = async (name) => {
    const input = `${part({ alg, kid: alg })}.${part({ iss: issuer, sub: 'alice', aud: config.client_id, iat, exp: iat + 3600, auth_time: iat, name })}`;
    return `${input}.${base64url(await crypto.subtle.sign(kinds[alg], privateKey, new TextEncoder().encode(input)))}`;
  };
  const tokens = [await sign('Alice'), await sign('Alice A.')];
  const jwk = { ...(await crypto.subtle.exportKey('jwk', publicKey)), kid: alg, alg, use: 'sig', key_ops: undefined, ext: undefined };
  const forged = tokens[0].slice(0, tokens[0].lastIndexOf('.')) + tokens[1].slice(tokens[1].lastIndexOf('.'));
  const all = { tokens, forged, publicKey, jwks: { keys: [jwk] }, jwks_uri: `${issuer}/jwks/${alg}` };
  replies[`/jwks/${alg}`] = JSON.stringify(all.jwks);
  made.set(alg, all);
  return all;
};

/** Each returns a function that verifies a token and returns its `sub`. */
const clients = {
  'oauth2-wasm': {
    does: 'The command set_token: claims and signature checked, the session with the token stored (in memory), answered with the claims.',
    make: async (alg, { jwks_uri }) => {
      const client = await openClient({ ...config, name: alg, jwks_uri, id_token_signed_response_alg: [alg] });
      return async (id_token) => (await client.setToken({ ...answer, id_token })).claims.sub;
    },
  },
  jose: {
    does: 'jwtVerify with a key set in memory, whose key is kept ready: signature, iss, aud, exp. The caller checks the rest.',
    make: async (alg, { jwks }) => {
      const keys = createLocalJWKSet(jwks);
      return async (token) => (await jwtVerify(token, keys, { issuer, audience: config.client_id, algorithms: [alg] })).payload.sub;
    },
  },
  oauth4webapi: {
    does:
      'An answer of the token endpoint with the token: read, claims checked, then validateApplicationLevelSignature, its key set kept. It makes a key of the ' +
      'JWK each time.',
    make: async (alg, { jwks_uri }) => {
      const as = { ...config, jwks_uri, id_token_signing_alg_values_supported: [alg] };
      const client = { client_id: config.client_id, id_token_signed_response_alg: alg };
      return async (id_token) => {
        const response = Response.json({ ...answer, id_token });
        const result = await oauth.processAuthorizationCodeResponse(as, client, response, { requireIdToken: true });
        await oauth.validateApplicationLevelSignature(as, response);
        return oauth.getValidatedIdTokenClaims(result).sub;
      };
    },
  },
  signature: {
    floor: true,
    does: 'No client: crypto.subtle.verify with a key made before, of bytes decoded before.',
    make: async (alg, { tokens, forged, publicKey }) => {
      const read = new Map(
        [...tokens, forged].map((token) => {
          const dot = token.lastIndexOf('.');
          const signature = Uint8Array.from(
            atob(
              token
                .slice(dot + 1)
                .replaceAll('-', '+')
                .replaceAll('_', '/'),
            ),
            (c) => c.charCodeAt(0),
          );
          return [token, { signature, input: new TextEncoder().encode(token.slice(0, dot)) }];
        }),
      );
      return async (token) => {
        const { signature, input } = read.get(token);
        return (await crypto.subtle.verify(kinds[alg], publicKey, signature, input)) && 'alice';
      };
    },
  },
};

export const contenders = Object.keys(kinds).flatMap((alg) =>
  Object.entries(clients).map(([name, { does, floor, make }]) => ({
    name: `${alg} ${name}`,
    group: alg,
    contender: name,
    does,
    floor,
    make: async () => {
      const all = await tokensOf(alg);
      const verify = await make(alg, all);
      const refused = await verify(all.forged).then(
        (sub) => sub !== 'alice',
        () => true,
      );
      if (!refused) throw new Error(`${name} takes a forged ${alg} token`);
      return { verify, tokens: all.tokens };
    },
  })),
);

export const measure = async ({ verify, tokens }, ms) => {
  const began = performance.now();
  let n = 0;
  let spent;
  do {
    if ((await verify(tokens[n++ % 2])) !== 'alice') throw new Error('not verified');
  } while ((spent = performance.now() - began) < ms);
  return { verify: (n / spent) * 1000 };
};
