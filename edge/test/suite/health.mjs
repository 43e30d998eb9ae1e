// What probes ask.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { send } from '../lib/visitor.mjs';
import { world } from '../lib/world.mjs';

/** A host remembers for a second what it found. */
const LATER = 1100;

export default (host) => {
  let w;
  before(async () => (w = await world(host)));
  after(() => w?.stop());

  const probe = (options) => send(w.url, '/auth/ready', options);

  test(`${host.name}: a probe hears whether the store serves, under any host name (B90)`, async () => {
    for (const headers of [{}, { host: '10.0.0.5:8080' }, { host: 'probe.internal' }]) {
      const answer = await probe({ headers });
      assert.deepEqual([answer.status, answer.text, answer.header('cache-control'), answer.cookies], [200, '{"ready":true}', 'no-store', []]);
    }
    const head = await probe({ method: 'HEAD' });
    assert.deepEqual([head.status, head.text], [200, '']);
    w.refused(await probe({ method: 'POST', headers: { 'content-length': 0 } }), 405, 'method_not_allowed');
    assert.equal((await send(w.url, '/auth/session', { headers: { host: '10.0.0.5:8080', 'x-csrf': '1' } })).status, 421, 'all else has its host');
  });

  if (host.refuses) {
    test(`${host.name}: a store that takes no writes is not ready, until it does again (B90)`, async () => {
      const visitor = w.visitor();
      await visitor.signIn();
      await w.host.refuseWrites(true);
      await new Promise((resolve) => setTimeout(resolve, LATER));
      const answer = await probe();
      w.refused(answer, 503, 'temporarily_unavailable');
      assert.match(answer.header('retry-after'), /^[1-9]\d*$/);
      await w.host.refuseWrites(false);
      await new Promise((resolve) => setTimeout(resolve, LATER));
      assert.equal((await probe()).status, 200);
      assert.equal((await visitor.session()).status, 200);
    });
  }
};
