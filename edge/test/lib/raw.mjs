// Requests as bytes, each on its own connection: for requests that no HTTP client would send.
import { connect } from 'node:net';

/** The first complete answer in the bytes of a connection, and the rest. */
const first = (bytes) => {
  const head = bytes.indexOf('\r\n\r\n') + 4;
  if (head < 4) return undefined;
  const text = bytes.toString('latin1', 0, head);
  const status = Number(text.split(' ')[1]);
  const length = /^content-length: (\d+)/im.exec(text);
  let end = head;
  if (/^transfer-encoding: chunked/im.test(text)) {
    end = bytes.indexOf('0\r\n\r\n', head) + 5;
    if (end < 5) return undefined;
  } else if (length) {
    end += Number(length[1]);
  }
  return end > bytes.length ? undefined : [{ status, text: bytes.toString('latin1', 0, end) }, bytes.subarray(end)];
};

/**
 * Writes bytes, and returns the answers, once there are enough of them, or the other side has
 * closed or reset the connection.
 *
 * @param {number} port on this machine
 * @param {string | (string | Promise)[]} pieces the data to write, in latin1; promises in between
 * are awaited
 * @param {{enough?: number, patience?: number}} [until] how many answers; after how many ms it
 * gives up if the other side waits for more
 * @returns {Promise<{status: number, text: string}[]>}
 */
export const raw = (port, pieces, { enough = 1, patience } = {}) =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const answers = [];
    let rest = Buffer.alloc(0);
    socket.on('data', (part) => {
      rest = Buffer.concat([rest, part]);
      for (let one = first(rest); one; one = first(rest)) {
        answers.push(one[0]);
        rest = one[1];
      }
      if (answers.length >= enough) socket.destroy();
    });
    socket.on('error', () => {}); // a reset is an answer, too
    const clock = patience && setTimeout(() => socket.destroy(), patience);
    socket.on('close', () => {
      clearTimeout(clock);
      resolve(answers);
    });
    socket.on('connect', async () => {
      for (const piece of [pieces].flat()) {
        if (piece.then) await piece;
        else socket.write(piece, 'latin1');
      }
    });
  });

/** The text of a request. */
export const message = (host, method, target, headers = [], body) => {
  const length = body === undefined ? [] : [['content-length', Buffer.byteLength(body)]];
  const lines = [['host', host], ...length, ...headers].map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n${body ?? ''}`;
};
