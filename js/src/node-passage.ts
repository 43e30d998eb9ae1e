import type { Passage } from './exchange.js';

/**
 * A module of the runtime's own. It is not imported, because bundlers look for what is imported,
 * and not every runtime has it. Node has the function since 20.16; Deno and Bun have it, too.
 */
export const builtin = async (name: string) => (process as unknown as { getBuiltinModule(id: string): any }).getBuiltinModule(`node:${name}`);

/** What is needed of an `IncomingMessage` of `node:http`. */
export interface Incoming extends AsyncIterable<Uint8Array> {
  complete: boolean;
  destroy(): unknown;
}

/** What a peer sends, as a stream of the web. What breaks off fails. */
export const bodyOf = (incoming: Incoming): ReadableStream<Uint8Array> => {
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
 * How Node, Deno and Bun pass on what they do not read: by `node:http`, which adds no header,
 * unpacks nothing, and says where an answer is cut. `undefined` in a runtime that has none, or is
 * no server.
 */
export const nodePassage = async (upload: Passage['upload']): Promise<Passage | undefined> => {
  if (!globalThis.process?.versions?.node || globalThis.navigator?.userAgent === 'Cloudflare-Workers') return undefined;
  const [{ request: plain }, { request: secured }, { Readable }] = (await Promise.all(['http', 'https', 'stream'].map(builtin))) as [
    typeof import('node:http'),
    typeof import('node:https'),
    typeof import('node:stream'),
  ];
  const send: NonNullable<Passage['send']> = (url, { method, headers, body, signal }, length) =>
    new Promise((resolve, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason)); // not every runtime tells of it by an event
      const begin = (again: boolean) => {
        const given = headers as [string, string][];
        const fields: Record<string, string | string[]> = {};
        for (const [name, value] of given) fields[name] = name in fields ? [fields[name]!, value].flat() : value;
        const whole = typeof body === 'string' ? new TextEncoder().encode(body) : (body as Uint8Array | ReadableStream | null);
        const size = whole instanceof Uint8Array ? whole.length : length;
        if (size !== undefined) fields['content-length'] = String(size);
        const outgoing = (url.startsWith('https:') ? secured : plain)(url, {
          method,
          path: url.replace(/^[^:]*:\/\/[^/?#]*/, ''),
          headers: fields,
          signal,
        } as object);
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
          if (again && outgoing.reusedSocket && (error as { code?: string }).code === 'ECONNRESET' && !(whole instanceof ReadableStream)) begin(false);
          else reject(error);
        });
        if (whole instanceof ReadableStream)
          Readable.fromWeb(whole as never)
            .on('error', (error) => outgoing.destroy(error))
            .pipe(outgoing);
        else outgoing.end(whole ?? undefined);
      };
      begin(method === 'GET' || method === 'HEAD');
    });
  return { upload, download: (body) => body, request: {}, response: {}, unpacks: false, send };
};
