import type { Passage } from './exchange.js';

/**
 * A built-in module of the runtime. It is not imported, because bundlers resolve imports, and not
 * every runtime has it. Node has the function since 20.16; Deno and Bun have it, too.
 */
export const builtin = async (name: string) => (process as unknown as { getBuiltinModule(id: string): any }).getBuiltinModule(`node:${name}`);

/** The part of an `IncomingMessage` of `node:http` that is needed. */
export interface Incoming extends AsyncIterable<Uint8Array> {
  complete: boolean;
  destroy(): unknown;
}

/** The body that a peer sends, as a web stream. It fails if the body is truncated. */
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
 * How Node, Deno and Bun pass on bodies that they do not read: with `node:http`, which adds no
 * header, decompresses nothing, and reports a truncated answer. `undefined` in a runtime that does
 * not have it, or is no server.
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
      signal?.addEventListener('abort', () => reject(signal.reason)); // not every runtime emits an event for it
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
          // The server may have closed an idle connection while this request was sent.
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
