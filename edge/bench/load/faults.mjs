// A proxy between a backend and an upstream server: it drops requests and answers, is slow, or is
// down, as a test demands.
import { createServer, request } from 'node:http';

/** Numbers from 0 to below 1, the same in every run (mulberry32). */
export const random = (seed) => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
};

/**
 * @param {string} target URL that every request goes to
 * @param {number} seed
 * @returns its `url`; `faults`, which may be changed at any time: `before` and `after`, the shares
 * of requests that are dropped and of answers that are lost, and `ms`, how long an answer takes:
 * `[least, most]`; `down()`, `up()` and `stop()`
 */
export const between = async (target, seed) => {
  const next = random(seed);
  const faults = { before: 0, after: 0, ms: [0, 0] };
  const pass = (incoming, outgoing) => {
    const [drop, lose, wait] = [next() < faults.before, next() < faults.after, faults.ms[0] + next() * (faults.ms[1] - faults.ms[0])];
    if (drop) return incoming.socket.resetAndDestroy();
    const { host, connection, ...headers } = incoming.headers;
    const onward = request(target, { method: incoming.method, headers, agent: false }, (answer) => {
      if (lose) {
        answer.resume();
        return incoming.socket.resetAndDestroy();
      }
      // One request for each connection, so that a share of requests is also a share of
      // connections.
      outgoing.writeHead(answer.statusCode, { ...answer.headers, connection: 'close' });
      answer.pipe(outgoing);
    });
    onward.on('error', () => incoming.socket.destroy());
    // The wait comes before the request, so that the answer is fresh.
    setTimeout(() => incoming.pipe(onward), wait);
  };
  const server = createServer(pass);
  const listen = (port) => new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  await listen(0);
  const { port } = server.address();
  const down = () =>
    new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  return { url: `http://127.0.0.1:${port}`, faults, down, up: () => listen(port), stop: () => server.listening && down() };
};
