// The authorization response is posted by a page of the server (OAuth 2.0 Form Post Response Mode),
// so from another site; at the embedded server and at npm oidc-provider.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { world } from '../lib/world.mjs';

const SESSION = '__Host-oauth2';

/** The client's configuration for it. */
export const formPost = { parameters: [['response_mode', 'form_post']] };

const at = (server) => (host) => {
  let w;
  before(async () => (w = await world(host, { server, client: { ...formPost, callback_parameters: ['user'] } })));
  after(() => w?.stop());

  /** Goes to the server and agrees. Returns the attempt's cookie and the resulting form. */
  const begin = async (visitor, query = '') => {
    const login = await visitor.send(`/auth/login${query}`);
    assert.equal(login.status, 303);
    assert.equal(new URL(login.location).searchParams.get('response_mode'), 'form_post');
    const response = await visitor.agree(login.location);
    assert.equal(response.url, `${w.base}/callback`, 'nothing is in the URL');
    return { attempt: login.cookies.at(-1), response };
  };

  test(`${host.name}: ${server}: the response is posted, to a cookie of its own that comes from another site (A5, X10)`, async () => {
    const visitor = w.visitor();
    const { attempt, response } = await begin(visitor, '?return_to=%2Finbox');
    assert.match(attempt, /^__Host-oauth2\.[\w-]{12}=[\w.-]+; Path=\/; Secure; HttpOnly; SameSite=None; Max-Age=600$/);
    for (const name of ['code', 'state']) assert.ok(response.form.get(name), name);
    const back = await visitor.post(response);
    assert.deepEqual([back.status, back.location], [303, `${w.url}/inbox`]);
    assert.match(
      back.cookies.find((line) => line.startsWith(`${SESSION}=`)),
      /^__Host-oauth2=[\w.-]+; Path=\/; Secure; HttpOnly; SameSite=Strict$/,
    );
    w.keepsQuiet(back);
    assert.deepEqual([...visitor.jar().keys()], [SESSION]);
    assert.equal((await visitor.session()).json.claims.iss, w.issuer);
  });

  test(`${host.name}: ${server}: a form that is posted in a browser that did not begin, or again, signs nobody in (X10, Q22)`, async () => {
    const [mallory, victim] = [w.visitor(), w.visitor()];
    const { response } = await begin(mallory);
    await begin(victim);
    const asked = w.gate.asked.length;
    w.refused(await victim.post(response), 400, 'unknown_attempt');
    assert.equal(w.gate.asked.length, asked);
    const before = mallory.copy();
    assert.equal((await mallory.post(response)).status, 303);
    w.refused(await mallory.post(response), 400, 'unknown_attempt');
    w.refused(await before.post(response), 400, 'already_used');
    assert.equal(w.gate.asked.length, asked + 1);
  });

  test(`${host.name}: ${server}: the session before ends, though its cookie does not come from another site (X10)`, async () => {
    const visitor = w.visitor();
    await visitor.post((await begin(visitor)).response);
    const before = visitor.copy();
    const { response } = await begin(visitor);
    visitor.jar().delete(SESSION); // a browser does not send a SameSite=Strict cookie here
    assert.equal((await visitor.post(response)).status, 303);
    assert.equal((await visitor.session()).status, 200);
    w.refused(await before.session(), 401, 'not_signed_in');
  });

  test(`${host.name}: ${server}: what is posted besides, by name, is the page's once, and unverified (E65)`, async () => {
    const visitor = w.visitor();
    const { response } = await begin(visitor);
    const user = JSON.stringify({ name: { firstName: 'Zoë' } });
    response.form.set('user', user);
    response.form.set('other', '1');
    assert.equal((await visitor.post(response)).status, 303);
    assert.deepEqual((await visitor.session()).json.unverified, { user });
    const { status, json } = await visitor.session();
    assert.deepEqual([status, json.unverified, json.claims.iss], [200, undefined, w.issuer]);
  });
};

export default (host) => {
  for (const server of ['embedded', 'certified']) describe(server, () => at(server)(host));
};
