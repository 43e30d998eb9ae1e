// What a Guard accepts and refuses, on any runtime: with real keys, and an authorization server
// that is a function.
import { tally } from './tally.js';

const b64 = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/[+/=]/g, (c) => ({ '+': '-', '/': '_', '=': '' })[c]);
const utf8 = (text) => new TextEncoder().encode(text);
const part = (value) => b64(utf8(JSON.stringify(value)));
const sha256 = async (text) => b64(await crypto.subtle.digest('SHA-256', typeof text === 'string' ? utf8(text) : text));
const seconds = () => Math.floor(Date.now() / 1000);

const ALGORITHMS = {
  RS256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) },
  ES256: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
};

/** A pair of keys that signs JWTs. */
export const signer = async (alg, kid) => {
  const { publicKey, privateKey } = await crypto.subtle.generateKey(ALGORITHMS[alg], true, ['sign', 'verify']);
  const { kty, crv, x, y, n, e } = await crypto.subtle.exportKey('jwk', publicKey);
  const jwk = JSON.parse(JSON.stringify({ crv, e, kty, n, x, y }));
  const sign = async (header, claims) => {
    const input = `${part(header)}.${part(claims)}`;
    return `${input}.${b64(await crypto.subtle.sign(ALGORITHMS[alg], privateKey, utf8(input)))}`;
  };
  return {
    alg,
    jwk: { ...jwk, alg, ...(kid && { kid }) },
    sign,
    thumbprint: await sha256(JSON.stringify(jwk)),
    /** A DPoP proof. */
    proof: async (method, url, token, claims = {}, header = {}) =>
      sign({ typ: 'dpop+jwt', alg, jwk, ...header }, { htm: method, htu: url, iat: seconds(), jti: crypto.randomUUID(), ath: await sha256(token), ...claims }),
  };
};

const ISSUER = 'https://as.example';
const RESOURCE = 'https://api.example/notes';

const json = (value, status = 200) => new Response(JSON.stringify(value), { status, headers: { 'content-type': 'application/json' } });

/** An authorization server as a function, which counts its requests. */
const server = (keys) => {
  const asked = { jwks: 0, introspect: 0 };
  const tokens = new Map();
  const fetch = async (input, init) => {
    const { pathname } = new URL(input);
    await new Promise((resolve) => setTimeout(resolve)); // later, like an answer of a network
    if (pathname === '/.well-known/oauth-authorization-server')
      return json({ issuer: ISSUER, jwks_uri: `${ISSUER}/jwks`, introspection_endpoint: `${ISSUER}/introspect` });
    if (pathname === '/jwks') return (asked.jwks++, json({ keys: keys.map(({ jwk }) => jwk) }));
    if (pathname === '/introspect') return (asked.introspect++, json(tokens.get(new URLSearchParams(init.body).get('token')) ?? { active: false }));
    return json({}, 404);
  };
  return { asked, tokens, fetch };
};

/**
 * @param {object} library `oauth2-wasm/resource`, as this runtime finds it
 * @param {object} [module] oauth2-edge.wasm, if the package cannot find it
 */
export const runGuard = async ({ Guard, memoryReplays }, module) => {
  const [rsa, ec, evil, own] = await Promise.all([signer('RS256', 'rsa'), signer('ES256', 'ec'), signer('RS256', 'rsa'), signer('ES256')]);
  const claims = (changes) => ({
    iss: ISSUER,
    sub: 'u1',
    aud: RESOURCE,
    client_id: 'app',
    scope: 'read',
    iat: seconds(),
    exp: seconds() + 600,
    jti: crypto.randomUUID(),
    ...changes,
  });
  const header = { typ: 'at+jwt', alg: 'RS256', kid: 'rsa' };
  const token = (changes) => rsa.sign(header, claims(changes));
  const bound = () => token({ cnf: { jkt: own.thumbprint } });
  const asking = (headers, method = 'GET', url = RESOURCE) => new Request(url, { method, headers });
  const open = (config, options) => {
    const as = server([rsa, ec]);
    const guard = new Guard(
      { resource: RESOURCE, authorization_servers: [{ issuer: ISSUER, client_id: 'notes', client_secret: 'of the resource' }], ...config },
      { fetch: as.fetch, ...(module && { module }), ...options },
    );
    return { ...as, guard, check: (headers, given, ...rest) => guard.check(asking(headers, ...rest), given) };
  };
  const want = (ok, verdict) => {
    if (!ok) throw new Error(JSON.stringify({ ...verdict, status: verdict?.response?.status, challenge: verdict?.response?.headers.get('www-authenticate') }));
  };
  const allowed = (verdict) => want(verdict.allowed, verdict);
  const refused = (verdict, status, error, code) => {
    const challenge = verdict.response?.headers.get('www-authenticate') ?? '';
    want(!verdict.allowed && verdict.response.status === status && verdict.reason.code === code && (!error || challenge.includes(`error="${error}"`)), verdict);
  };

  return tally(
    [
      {
        name: 'R1 R8 a JWT is let in, and the keys are fetched once for many',
        run: async () => {
          const { check, asked } = open();
          const at = await token();
          const verdicts = await Promise.all(Array.from({ length: 20 }, () => check({ authorization: `Bearer ${at}` })));
          verdicts.forEach(allowed);
          want(verdicts[0].claims.sub === 'u1' && verdicts[0].scheme === 'Bearer' && verdicts[0].issuer === ISSUER, verdicts[0]);
          allowed(await check({ authorization: `Bearer ${await ec.sign({ typ: 'at+jwt', alg: 'ES256', kid: 'ec' }, claims())}` }));
          if (asked.jwks !== 1) throw new Error(`keys fetched ${asked.jwks} times`);
        },
      },
      {
        name: 'R4 R5 what an attacker would send is refused',
        run: async () => {
          const { check } = open();
          const none = `${part({ ...header, alg: 'none' })}.${part(claims())}.`;
          const at = await token();
          const [h, , s] = at.split('.');
          for (const [bad, code] of [
            [none, 'alg_not_allowed'],
            [`${part({ ...header, alg: 'HS256' })}.${part(claims())}.${s}`, 'alg_not_allowed'],
            [await evil.sign(header, claims()), 'bad_signature'],
            [await evil.sign({ ...header, kid: 'evil', jwk: evil.jwk }, claims()), 'unknown_key'],
            [await evil.sign({ ...header, kid: 'evil', jku: 'https://evil.example/jwks' }, claims()), 'unknown_key'],
            [await rsa.sign({ ...header, crit: ['exp'] }, claims()), 'malformed'],
            [await rsa.sign({ ...header, typ: 'JWT' }, claims()), 'wrong_type'],
            [`${h}.${part(claims({ sub: 'admin' }))}.${s}`, 'bad_signature'],
            [await token({ aud: 'https://other.example' }), 'wrong_claim'],
            [await token({ iss: 'https://evil.example' }), 'wrong_claim'],
            [await token({ exp: seconds() - 31 }), 'expired'],
            [await token({ nbf: seconds() + 600 }), 'not_yet'],
          ]) {
            refused(await check({ authorization: `Bearer ${bad}` }), 401, 'invalid_token', code);
          }
        },
      },
      {
        name: 'R2 R3 a token counts in one place',
        run: async () => {
          const { check } = open();
          const at = await token();
          refused(await check({}), 401, '', 'missing_token');
          refused(await check({}, {}, 'GET', `${RESOURCE}?access_token=${at}`), 401, '', 'missing_token');
          refused(await check({ authorization: `Bearer ${at}` }, {}, 'GET', `${RESOURCE}?access_token=${at}`), 400, 'invalid_request', 'several_tokens');
          const two = new Headers([
            ['authorization', `Bearer ${at}`],
            ['authorization', `Bearer ${at}`],
          ]);
          refused(await check(two), 400, 'invalid_request', 'malformed_header');
        },
      },
      {
        name: 'R20 R21 a proof is needed, and counts once, in all processes of one store',
        run: async () => {
          const replays = memoryReplays();
          const [a, b] = [open({}, { replays }), open({}, { replays })];
          const at = await bound();
          const send = async ({ check }, proof) => check({ authorization: `DPoP ${at}`, dpop: proof });
          const proof = await own.proof('GET', RESOURCE, at);
          allowed(await send(a, proof));
          refused(await send(a, proof), 401, 'invalid_dpop_proof', 'replayed');
          refused(await send(b, proof), 401, 'invalid_dpop_proof', 'replayed');
          const next = await own.proof('GET', RESOURCE, at);
          const once = await Promise.all(Array.from({ length: 10 }, (_, n) => send(n % 2 ? a : b, next)));
          if (once.filter((verdict) => verdict.allowed).length !== 1) throw new Error('more than once');
          refused(await a.check({ authorization: `Bearer ${at}` }), 401, 'invalid_token', 'proof_needed');
          refused(await send(a, await own.proof('POST', RESOURCE, at)), 401, 'invalid_dpop_proof', 'wrong_claim');
          refused(await send(a, await own.proof('GET', `${RESOURCE}/1`, at)), 401, 'invalid_dpop_proof', 'wrong_claim');
          refused(await send(a, await own.proof('GET', RESOURCE, 'other')), 401, 'invalid_dpop_proof', 'wrong_claim');
          refused(await send(a, await own.proof('GET', RESOURCE, at, { iat: seconds() + 120 })), 401, 'invalid_dpop_proof', 'untimely');
          refused(await send(a, await ec.proof('GET', RESOURCE, at)), 401, 'invalid_token', 'wrong_key');
          refused(await send(a, await ec.proof('GET', RESOURCE, at, {}, { jwk: own.jwk })), 401, 'invalid_dpop_proof', 'bad_signature');
          const double = new Headers({ authorization: `DPoP ${at}`, dpop: await own.proof('GET', RESOURCE, at) });
          double.append('dpop', await own.proof('GET', RESOURCE, at));
          refused(await a.check(double), 401, 'invalid_dpop_proof', 'malformed');
        },
      },
      {
        name: 'R22 R54 a proof that cannot be noted is refused',
        run: async () => {
          const heard = [];
          const { check } = open({}, { replays: memoryReplays(1), onError: (error) => heard.push(error) });
          const at = await bound();
          const send = async () => check({ authorization: `DPoP ${at}`, dpop: await own.proof('GET', RESOURCE, at) });
          allowed(await send());
          refused(await send(), 503, '', 'storage');
          if (heard.length !== 1) throw new Error('nobody heard');
        },
      },
      {
        name: 'R24 a nonce of our own making, known to each who has the key',
        run: async () => {
          const config = { dpop_nonce: true, dpop: 'required', nonce_keys: ['a'.repeat(42) + 'Q'] };
          const [a, b] = [open(config), open(config)];
          const at = await bound();
          const first = await a.check({ authorization: `DPoP ${at}`, dpop: await own.proof('GET', RESOURCE, at) });
          refused(first, 401, 'use_dpop_nonce', 'nonce');
          const nonce = first.response.headers.get('dpop-nonce');
          allowed(await b.check({ authorization: `DPoP ${at}`, dpop: await own.proof('GET', RESOURCE, at, { nonce }) }));
        },
      },
      {
        name: 'R12 R13 R14 scope and step-up, with the challenge',
        run: async () => {
          const { check } = open();
          const authorization = `Bearer ${await token({ acr: 'silver', auth_time: seconds() - 100 })}`;
          allowed(await check({ authorization }, { scope: 'read', acr_values: 'silver gold', max_age: 3600 }));
          refused(await check({ authorization }, { scope: 'read write' }), 403, 'insufficient_scope', 'insufficient_scope');
          refused(await check({ authorization }, { acr_values: 'gold' }), 401, 'insufficient_user_authentication', 'wrong_claim');
          const late = await check({ authorization }, { max_age: 10 });
          refused(late, 401, 'insufficient_user_authentication', 'wrong_claim');
          want(late.response.headers.get('www-authenticate').includes('max_age="10"'), late);
        },
      },
      {
        name: 'R40 R41 R42 an opaque token is introspected, once for many',
        run: async () => {
          const { check, tokens, asked } = open();
          tokens.set('opaque', { active: true, sub: 'u2', aud: RESOURCE, client_id: 'app', scope: 'read' });
          for (const verdict of await Promise.all(Array.from({ length: 10 }, () => check({ authorization: 'Bearer opaque' })))) allowed(verdict);
          tokens.clear();
          allowed(await check({ authorization: 'Bearer opaque' }));
          refused(await check({ authorization: 'Bearer other' }), 401, 'invalid_token', 'inactive');
          if (asked.introspect !== 2) throw new Error(`asked ${asked.introspect} times`);
        },
      },
      {
        name: 'R10 a server that cannot be reached is no verdict',
        run: async () => {
          const { check } = open({}, { fetch: () => Promise.reject(new TypeError('no network')) });
          refused(await check({ authorization: `Bearer ${await token()}` }), 503, '', 'network');
        },
      },
      {
        name: 'R30 R31 a token is held to its certificate, and a header counts from a listed proxy',
        run: async () => {
          const der = utf8('the certificate');
          const x5t = await sha256(der);
          const base64 = btoa(String.fromCharCode(...der));
          const { check } = open({ certificates: true, certificate_header: 'client-cert', proxies: ['10.0.0.0/8'] });
          const authorization = `Bearer ${await token({ cnf: { 'x5t#S256': x5t } })}`;
          allowed(await check({ authorization }, { certificate: base64 }));
          allowed(await check({ authorization, 'client-cert': `:${base64}:` }, { peer: '10.1.2.3' }));
          refused(await check({ authorization, 'client-cert': `:${base64}:` }, { peer: '11.1.2.3' }), 401, 'invalid_token', 'wrong_certificate');
          refused(await check({ authorization }), 401, 'invalid_token', 'wrong_certificate');
        },
      },
      {
        name: 'R15 the document of RFC 9728',
        run: async () => {
          const { guard } = open({ metadata: { resource_name: 'Notes' } });
          const { url, metadata } = await guard.metadata();
          want(url === 'https://api.example/.well-known/oauth-protected-resource/notes' && metadata.resource_name === 'Notes', metadata);
          const response = await guard.respond(new Request(url));
          want((await response.json()).resource === RESOURCE && !(await guard.respond(asking({}))), metadata);
        },
      },
      {
        name: 'R50 a configuration that is refused names the member',
        run: async () => {
          const error = await open({ dpop: 'never' })
            .guard.ready()
            .then(
              () => undefined,
              (error) => error,
            );
          if (error?.field !== 'dpop' || error.code !== 'bad_value') throw new Error(String(error));
        },
      },
      {
        name: 'R52 giants are refused, and the next request is answered',
        run: async () => {
          const { guard, check } = open();
          for (const n of [17 << 10, 300 << 10, 2 << 20]) {
            const authorization = `Bearer ${'a.'.repeat(n / 2)}`;
            const verdict = await guard.check({ method: 'GET', url: RESOURCE, headers: { get: (name) => (name === 'authorization' ? authorization : null) } });
            want(!verdict.allowed && [401, 431].includes(verdict.response.status), verdict);
          }
          allowed(await check({ authorization: `Bearer ${await token()}` }));
        },
      },
      {
        name: 'R51 a Guard that was closed checks nothing, nor what came just before',
        run: async () => {
          const { guard, check, asked } = open();
          const authorization = `Bearer ${await token()}`;
          const code = (work) => work.then(String, (error) => error.code);
          const starting = code(check({ authorization }));
          guard.close();
          for (const work of [starting, code(check({ authorization })), code(guard.ready()), code(guard.metadata())]) {
            const came = await work;
            if (came !== 'closed' || asked.jwks) throw new Error(`${came}, ${asked.jwks} requests`);
          }
        },
      },
      {
        name: 'R45 checks that are alone, as in Workers',
        run: async () => {
          const { check, asked } = open({ alone: true });
          const at = await token();
          (await Promise.all(Array.from({ length: 5 }, () => check({ authorization: `Bearer ${at}` })))).forEach(allowed);
          const before = asked.jwks;
          for (let n = 0; n < 20; n++) allowed(await check({ authorization: `Bearer ${at}` }));
          if (asked.jwks !== before) throw new Error('asked again');
        },
      },
    ],
    ({ run }) => run(),
  );
};
