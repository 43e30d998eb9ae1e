// A protected resource that accepts bearer tokens (RFC 6750) and tokens bound to a key (RFC 9449),
// and publishes its metadata (RFC 9728).
//
// GET or POST anything: 200 and what it knows about the token. A token that is bound to a key needs
// a proof for this request, with the last nonce of the resource; each nonce is valid for three
// requests. /strong requires a stronger sign-in than any token has (RFC 9470).
import { createHash, createPublicKey, randomUUID, verify } from 'node:crypto';
import { createServer } from 'node:http';

const USES = 3;
/** How old a proof may be, in seconds. */
const AGE = 60;

const sha256 = (text) => createHash('sha256').update(text).digest('base64url');
const json = (part) => JSON.parse(Buffer.from(part, 'base64url'));

/** RFC 7638 section 3. */
const thumbprint = ({ crv, e, kty, n, x, y }) => sha256(JSON.stringify({ crv, e, kty, n, x, y }));

/** How node:crypto verifies an algorithm of RFC 7518 section 3.1. */
const verifies = (alg, key, input, signature) => {
  if (key.asymmetricKeyType === 'ed25519') return ['EdDSA', 'Ed25519'].includes(alg) && verify(null, input, key, signature);
  const [, family, bits] = /^([RPE]S)(256|384|512)$/.exec(alg);
  const options = family === 'ES' ? { dsaEncoding: 'ieee-p1363' } : family === 'PS' ? { padding: 6, saltLength: bits / 8 } : {};
  return verify(`sha${bits}`, input, { key, ...options }, signature);
};

/** What is wrong with a proof (RFC 9449 section 4.3); undefined if it is valid. */
const proofFault = ({ proof, method, url, token, jkt, nonce, seen }) => {
  let header, claims;
  try {
    const [head, payload, signature] = proof.split('.');
    [header, claims] = [json(head), json(payload)];
    const key = createPublicKey({ key: header.jwk, format: 'jwk' });
    if (!verifies(header.alg, key, Buffer.from(`${head}.${payload}`), Buffer.from(signature, 'base64url'))) return 'signature';
  } catch {
    return 'unreadable';
  }
  if (header.typ !== 'dpop+jwt') return 'typ';
  if (['d', 'p', 'q', 'k'].some((name) => name in header.jwk)) return 'private key';
  if (thumbprint(header.jwk) !== jkt) return 'another key';
  if (claims.htm !== method || claims.htu !== url) return 'another request';
  if (claims.ath !== sha256(token)) return 'another token';
  if (Math.abs(Date.now() / 1000 - claims.iat) > AGE) return 'age';
  if (typeof claims.jti !== 'string' || seen.has(claims.jti)) return 'replayed';
  if (claims.nonce !== nonce) return 'nonce';
  seen.add(claims.jti);
};

/** Pages may send requests, and may read the challenges in answers. */
const headers = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'GET, POST',
  'access-control-allow-headers': 'authorization, dpop, content-type',
  'access-control-expose-headers': 'dpop-nonce, www-authenticate',
  'content-type': 'application/json',
};

/**
 * @param {string} issuer whose tokens it accepts
 * @param {(token: string) => Promise<object | undefined>} find returns what is known about an
 * access token
 * @returns {Promise<string>} its URL
 */
export const protectedResource = async (issuer, find) => {
  const seen = new Set();
  let nonce = randomUUID();
  let left = USES;
  const server = createServer({ keepAliveTimeout: 0 }, async (request, response) => {
    const { pathname, origin } = new URL(request.url, base);
    const end = (status, body, more) => response.writeHead(status, { ...headers, ...more }).end(body && JSON.stringify(body));
    if (request.method === 'OPTIONS') return end(204);
    // RFC 9728 section 3.1.
    const about = '/.well-known/oauth-protected-resource';
    if (pathname === about) return end(200, { resource: origin, authorization_servers: [issuer], dpop_signing_alg_values_supported: ['ES256'] });
    const refuse = (scheme, parameters, more) =>
      end(401, parameters, {
        'www-authenticate': `${scheme} ${Object.entries({ ...parameters, resource_metadata: origin + about })
          .map(([name, value]) => `${name}="${value}"`)
          .join(', ')}`,
        ...more,
      });
    const [, scheme = '', text = ''] = /^(\S+) (\S+)$/.exec(request.headers.authorization ?? '') ?? [];
    const token = text && (await find(text));
    if (!token?.isValid || (token.aud && token.aud !== origin)) return refuse(token?.jkt ? 'DPoP' : 'Bearer', text && { error: 'invalid_token' });
    const more = {};
    if (token.jkt) {
      if (scheme.toLowerCase() !== 'dpop') return refuse('DPoP', { error: 'invalid_token', error_description: 'it is bound to a key' });
      const fault = proofFault({ proof: request.headers.dpop, method: request.method, url: origin + pathname, token: text, jkt: token.jkt, nonce, seen });
      if (fault === 'nonce') return refuse('DPoP', { error: 'use_dpop_nonce' }, { 'dpop-nonce': nonce });
      if (fault) return refuse('DPoP', { error: 'invalid_dpop_proof', error_description: fault });
      if (--left === 0) {
        [nonce, left] = [randomUUID(), USES];
        more['dpop-nonce'] = nonce;
      }
    } else if (scheme.toLowerCase() !== 'bearer') return refuse('Bearer', { error: 'invalid_token' });
    if (pathname === '/strong') return refuse(scheme, { error: 'insufficient_user_authentication', acr_values: 'urn:test:strong', max_age: 5 }, more);
    end(200, { sub: token.accountId, client_id: token.clientId, scope: token.scope, aud: token.aud, scheme, jkt: token.jkt }, more);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${server.address().port}`;
  return base;
};
