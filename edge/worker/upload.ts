/** A stream whose length goes along as Content-Length, and one without: Cloudflare's own. */
declare const FixedLengthStream: new (length: number) => TransformStream<Uint8Array, Uint8Array>;
declare const IdentityTransformStream: new () => TransformStream<Uint8Array, Uint8Array>;

/**
 * A body on its way to a server: a slow browser makes no silent server.
 *
 * @param length in bytes; `undefined` where it is not known
 * @param moved called for each piece that came, and that was taken
 * @param request what it belongs to: aborted where the browser breaks off, since the runtime would
 * end the body as if that were all of it
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
  pump().catch(() => {}); // whoever reads the one end or writes the other hears of it
  return readable;
};
