// A backend on node:http is answered without a Request: it says the same as with one, whatever
// comes.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { newSealKey, nodeHandler, openBackend } from 'oauth2-wasm/bff';
import { message, raw } from './lib/raw.mjs';

const servers = [];
const listen = async (handler) => {
  const server = createServer(handler);
  servers.push(server);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server.address().port;
};

let ports;
before(async () => {
  const endpoints = { authorization_endpoint: 'https://as.example/authorize', token_endpoint: 'https://as.example/token' };
  const client = { issuer: 'https://as.example', client_id: 'edge', client_secret: 'a-secret-of-the-test', scope: 'notes', ...endpoints };
  const backend = await openBackend(
    { base: 'http://localhost:8080/auth', client, proxy: [{ path: '/api', target: 'http://127.0.0.1:9' }] },
    { sealKeys: newSealKey() },
  );
  ports = [await listen(nodeHandler(backend)), await listen(nodeHandler({ fetch: (request) => backend.fetch(request) }))];
});
after(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

const page = ['x-csrf', '1'];
for (const [name, ...request] of [
  ['a session', 'GET', '/auth/session', [page]],
  ['a path with dots', 'GET', '/auth/../auth/./session?a=%2e', [page]],
  ['the proxy', 'GET', '/api/notes', [page]],
  ['a header twice', 'GET', '/auth/session', [page, page]],
  ['Origin twice', 'GET', '/auth/session', [page, ['origin', 'http://localhost:8080'], ['origin', 'http://localhost:8080']]],
  ['a cookie twice', 'GET', '/auth/session', [page, ['cookie', '__Host-oauth2=a'], ['cookie', '__Host-oauth2=b']]],
  ['a body', 'POST', '/auth/exchange', [['content-type', 'application/x-www-form-urlencoded']], 'grant_type=none'],
  ['a body of GET', 'GET', '/auth/session', [page], 'nobody reads this'],
  ['TRACE', 'TRACE', '/auth/session', [page]],
  ['another host', 'GET', '/auth/session', [page], undefined, 'elsewhere.example'],
  ['a user in the host', 'GET', '/auth/session', [page], undefined, 'user@localhost:8080'],
  ['a host in quotes', 'GET', '/auth/session', [page], undefined, '"localhost:8080"'],
  ['a percent sign in the host', 'GET', '/auth/session', [page], undefined, '%6cocalhost:8080'],
  ['no host', 'GET', '/auth/session', [page], undefined, ' '],
  ['a target with two slashes', 'GET', '//evil.example/auth/session', [page]],
  ...['/auth/session?', '/api/notes#', '\\auth', '/..', '%2fauth', '%3f', '%5cauth', '%23'].map((more) => [
    `a path in the host: ${more}`,
    'GET',
    '/x',
    [page],
    undefined,
    `localhost:8080${more}`,
  ]),
]) {
  test(`without a Request as with one: ${name}`, async () => {
    const [method, target, headers, body, host = 'localhost:8080'] = request;
    const said = await Promise.all(ports.map(async (port) => raw(port, message(host, method, target, [...headers, ['connection', 'close']], body))));
    const [direct, usual] = said.map((answers) => answers.map(({ text }) => text.replace(/^date:.*$/im, '')));
    assert.ok(usual.length > 0);
    assert.deepEqual(direct, usual);
    if (name.startsWith('a path in the host')) assert.match(direct[0], /^HTTP\/1.1 400 /, 'what Host says is no part of the path');
  });
}
