/** A stream whose length goes along as Content-Length, and one without: Cloudflare's own. */
declare const FixedLengthStream: new (length: number) => TransformStream<Uint8Array, Uint8Array>;
declare const IdentityTransformStream: new () => TransformStream<Uint8Array, Uint8Array>;

/**
 * A body on its way to a server: a slow browser makes no silent server.
 *
 * @param length in bytes; `undefined` where it is not known
 * @param moved called for each piece that came, and that was taken
 */
export const watched = (body: ReadableStream<Uint8Array>, length: number | undefined, moved: () => void): ReadableStream<Uint8Array> => {
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
      await writer.abort(error);
    }
  };
  pump().catch(() => {}); // whoever reads the one end or writes the other hears of it
  return readable;
};
