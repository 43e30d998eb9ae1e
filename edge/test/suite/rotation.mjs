// Keys and secrets that are replaced: nobody is signed out.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { newKey, read } from '../lib/jwt.mjs';
import { sealKey, world } from '../lib/world.mjs';

/** Somebody whose access token is over. */
const expired = async (w) => {
  w.gate.expiresIn = 1;
  const visitor = w.visitor();
  await visitor.signIn();
  w.gate.expiresIn = undefined;
  await new Promise((resolve) => setTimeout(resolve, 1000));
  return visitor;
};

const ringAndSecret = (host) => {
  let w;
  before(async () => (w = await world(host)));
  after(() => w?.stop());
  afterEach(() => w.gate.open());

  const from = (secrets) => w.host.restart({ secrets: { ...w.given.secrets, ...secrets } });

  test(`${host.name}: keys of cookies and of what is stored change in three steps, sessions and bound keys among them (B93)`, async () => {
    const old = w.given.secrets.SEAL_KEYS;
    const next = sealKey('next');
    const first = await expired(w);
    await from({ SEAL_KEYS: `${old},${next}` }); // every process learns to read the new one
    assert.equal((await first.call('/api/hello')).status, 200, 'refreshed, and stored again');
    const attempt = w.visitor();
    const callback = await attempt.begin();
    await from({ SEAL_KEYS: `${next},${old}` }); // it seals
    assert.equal((await first.session()).status, 200);
    assert.equal((await attempt.send(callback)).status, 303, 'a sign-in that was under way');
    const second = await expired(w);
    assert.match(second.jar().get('__Host-oauth2'), /^next\./);
    await from({ SEAL_KEYS: next }); // the old one goes, once its sessions are over
    assert.equal((await second.call('/api/hello')).status, 200);
    w.refused(await first.session(), 401, 'not_signed_in');
    await from({});
  });

  test(`${host.name}: a client secret that the server refuses signs nobody out, and with the right one all goes on (B93)`, async () => {
    const visitor = await expired(w);
    await from({ CLIENT_SECRET: 'not the one that the server knows' });
    const answer = await visitor.call('/api/hello');
    assert.ok([502, 503].includes(answer.status), `${answer.status} ${answer.text}`);
    w.keepsQuiet(answer);
    await from({});
    assert.equal((await visitor.call('/api/hello')).status, 200);
  });
};

const keyOfTheClient = (host) => {
  let w;
  const [clientKey, nextKey] = [newKey('this one'), newKey('the next one')];
  before(async () => (w = await world(host, { server: 'certified', clientKey, nextKey })));
  after(() => w?.stop());

  test(`${host.name}: the client's key changes while the server knows both, and nobody is signed out (B93)`, async () => {
    const visitor = await expired(w);
    const { client } = w.given.config;
    const config = { ...w.given.config, client: { ...client, client_key_id: nextKey.kid } };
    await w.host.restart({ config, secrets: { ...w.given.secrets, CLIENT_KEY: JSON.stringify(nextKey) } });
    assert.equal((await visitor.call('/api/hello')).status, 200);
    const { form } = w.gate.asked.findLast(({ form }) => form.get('grant_type') === 'refresh_token');
    assert.equal(read(form.get('client_assertion'), nextKey).header.kid, nextKey.kid);
  });
};

export default (host) => {
  describe('ring and secret', () => ringAndSecret(host));
  describe('client key', () => keyOfTheClient(host));
};
