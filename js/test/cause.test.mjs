import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { test } from 'node:test';
import { library } from './lib/installed.mjs';

const { OAuthError, openClient } = await library();

/** A server that answers each connection with these bytes and then breaks it. */
const breaking = async (bytes) => {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => (bytes ? socket.end(bytes) : socket.destroy()));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
};

const open = (token_endpoint, options) =>
  openClient({ client_id: 'app', client_secret: "a secret of the client's", token_endpoint: token_endpoint + '?tenant=query-of-the-url' }, options);

for (const [what, bytes] of [
  ['a connection that breaks', ''],
  ['an answer that is cut off', 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{'],
  ['an answer that is no HTTP', 'no HTTP\r\n\r\n'],
  ['nobody who listens', undefined],
]) {
  test(`E12 the cause of a failure is the error of fetch: ${what}`, async () => {
    const server = await breaking(bytes);
    const { port } = server.address();
    if (bytes === undefined) {
      server.close();
      await once(server, 'close');
    }
    const entries = [];
    const client = await open(`http://127.0.0.1:${port}/token`, { onEffect: (entry) => entries.push(entry) });
    const told = once(client, 'request_failed');
    await assert.rejects(client.clientCredentials(), (error) => {
      assert.ok(error instanceof OAuthError && error.kind === 'network' && error.cause instanceof Error, String(error));
      assert.equal(error.stage, 'token');
      assert.equal(error.host, `127.0.0.1:${port}`);
      assert.match(error.message, /^oauth2-wasm: client_credentials: network, request token to 127\.0\.0\.1:\d+$/);
      return true;
    });
    const [{ detail }] = await told;
    assert.ok(detail.cause instanceof Error);
    assert.deepEqual(
      entries.filter(({ kind, ms }) => kind === 'http' && ms !== undefined).map(({ url, failed }) => [url, failed]),
      [[`http://127.0.0.1:${port}/token`, 'network']],
    );
    client.close();
    server.close();
  });
}

for (const [location, where] of [
  ['https://login.example/wall?ticket=query-of-the-url#x', 'https://login.example/wall'],
  ['https://user:secret@login.example/', 'https://login.example/'],
  ['/elsewhere?ticket=query-of-the-url', '/elsewhere'],
]) {
  test(`E95 a redirect that is refused says where it leads: ${location}`, async () => {
    const server = await breaking(`HTTP/1.1 302 Found\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`);
    const url = `http://127.0.0.1:${server.address().port}/token`;
    const client = await openClient({ client_id: 'app', client_secret: 'secret', token_endpoint: url, token_destinations: [url] });
    const refused = ({ kind, code, cause, message }) =>
      kind === 'server' && code === 'redirect' && cause.message === `status 302 to ${where}` && !message.includes('query-of-the-url');
    await assert.rejects(
      client.clientCredentials(),
      (error) => refused(error) && error.expected === 'an answer, no redirect' && error.host && error.stage === 'token',
    );
    await client.setToken({ access_token: 'a', token_type: 'Bearer' });
    await assert.rejects(client.fetch(url), refused);
    client.close();
    server.close();
  });
}

test('E12 the cause of a failing store, key store or hook is its own error', async () => {
  const own = new Error('the disk is full');
  const fails = () => {
    throw own;
  };
  const store = { load: async () => ({ version: '' }), store: fails };
  const client = await open('http://127.0.0.1:9/token', { store, pendingStore: store });
  await assert.rejects(client.logOut(), ({ kind, cause }) => kind === 'storage' && cause === own);
  const hooked = await openClient(
    { client_id: 'app', redirect_uri: 'http://127.0.0.1/cb', authorization_endpoint: 'http://127.0.0.1:9/authorize' },
    { hooks: { parameters: { authorization: fails } } },
  );
  await assert.rejects(hooked.authorize(), ({ code, cause }) => code === 'hook_failed' && cause === own);
});

test('E13 the effect log says how a request was answered', async () => {
  const server = await breaking('HTTP/1.1 429 Slow down\r\nContent-Type: text/html\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
  const entries = [];
  const client = await open(`http://127.0.0.1:${server.address().port}/token`, { onEffect: (entry) => entries.push(entry) });
  await assert.rejects(
    client.clientCredentials(),
    ({ message, status }) => status === 429 && /http error, request token to 127\.0\.0\.1:\d+, status 429$/.test(message),
  );
  assert.equal(entries.find(({ kind, ms }) => kind === 'http' && ms !== undefined).status, 429);
  client.close();
  server.close();
});
