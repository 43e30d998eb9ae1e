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
 * More tokens than a Guard remembers (core/resource, maxCached). A Guard that gets them in turn has
 * not seen the next one lately.
 */
const MANY = 1100;

/**
 * Requests with tokens of one key, and one with the signature of another; or two tokens, and each
 * request with its own proof.
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
  const tokens = await Promise.all(Array.from({ length: bound ? 2 : MANY }, (_, i) => token(String(i))));
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
  const cut = tokens.slice(0, 2).map((text) => text.lastIndexOf('.'));
  const all = { alg, jwks, jwks_uri: issuer + path, tokens, asking, forged: await asking(tokens[0].slice(0, cut[0]) + tokens[1].slice(cut[1])) };
  made.set(group, all);
  return all;
};

const ours = ({ jwks_uri }) => {
  const guard = new Guard({ resource, authorization_servers: [{ issuer, jwks_uri }], scope: 'read' });
  return async (request) => (await guard.check(request)).claims?.sub;
};

const does = 'Guard.check: all of RFC 9068 section 4, the scope, and of a proof all of RFC 9449 section 4.3, each once';
const clients = {
  'oauth2-wasm, a token seen for the first time': { bare: true, does: `${does}.`, make: ours },
  'oauth2-wasm, a token seen before': { again: true, does: `${does}; but the signature of the access token was verified up to a minute before.`, make: ours },
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
    .map(([name, { does, make, again }]) => ({
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
        return { check, world, tokens: again ? world.tokens.slice(0, 2) : world.tokens, next: 0 };
      },
    })),
);

/** How many requests are prepared in advance, because a proof needs a signature. */
const BATCH = 200;

/**
 * Checks a second of wall time and, for machines that are busy, of the processor time of all
 * threads.
 */
export const measure = async (contender, ms) => {
  const { check, world, tokens } = contender;
  let n = 0;
  let spent = 0;
  let busy = 0;
  do {
    const requests = await Promise.all(Array.from({ length: BATCH }, () => world.asking(tokens[contender.next++ % tokens.length])));
    const [began, before] = [performance.now(), process.cpuUsage()];
    for (const request of requests) if ((await check(request)) !== 'alice') throw new Error('not let in');
    const { user, system } = process.cpuUsage(before);
    spent += performance.now() - began;
    busy += (user + system) / 1000;
    n += BATCH;
  } while (spent < ms);
  return { check: (n / spent) * 1000, cpu: (n / busy) * 1000 };
};
