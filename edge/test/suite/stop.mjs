// A host that is told to end (SIGTERM): what runs is finished, within a bound, and no session and
// no lock is left behind.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { PATIENCE } from '../../../js/test/suite/patience.js';
import { soon } from '../lib/soon.mjs';
import { dial, send } from '../lib/visitor.mjs';
import { world } from '../lib/world.mjs';

export default (host) => {
  if (!host.stops) return;

  /** A world of its own: the host is told to end in it. */
  const inside = async (options, work) => {
    const w = await world(host, options);
    try {
      await work(w);
    } finally {
      await w.host.kill();
      await w.stop();
    }
  };
  const signedIn = async (w, expiresIn) => {
    const visitor = w.visitor();
    w.gate.expiresIn = expiresIn;
    await visitor.signIn();
    w.gate.expiresIn = undefined;
    if (expiresIn) await new Promise((resolve) => setTimeout(resolve, 1000 * expiresIn));
    return visitor;
  };
  /** Holds the next refresh at the door of the server: a promise of what lets it go. */
  const held = (w) =>
    new Promise((arrived) => {
      w.gate.before = (form) =>
        form.get('grant_type') === 'refresh_token'
          ? new Promise((go) => {
              w.gate.before = undefined;
              arrived(go);
            })
          : undefined;
    });
  const terminate = (w) => process.kill(w.host.pid, 'SIGTERM');
  const probe = (w) => send(w.url, '/auth/ready');

  test(`${host.name}: SIGTERM: a refresh under way is finished and answered, its lock is free, and the process ends by itself (B91)`, () =>
    inside({ stopMs: PATIENCE }, async (w) => {
      const visitor = await signedIn(w, 1);
      const arrived = held(w);
      const waiting = [visitor.copy().call('/api/hello'), visitor.copy().call('/api/hello')];
      const go = await soon(arrived, 'the refresh');
      terminate(w);
      go();
      for (const answer of await Promise.all(waiting)) assert.equal(answer.status, 200, answer.text);
      assert.equal(await soon(w.host.gone, 'the end of the process'), 0);
      const refreshed = w.gate.count('refresh_token');
      assert.equal(refreshed, 1);
      if (w.host.locks) assert.deepEqual(await w.host.locks(), []);
      await w.host.restart();
      assert.equal((await visitor.call('/api/hello')).status, 200);
      assert.equal(w.gate.count('refresh_token'), refreshed, 'the token that came of it was stored');
      await w.revoke('access_token');
      assert.equal((await visitor.call('/api/notes')).status, 200, 'the next refresh');
    }));

  test(`${host.name}: SIGTERM: work that goes on behind a browser that left is finished, too (B91)`, () =>
    inside({ stopMs: PATIENCE }, async (w) => {
      const visitor = await signedIn(w, 1);
      const arrived = held(w);
      const line = await dial(w.url);
      line.socket.write(visitor.head('GET', '/api/hello', 'connection: close'));
      const go = await soon(arrived, 'the refresh');
      line.socket.destroy();
      terminate(w);
      go();
      assert.equal(await soon(w.host.gone, 'the end of the process'), 0);
      await w.host.restart();
      assert.equal((await visitor.call('/api/hello')).status, 200);
      assert.equal(w.gate.count('refresh_token'), 1, 'the token that came of it was stored');
    }));

  test(`${host.name}: SIGTERM: until the server in front has heard of it requests are served, but probes hear 503 and streams end (B91)`, () =>
    inside({ stopMs: PATIENCE, stopDelayMs: PATIENCE }, async (w) => {
      const visitor = await signedIn(w);
      const events = await dial(w.url);
      events.socket.write(visitor.head('GET', '/api/ticks', 'accept: text/event-stream', 'connection: close'));
      while (!events.said.includes('id: 1\n')) await soon(new Promise((resolve) => events.socket.once('data', resolve)), 'an event');
      assert.equal((await probe(w)).status, 200);
      terminate(w);
      assert.match(await soon(events.over, 'the end of the stream'), /\r\n0\r\n\r\n$/, 'a stream that may be asked for again');
      w.refused(await probe(w), 503, 'stopping');
      assert.equal((await visitor.session()).status, 200);
      assert.equal((await visitor.call('/api/hello')).status, 200);
      const newcomer = await signedIn(w);
      assert.equal((await newcomer.session()).status, 200);
    }));

  if (host.sockets !== 'none')
    test(`${host.name}: SIGTERM: open sockets are closed, and none is opened; a ticket stays good elsewhere (B91)`, () =>
      inside({ stopMs: PATIENCE, stopDelayMs: PATIENCE, sockets: true }, async (w) => {
        const visitor = await signedIn(w);
        const ticket = async () => (await visitor.call('/auth/ticket?path=/api/live', { method: 'POST', headers: { 'content-length': 0 } })).json.protocols;
        const open = async (protocols) =>
          new Promise((resolve, reject) => {
            const cookie = [...visitor.jar()].map((pair) => pair.join('=')).join('; ');
            const headers = { cookie, host: new URL(w.url).host, origin: w.url };
            const socket = new WebSocket(`ws://127.0.0.1:${new URL(w.url).port}/api/live`, protocols, { headers });
            socket.over = new Promise((over) => socket.once('close', over));
            socket.once('open', () => resolve(socket));
            socket.once('unexpected-response', (_, answer) => resolve(answer.resume()));
            socket.once('error', reject);
          });
        const socket = await open(await ticket());
        terminate(w);
        await soon(socket.over, 'the end of the socket');
        await soon(w.api.sockets[0].gone, 'its end at the server');
        const another = await ticket();
        assert.equal((await open(another)).statusCode, 503);
        if (!w.host.twin) return;
        const twin = await w.host.twin({ stopDelayMs: 0, stopMs: 1000 });
        try {
          const { port } = twin;
          const cookie = [...visitor.jar()].map((pair) => pair.join('=')).join('; ');
          const elsewhere = new WebSocket(`ws://127.0.0.1:${port}/api/live`, another, { headers: { cookie, host: new URL(w.url).host, origin: w.url } });
          await soon(new Promise((resolve, reject) => elsewhere.once('open', resolve).once('error', reject)), 'the socket at the twin');
          elsewhere.terminate();
        } finally {
          await twin.stop();
        }
      }));

  test(`${host.name}: SIGTERM: what does not finish is cut off at the bound, and its session goes on when the lease is over (B92)`, () =>
    inside({ stopMs: 500 }, async (w) => {
      const visitor = await signedIn(w, 1);
      const arrived = held(w);
      const cut = visitor
        .copy()
        .call('/api/hello')
        .catch(() => 'cut off');
      const go = await soon(arrived, 'the refresh');
      terminate(w);
      assert.notEqual(await soon(w.host.gone, 'the end of the process'), 0, 'the exit code says so');
      assert.equal(await cut, 'cut off');
      go(false);
      await w.host.restart();
      assert.equal((await visitor.call('/api/hello')).status, 200);
    }));
};
