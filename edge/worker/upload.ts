/** Cloudflare's own streams: one whose length is sent as Content-Length, and one without. */
declare const FixedLengthStream: new (length: number) => TransformStream<Uint8Array, Uint8Array>;
declare const IdentityTransformStream: new () => TransformStream<Uint8Array, Uint8Array>;

/**
 * A body on its way to a server, watched so that a slow browser does not make the server count as
 * silent.
 *
 * @param length in bytes; `undefined` if it is not known
 * @param moved called for each piece that arrives, and for each that is sent on
 * @param request the request to the server: aborted if the browser breaks off, because the runtime
 * would end the body as if it were complete
 */
export const watched = (
  body: ReadableStream<Uint8Array>,
  length: number | undefined,
  moved: () => void,
  request: AbortController,
): ReadableStream<Uint8Array> => {
  const { readable, writable } = length === undefined ? new IdentityTransformStream() : new FixedLengthStream(length);
  const pump = async () => {
    const writer = writable.getWriter();
    try {
      for await (const piece of body) {
        moved();
        await writer.write(piece);
        moved();
      }
      await writer.close();
    } catch (error) {
      request.abort();
      await writer.abort(error);
    }
  };
  pump().catch(() => {}); // the reader and the writer get the error
  return readable;
};
