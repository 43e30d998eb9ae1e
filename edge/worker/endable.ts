declare const IdentityTransformStream: new () => TransformStream<Uint8Array, Uint8Array>;

/**
 * A stream of events on its way to the browser that can be ended, as one that came to its end.
 *
 * @param done called when nothing passes any more
 */
export const endable = (body: ReadableStream<Uint8Array>, done: () => void): { readable: ReadableStream<Uint8Array>; end(): void } => {
  const { readable, writable } = new IdentityTransformStream();
  const [reader, writer] = [body.getReader(), writable.getWriter()];
  const pump = async () => {
    try {
      for (let piece; !(piece = await reader.read()).done; ) await writer.write(piece.value);
      await writer.close();
    } catch {
      await Promise.allSettled([reader.cancel(), writer.abort()]);
    } finally {
      done();
    }
  };
  void pump();
  return { readable, end: () => void reader.cancel().catch(() => {}) };
};
