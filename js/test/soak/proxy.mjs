// A proxy to a token endpoint: it records every refresh, and can delay one.
import { createHash } from 'node:crypto';
import { createServer, request as httpRequest } from 'node:http';

/**
 * @typedef {object} Refresh a refresh request, in the order of arrival
 * @property {string} token the beginning of the SHA-256 of the refresh token
 * @property {string} tab who sent it: the parameter `tab` of the request
 * @property {number} [status] of the server's answer; missing if the server has not carried it out
 * @property {string} [error] the server's error code (RFC 6749 section 5.2)
 * @property {boolean} [closed] set by the test: the tab that sent it was closed before it had
 * stored an answer
 *
 * @typedef {object} Held a refresh that waits, for `answer` or `drop`
 * @property {Refresh} refresh
 * @property {() => void} answer sends the server's answer
 * @property {() => Promise<void>} drop sends none, and no longer asks the server; resolves when the
 * sender has closed the connection. The sender has to close it: Chromium sends a POST once more by
 * itself if the other side closes a reused connection.
 */

const read = async (stream) => {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts).toString();
};

const pass = (target, { method, url, headers }, body) =>
  new Promise((resolve, reject) => {
    const onward = httpRequest(target + url, { method, headers: { ...headers, host: new URL(target).host } }, (answer) =>
      read(answer).then((text) => resolve({ status: answer.statusCode, headers: answer.headers, text }), reject),
    );
    onward.on('error', reject);
    onward.end(body);
  });

/**
 * Starts one on a free loopback port.
 *
 * @param {string} target origin of the server
 * @param {() => Promise<void>} [pause] awaited before each refresh is passed on, to simulate a slow
 * server
 * @returns {Promise<{url: string, refreshes: Refresh[], hold: (when: 'before' | 'after') =>
 * Promise<Held>, stop: () => void}>} `hold` catches the next refresh: before the server is asked,
 * or after it has answered
 */
export const tokenProxy = async (target, pause = async () => {}) => {
  const refreshes = [];
  let trap;

  /** Gives the refresh to the caller of `hold`, and resolves when it has to be answered. */
  const decided = ({ caught }, refresh, hungUp) => new Promise((answer) => caught({ refresh, answer, drop: () => hungUp }));

  const relay = async (request, response) => {
    const hungUp = new Promise((resolve) => response.on('close', resolve));
    const body = await read(request);
    const form = new URLSearchParams(request.method === 'POST' ? body : '');
    let refresh, caught;
    if (form.get('grant_type') === 'refresh_token') {
      const token = createHash('sha256').update(form.get('refresh_token')).digest('hex').slice(0, 12);
      refresh = { token, tab: form.get('tab') };
      refreshes.push(refresh);
      [caught, trap] = [trap, undefined];
      await pause();
    }
    if (caught?.when === 'before') await decided(caught, refresh, hungUp);
    const answer = await pass(target, request, body);
    if (refresh) {
      refresh.status = answer.status;
      if (answer.status !== 200) refresh.error = JSON.parse(answer.text).error;
    }
    if (caught?.when === 'after') await decided(caught, refresh, hungUp);
    response.writeHead(answer.status, answer.headers);
    response.end(answer.text);
  };

  const server = createServer((request, response) => {
    relay(request, response).catch((error) => {
      console.error(`token proxy: ${error.message}`);
      response.destroy();
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    refreshes,
    hold: (when) => new Promise((caught) => (trap = { when, caught })),
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
};
