import type { IncomingMessage } from 'node:http';
import type { Passage } from './exchange.js';

/** What a peer sends, as a stream of the web. What breaks off fails. */
export const bodyOf = (incoming: IncomingMessage): ReadableStream<Uint8Array> => {
  const pieces = incoming[Symbol.asyncIterator]();
  return new ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await pieces.next();
        if (!done) controller.enqueue(new Uint8Array(value));
        else if (incoming.complete) controller.close();
        else controller.error(new Error('the message broke off'));
      },
      cancel() {
        incoming.destroy();
      },
    },
    { highWaterMark: 0 },
  );
};

/**
 * How Node, Deno and Bun pass on what they do not read: by `node:http`, which adds no header, unpacks nothing, and says where an answer is cut.
 * `undefined` in a runtime that has none, or is no server.
 */
export const nodePassage = async (upload: Passage['upload']): Promise<Passage | undefined> => {
  if (!globalThis.process?.versions?.node || globalThis.navigator?.userAgent === 'Cloudflare-Workers') return undefined;
  const [{ request: plain }, { request: secured }, { Readable }] = await Promise.all([import('node:http'), import('node:https'), import('node:stream')]);
  const send: NonNullable<Passage['send']> = (url, { method, headers, body, signal }, length) =>
    new Promise((resolve, reject) => {
      const begin = (again: boolean) => {
        const given = headers as [string, string][];
        const fields: Record<string, string | string[]> = {};
        for (const [name, value] of given) fields[name] = name in fields ? [fields[name]!, value].flat() : value;
        if (length !== undefined) fields['content-length'] = String(length);
        const outgoing = (url.startsWith('https:') ? secured : plain)(url, { method, headers: fields, signal } as object);
        outgoing.on('response', (incoming) => {
          const { statusCode: status = 0, rawHeaders } = incoming;
          try {
            const headers = new Headers();
            for (let i = 0; i < rawHeaders.length; i += 2) headers.append(rawHeaders[i]!, rawHeaders[i + 1]!);
            const empty = [204, 205, 304].includes(status);
            if (empty) incoming.resume();
            resolve(new Response(empty ? null : bodyOf(incoming), { status, headers }));
          } catch (error) {
            outgoing.destroy();
            reject(error);
          }
        });
        outgoing.on('upgrade', (_, socket) => {
          socket.destroy();
          reject(new Error('the protocol was switched'));
        });
        outgoing.on('error', (error) => {
          // A connection that was idle may have been closed as this went out.
          if (again && outgoing.reusedSocket && (error as { code?: string }).code === 'ECONNRESET' && !(body instanceof ReadableStream)) begin(false);
          else reject(error);
        });
        if (body instanceof ReadableStream) Readable.fromWeb(body as never).on('error', (error) => outgoing.destroy(error)).pipe(outgoing);
        else outgoing.end(body ?? undefined);
      };
      begin(method === 'GET' || method === 'HEAD');
    });
  return { upload, download: (body) => body, request: {}, response: {}, unpacks: false, send };
};
