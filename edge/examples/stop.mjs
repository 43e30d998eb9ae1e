// How a server ends when it is told to: in order, and within a bound.
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Ends the process on SIGTERM or SIGINT. First `BASE/ready` says 503, while requests are still
 * taken, for `STOP_DELAY_MS`: a server in front needs that long to send them elsewhere. Then no new
 * connection is taken, what runs is finished, and the process ends; after `STOP_MS` in any case.
 *
 * @param {import('oauth2-wasm/bff').Backend} backend
 * @param {() => Promise<unknown>} closeServer stops listening, and resolves when all answers are
 * sent
 * @param {() => Promise<unknown>} [closeStore]
 */
export const endOnSignal = (backend, closeServer, closeStore = async () => {}) => {
  const { STOP_MS = '60000', STOP_DELAY_MS = '0' } = process.env;
  let told = false;
  const end = async () => {
    if (told) return;
    told = true;
    const finished = backend.close(Number(STOP_DELAY_MS) + Number(STOP_MS));
    await sleep(Number(STOP_DELAY_MS));
    const answered = Promise.all([closeServer(), finished]);
    const inTime = await Promise.race([answered.then(() => true), sleep(Number(STOP_MS), false)]);
    if (inTime) await Promise.race([closeStore(), sleep(1000)]);
    else console.error('stopped before all requests were finished');
    process.exit(inTime ? 0 : 1);
  };
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, end);
};

/** `closeServer` for a server of `node:http`: connections without a request are closed. */
export const closeNode = (server) => () =>
  new Promise((resolve) => {
    const clock = setInterval(() => server.closeIdleConnections?.(), 100);
    server.close(() => {
      clearInterval(clock);
      resolve();
    });
  });

/**
 * `closeServer` for `next start`, which takes over its own handlers of the signals: they stop
 * listening, wait for answers and for what was given to `after`, and end the process with 143.
 */
export const closeNext = () => {
  const [end] = process.listeners('SIGTERM');
  for (const signal of ['SIGTERM', 'SIGINT']) process.removeAllListeners(signal);
  return () =>
    new Promise(() => {
      process.once('exit', (code) => (process.exitCode = code === 143 ? 0 : code));
      end('SIGTERM');
    });
};
