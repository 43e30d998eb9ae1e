// Row 9: the contenders of checking a JWT access token, and one with its DPoP proof. Each returns a
// function from a request to its user.
import { createLocalJWKSet, jwtVerify } from 'jose';
import * as oauth from 'oauth4webapi';
import { Guard } from 'oauth2-wasm/resource';
import { issuer, network, replies } from './common.mjs';

export const setUp = network;

const resource = 'https://api.example/notes';
const kinds = {
  RS256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) },
  ES256: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
};

const base64url = (bytes) => Buffer.from(bytes).toString('base64url');
const part = (value) => base64url(JSON.stringify(value));
const pair = (alg) => crypto.subtle.generateKey(kinds[alg], true, ['sign', 'verify']);
const jwkOf = async ({ publicKey }) => {
  const { kty, crv, x, y, n, e } = await crypto.subtle.exportKey('jwk', publicKey);
  return JSON.parse(JSON.stringify({ crv, e, kty, n, x, y }));
};
const sha256 = async (text) => base64url(await crypto.subtle.digest('SHA-256', Buffer.from(text)));
const signer =
  (alg, { privateKey }) =>
  async (header, claims) => {
    const input = `${part(header)}.${part(claims)}`;
    return `${input}.${base64url(await crypto.subtle.sign(kinds[alg], privateKey, Buffer.from(input)))}`;
  };

/**
 * Requests with two tokens of one key, so that consecutive tokens differ, and one with the other's
 * signature; or each with its own proof.
 */
const made = new Map();
const worldOf = async (group) => {
  if (made.has(group)) return made.get(group);
  const alg = group.split(' ')[0];
  const keys = await pair(alg);
  const sign = signer(alg, keys);
  const now = Math.floor(Date.now() / 1000);
  const own = await pair('ES256');
  const jwk = await jwkOf(own);
  const bound = group.endsWith('DPoP') && { cnf: { jkt: await sha256(JSON.stringify(jwk)) } };
  const token = (jti) =>
    sign(
      { typ: 'at+jwt', alg, kid: alg },
      { iss: issuer, sub: 'alice', aud: resource, client_id: 'app', scope: 'read', iat: now, exp: now + 3600, jti, ...bound },
    );
  const tokens = [await token('1'), await token('2')];
  const jwks = { keys: [{ ...(await jwkOf(keys)), kid: alg, alg, use: 'sig' }] };
  const path = `/jwks/${group.replace(' ', '-')}`;
  replies[path] = JSON.stringify(jwks);
  const prove = signer('ES256', own);
  const proof = async (access) =>
    prove(
      { typ: 'dpop+jwt', alg: 'ES256', jwk },
      { jti: crypto.randomUUID(), htm: 'GET', htu: resource, iat: Math.floor(Date.now() / 1000), ath: await sha256(access) },
    );
  const asking = async (access) =>
    new Request(resource, { headers: bound ? { authorization: `DPoP ${access}`, dpop: await proof(access) } : { authorization: `Bearer ${access}` } });
  const cut = tokens.map((text) => text.lastIndexOf('.'));
  const all = { alg, jwks, jwks_uri: issuer + path, tokens, asking, forged: await asking(tokens[0].slice(0, cut[0]) + tokens[1].slice(cut[1])) };
  made.set(group, all);
  return all;
};

const clients = {
  'oauth2-wasm': {
    does: 'Guard.check: all of RFC 9068 section 4, the scope, and of a proof all of RFC 9449 section 4.3, each once.',
    make: ({ jwks_uri }) => {
      const guard = new Guard({ resource, authorization_servers: [{ issuer, jwks_uri }], scope: 'read' });
      return async (request) => (await guard.check(request)).claims?.sub;
    },
  },
  oauth4webapi: {
    does: "validateJwtAccessToken, its key set kept: claims, signature, of a proof all but that it came before. It makes a key of the JWK each time. Scope is the caller's.",
    make: ({ jwks_uri, alg }) => {
      const as = { issuer, jwks_uri }; // under which its key set is cached
      return async (request) => (await oauth.validateJwtAccessToken(as, request, resource, { signingAlgorithms: [alg, 'ES256'] })).sub;
    },
  },
  jose: {
    bare: true,
    does: "jwtVerify with a key set in memory, whose key is kept ready: signature, iss, aud, exp, typ. The rest is the caller's.",
    make: ({ jwks, alg }) => {
      const keys = createLocalJWKSet(jwks);
      return async (request) =>
        (await jwtVerify(request.headers.get('authorization').slice(7), keys, { issuer, audience: resource, typ: 'at+jwt', algorithms: [alg] })).payload.sub;
    },
  },
};

export const contenders = ['RS256', 'ES256', 'ES256 DPoP'].flatMap((group) =>
  Object.entries(clients)
    .filter(([, { bare }]) => !bare || !group.endsWith('DPoP'))
    .map(([name, { does, make }]) => ({
      name: `${group} ${name}`,
      group,
      contender: name,
      does,
      make: async () => {
        const world = await worldOf(group);
        const check = make(world);
        const refused = await check(world.forged).then(
          (sub) => sub !== 'alice',
          () => true,
        );
        if (!refused) throw new Error(`${name} takes a forged ${group} token`);
        return { check, world };
      },
    })),
);

/** How many requests are prepared in advance, because a proof needs a signature. */
const BATCH = 200;

export const measure = async ({ check, world: { asking, tokens } }, ms) => {
  let n = 0;
  let spent = 0;
  do {
    const requests = await Promise.all(Array.from({ length: BATCH }, (_, i) => asking(tokens[i % 2])));
    const began = performance.now();
    for (const request of requests) if ((await check(request)) !== 'alice') throw new Error('not let in');
    spent += performance.now() - began;
    n += BATCH;
  } while (spent < ms);
  return { check: (n / spent) * 1000 };
};
