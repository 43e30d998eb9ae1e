// The upstream servers: an API that a test controls, and a gate before the token endpoint.
import { createServer, request } from 'node:http';
import { gzipSync } from 'node:zlib';
import { WebSocketServer } from 'ws';

const listen = async (handler) => {
  // Idle connections stay open: if one were closed while a request was on its way, the test would
  // fail for no reason.
  const server = createServer({ keepAliveTimeout: 0 }, handler);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    server,
    url: `http://127.0.0.1:${server.address().port}`,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
};

const read = async (stream) => {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
};

/**
 * Truncated or invalid answers of an API, by path: what it writes before it closes the connection.
 */
const broken = {
  '/cut-length': 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbegun',
  '/cut-chunked': 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nbegun\r\n',
  '/cut-chunk': 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n50\r\nbegun',
  '/bad-chunk': 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nbegun\r\nzz\r\n',
  '/cut-events': 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\nd\r\ndata: first\n\n\r\n',
  '/cut-headers': 'HTTP/1.1 200 OK\r\ncontent-le',
  '/no-answer': '',
  '/switches': 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
};

/** A gzip text without its end, so that a decoder notices the truncation. */
const halfPacked = gzipSync('begun '.repeat(1000)).subarray(0, -12);

/** An API that records its requests, and answers by path. */
export const api = async () => {
  const got = [];
  /** Open streams, by path. */
  const open = new Map();
  /** Event streams and sockets, with how each ended. */
  const ticks = [];
  const sockets = [];
  const server = await listen(async (incoming, outgoing) => {
    const { pathname } = new URL(incoming.url, 'http://api');
    const entry = { method: incoming.method, url: incoming.url, headers: incoming.headers };
    got.push(entry);
    /** Whether the message was complete, once that is known. */
    entry.whole = new Promise((resolve) => incoming.once('end', () => resolve(true)).once('close', () => resolve(incoming.complete)));
    server.heard?.(entry);
    if (pathname === '/cut-packed') {
      const { framing } = Object.fromEntries(new URL(incoming.url, 'http://api').searchParams);
      incoming.socket.write(
        `HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n${framing === 'length' ? 'content-length: 100' : 'transfer-encoding: chunked'}\r\n\r\n`,
      );
      if (framing === 'chunked') incoming.socket.write(`${halfPacked.length.toString(16)}\r\n`);
      incoming.socket.write(halfPacked);
      return incoming.socket.end(framing === 'chunked' ? '\r\n' : '');
    }
    if (pathname === '/packed') {
      outgoing.writeHead(200, { 'content-encoding': 'gzip', 'content-type': 'text/plain' });
      return outgoing.end(gzipSync('packed '.repeat(1000)));
    }
    if (pathname in broken) return incoming.socket.end(broken[pathname]);
    if (pathname === '/headers') {
      const count = Number(new URL(incoming.url, 'http://api').searchParams.get('count'));
      outgoing.writeHead(200, Object.fromEntries(Array.from({ length: count }, (_, i) => [`x-${i}`, '1'])));
      return outgoing.end('many');
    }
    if (pathname === '/says') {
      outgoing.writeHead(200, JSON.parse(Buffer.from(new URL(incoming.url, 'http://api').searchParams.get('headers'), 'base64url')).flat());
      return outgoing.end('said');
    }
    if (pathname === '/silent') return;
    if (pathname === '/reset') return incoming.socket.resetAndDestroy();
    if (pathname === '/half') {
      outgoing.writeHead(200, { 'content-length': '100' });
      return outgoing.write('begun', () => incoming.socket.resetAndDestroy());
    }
    if (pathname === '/events') {
      outgoing.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
      outgoing.write('data: first\n\n');
      return open.set(pathname, outgoing);
    }
    if (pathname === '/ticks') {
      const id = Number(incoming.headers['last-event-id'] ?? 0) + 1;
      outgoing.writeHead(200, { 'content-type': 'text/event-stream' });
      outgoing.write(`retry: 10\nid: ${id}\ndata: tick\n\n`);
      return ticks.push({ headers: incoming.headers, outgoing, gone: new Promise((gone) => outgoing.once('close', gone)) });
    }
    if (pathname === '/early') {
      outgoing.writeHead(200, { 'content-type': 'text/plain' });
      outgoing.write('begun ');
    }
    entry.body = await read(incoming).catch(() => undefined);
    if (pathname === '/large') {
      outgoing.writeHead(200, { 'content-type': 'application/octet-stream' });
      return outgoing.end(Buffer.alloc(10 * 1024 * 1024, 'x'));
    }
    if (pathname === '/early') return outgoing.end(String(entry.body.length));
    const refused = pathname === '/refuses' && incoming.headers.authorization === server.refused;
    outgoing.writeHead(
      refused ? 401 : pathname === '/elsewhere' ? 302 : 200,
      [
        ['content-type', 'text/plain'],
        ['set-cookie', 'a=b'],
        ['set-cookie', '__Host-oauth2=theirs'],
        ['x-of-the-api', 'one'],
        ['x-of-the-api', 'two'],
        ...(refused ? [['www-authenticate', 'Bearer error="invalid_token"']] : []),
        ...(pathname === '/elsewhere' ? [['location', 'https://elsewhere.example/']] : []),
      ].flat(),
    );
    outgoing.end(`${incoming.method} ${entry.body?.length ?? 0}`);
  });
  const echo = new WebSocketServer({ noServer: true, perMessageDeflate: true, handleProtocols: (offered) => (offered.has('chat') ? 'chat' : false) });
  server.server.on('upgrade', (incoming, connection, head) => {
    if (incoming.url.startsWith('/no-socket')) return connection.end('HTTP/1.1 418 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
    echo.handleUpgrade(incoming, connection, head, (socket) => {
      sockets.push({ url: incoming.url, headers: incoming.headers, socket, gone: new Promise((gone) => socket.once('close', gone)) });
      socket.on('error', () => {});
      socket.on('message', (data, binary) => socket.send(data, { binary }));
    });
  });
  return Object.assign(server, { got, open, ticks, sockets, refused: undefined });
};

/**
 * A proxy before all endpoints that issue or accept tokens, including the backend's endpoint for
 * logout tokens. It passes requests to `target`, a function that returns their URLs, and records
 * the requests and every token in the answers.
 */
export const gate = async (target) => {
  const state = {
    asked: [],
    tokens: [],
    /** The `expires_in` of the next access tokens in seconds, except for refreshed ones. */
    expiresIn: undefined,
    /**
     * Called before a request is passed on; a promise delays it, and `false` drops the connection.
     */
    before: undefined,
    /** The same for its answer. */
    after: undefined,
    /**
     * Answers instead of the server, with a truncated text that looks like a token: a `length` that
     * is not reached, or `chunked` without a last chunk.
     */
    cut: undefined,
  };
  const server = await listen(async (incoming, outgoing) => {
    const body = await read(incoming);
    const form = new URLSearchParams(body.toString());
    const entry = { path: incoming.url, form, authorization: incoming.headers.authorization };
    state.asked.push(entry);
    if ((await state.before?.(form)) === false) return incoming.socket.resetAndDestroy();
    if (state.cut) {
      const text = '{"access_token":"cut","token_type":"Bearer","expires_in":300}';
      const framing =
        state.cut === 'length'
          ? `content-length: ${text.length + 1}\r\n\r\n${text}`
          : `transfer-encoding: chunked\r\n\r\n${text.length.toString(16)}\r\n${text}\r\n`;
      return incoming.socket.end(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n${framing}`);
    }
    const { host, connection, ...headers } = incoming.headers;
    const onward = request(target(incoming.url), { method: incoming.method, headers, agent: false }, async (answer) => {
      let text = (await read(answer)).toString();
      try {
        const json = JSON.parse(text);
        for (const name of ['access_token', 'refresh_token', 'id_token']) if (json[name]) state.tokens.push({ name, value: json[name] });
        if (state.expiresIn && json.expires_in && form.get('grant_type') !== 'refresh_token') json.expires_in = state.expiresIn;
        text = JSON.stringify(json);
      } catch {
        // not JSON: a revocation has no body
      }
      if ((await state.after?.(form)) === false) return incoming.socket.resetAndDestroy();
      entry.status = answer.statusCode;
      outgoing.writeHead(answer.statusCode, { 'content-type': answer.headers['content-type'] ?? 'text/plain', 'cache-control': 'no-store' });
      outgoing.end(text);
    });
    onward.on('error', () => incoming.socket.resetAndDestroy());
    onward.end(body);
  });
  return Object.assign(state, {
    url: server.url,
    stop: server.stop,
    /** Lets everything through unchanged. */
    open: () => Object.assign(state, { expiresIn: undefined, before: undefined, after: undefined, cut: undefined }),
    /** How many requests had this grant type. */
    count: (grant) => state.asked.filter(({ form }) => form.get('grant_type') === grant).length,
  });
};
