// Event streams through the proxy: who may listen, what passes, and when a stream ends.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { soon } from '../lib/soon.mjs';
import { dial } from '../lib/visitor.mjs';
import { world } from '../lib/world.mjs';

export default (host) => {
  let w;
  before(async () => (w = await world(host)));
  after(() => w?.stop());

  const signedIn = async () => {
    const visitor = w.visitor();
    await visitor.signIn();
    return visitor;
  };

  test(`${host.name}: events come as they are sent, and end with the session (B36, B37)`, async () => {
    const visitor = await signedIn();
    const cookie = [...visitor.jar()].map((pair) => pair.join('=')).join('; ');
    const listen = async (...lines) => {
      const line = await dial(w.url);
      line.socket.write(
        [
          'GET /api/ticks HTTP/1.1',
          `host: ${new URL(w.url).host}`,
          `cookie: ${cookie}`,
          'accept: text/event-stream',
          'connection: close',
          ...lines,
          '',
          '',
        ].join('\r\n'),
      );
      const came = async (text) => {
        while (!line.said.includes(text)) await soon(once(line.socket, 'data'), text);
      };
      return Object.assign(line, { came });
    };
    for (const lines of [['origin: https://evil.example', 'sec-fetch-site: cross-site'], ['sec-fetch-site: cross-site'], ['sec-fetch-site: same-site'], []]) {
      const refused = await listen(...lines);
      await refused.came('403');
      refused.socket.destroy();
    }
    assert.equal(w.api.ticks.length, 0);
    const events = await listen('sec-fetch-site: same-origin', 'last-event-id: 41');
    await events.came('id: 42');
    assert.match(w.api.ticks[0].headers.authorization, /^Bearer /);
    w.api.ticks[0].outgoing.write('id: 43\ndata: more\n\n');
    await events.came('id: 43');
    assert.equal((await visitor.call('/auth/logout', { method: 'POST', headers: { 'content-length': 0 } })).status, 200);
    await soon(w.api.ticks[0].gone, 'the end at the server');
    await soon(events.over, 'the end');
    w.api.ticks.splice(0);
  });
};
