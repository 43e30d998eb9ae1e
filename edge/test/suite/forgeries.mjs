// More forged logout tokens than in logout.mjs: in their form, header, claims and signature.
import assert from 'node:assert/strict';
import { createPrivateKey, randomBytes, sign } from 'node:crypto';
import { after, before, test } from 'node:test';
import { jwt, newKey } from '../lib/jwt.mjs';
import { send } from '../lib/visitor.mjs';
import { world } from '../lib/world.mjs';

const event = 'http://schemas.openid.net/event/backchannel-logout';
const encode = (text) => Buffer.from(text).toString('base64url');

export default (host) => {
  let w;
  const key = newKey();
  let kid;
  before(async () => {
    w = await world(host, { signingKey: key });
    kid = (await (await fetch(w.metadata.jwks_uri)).json()).keys[0].kid;
  });
  after(() => w?.stop());

  const post = (form, headers) => {
    const body = typeof form === 'string' ? form : String(new URLSearchParams(form));
    return send(w.url, '/auth/backchannel_logout', {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', 'content-length': Buffer.byteLength(body), ...headers },
      body,
    });
  };

  test(`${host.name}: a logout token that is forged in its form, head, claims or signature ends nothing; the same without a fault does (S120, X10)`, async () => {
    const visitor = w.visitor();
    await visitor.signIn();
    const { sid, sub } = (await visitor.session()).json.claims;
    const now = Math.floor(Date.now() / 1000);
    const claims = (more) => ({
      iss: w.issuer,
      aud: w.given.config.client.client_id,
      iat: now,
      exp: now + 120,
      jti: randomBytes(8).toString('hex'),
      events: { [event]: {} },
      sid,
      sub,
      ...more,
    });
    const head = { alg: 'ES256', typ: 'logout+jwt', kid };
    const signed = (more, header = {}, ...rest) => jwt({ ...head, ...header }, claims(more), key, ...rest);
    /** A token of these texts with a valid signature. */
    const of = (header, payload) => {
      const text = `${encode(header)}.${encode(payload)}`;
      return `${text}.${sign('sha256', Buffer.from(text), { key: createPrivateKey({ key, format: 'jwk' }), dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
    };
    const good = signed();
    const [header, payload, signature] = good.split('.');
    const text = JSON.stringify(claims());
    const attacker = newKey(kid);
    for (const [name, token] of [
      ['alg in another case', signed({}, { alg: 'es256' })],
      ['alg None', signed({}, { alg: 'None' }, () => Buffer.alloc(0))],
      ['alg nOnE, with the right signature', signed({}, { alg: 'nOnE' })],
      ['no alg', signed({}, { alg: undefined })],
      ['a list of algs', signed({}, { alg: ['ES256'] })],
      ['RS256 over a key for ES256', signed({}, { alg: 'RS256' })],
      ['a header that is critical and unknown', signed({}, { crit: ['x'], x: 1 })],
      ['an unencoded payload', signed({}, { crit: ['b64'], b64: false })],
      ['a key set of its own', jwt({ ...head, kid: 'mine', jku: `${w.api.url}/jwks` }, claims(), attacker)],
      ['a certificate of its own', jwt({ ...head, kid: 'mine', x5u: `${w.api.url}/x5u`, x5c: ['x'] }, claims(), attacker)],
      ['its own key under the kid', jwt({ ...head, jwk: { ...attacker, d: undefined } }, claims(), attacker)],
      ['a kid that is a path', jwt({ ...head, kid: '../../../dev/null' }, claims(), attacker)],
      ['a kid that is no text', jwt({ ...head, kid: { $ne: '' } }, claims(), attacker)],
      ['an issuer with a slash more', signed({ iss: `${w.issuer}/` })],
      ['an issuer in another case', signed({ iss: w.issuer.toUpperCase() })],
      ['a list of issuers', signed({ iss: [w.issuer] })],
      ['audiences of others', signed({ aud: ['another', 'and another'] })],
      ['an audience that begins like it', signed({ aud: `${w.given.config.client.client_id}x` })],
      ['no audience in a list', signed({ aud: [] })],
      ['an audience that is no text', signed({ aud: { edge: true } })],
      ['events in a list', signed({ events: [event] })],
      ['events as a text', signed({ events: event })],
      ['another event', signed({ events: { [`${event}x`]: {} } })],
      ['a nonce that is null', signed({ nonce: '' })],
      ['a sid that is a number, and no sub', signed({ sid: 1, sub: undefined })],
      ['a sid and a sub that are empty', signed({ sid: '', sub: '' })],
      ['a jti that is empty', signed({ jti: '' })],
      ['a jti that is a number', signed({ jti: 1 })],
      ['an end that is a text', signed({ exp: String(now + 120) })],
      ['an end before the beginning', signed({ iat: now, exp: now - 3600 })],
      ['an end that is negative', signed({ exp: -1 })],
      ['a beginning that is a text', signed({ iat: String(now) })],
      ['a beginning that is no time', signed({ iat: 1e300 })],
      ['a claim twice', of(JSON.stringify(head), `${text.slice(0, -1)},"sid":"another"}`)],
      ['a header twice', of(`${JSON.stringify(head).slice(0, -1)},"alg":"none"}`, text)],
      ['claims in a list', of(JSON.stringify(head), `[${text}]`)],
      ['claims with something behind', of(JSON.stringify(head), `${text}{}`)],
      ['claims with a NUL', of(JSON.stringify(head), `${text}\0`)],
      [
        'claims that are no UTF-8',
        of(JSON.stringify(head), Buffer.concat([Buffer.from(text.slice(0, -1)), Buffer.from([0x2c, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])])),
      ],
      ['a signature in DER', signed({}, {}, (input) => sign('sha256', input, createPrivateKey({ key, format: 'jwk' })))],
      ['a signature of zeros', `${header}.${payload}.${encode(Buffer.alloc(64))}`],
      [
        'a signature of the group order',
        `${header}.${payload}.${encode(Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'.repeat(2), 'hex'))}`,
      ],
      ['no signature', `${header}.${payload}.`],
      ['two parts', `${header}.${payload}`],
      ['four parts', `${good}.${signature}`],
      ['five parts', `${header}..${signature}.${payload}.${signature}`],
      ['padding', `${header}.${payload}.${signature}==`],
      ['standard base64', `${header}.${payload}.${Buffer.from(signature, 'base64url').toString('base64')}`],
      ['white space', `${header}.${payload}. ${signature}`],
      ['line ends', `${header}\n.${payload}.${signature}\n`],
      ['the parts in another order', `${payload}.${header}.${signature}`],
      ['another payload under the signature', `${header}.${encode(JSON.stringify(claims({ sub: undefined })))}.${signature}`],
    ]) {
      const answer = await post({ logout_token: token });
      assert.equal(answer.status, 400, `${name}: ${answer.text}`);
      assert.equal((await visitor.session()).status, 200, name);
    }
    for (const [name, ask] of [
      [
        'behind another',
        () =>
          post([
            ['logout_token', 'x'],
            ['logout_token', good],
          ]),
      ],
      ['in JSON', () => post(JSON.stringify({ logout_token: good }), { 'content-type': 'application/json' })],
      ['as text', () => post(`logout_token=${good}`, { 'content-type': 'text/plain' })],
      [
        'in the query',
        () =>
          send(w.url, `/auth/backchannel_logout?logout_token=${good}`, {
            method: 'POST',
            headers: { 'content-type': 'application/x-www-form-urlencoded', 'content-length': 0 },
          }),
      ],
      ['by GET', () => send(w.url, `/auth/backchannel_logout?logout_token=${good}`)],
    ]) {
      const { status } = await ask();
      assert.ok(status >= 400 && status < 500, `${name}: ${status}`);
      assert.equal((await visitor.session()).status, 200, name);
    }
    assert.ok(
      w.api.got.every(({ url }) => !/jwks|x5u/.test(url)),
      'what a token names is fetched by nobody',
    );
    assert.equal((await post({ logout_token: good })).status, 200);
    w.refused(await visitor.session(), 401, 'not_signed_in');
  });
};
