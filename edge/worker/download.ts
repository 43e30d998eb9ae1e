declare const IdentityTransformStream: new () => TransformStream<Uint8Array, Uint8Array>;

/** How workerd cancels a request, with its flag `nodejs_compat`. */
const { process } = globalThis as { process?: { exit?(code: number): void } };

/**
 * An answer of unknown length on its way to the browser, which has to notice if it is truncated.
 * When the stream of such an answer fails, workerd writes the last chunk, as if the answer were
 * complete (RFC 9112 section 7.1), unless the request is cancelled while a chunk is being written.
 * So if the upstream server breaks off, this cancels the request.
 *
 * @param over settles when the request has nothing else left to do
 */
export const breakable = (body: ReadableStream<Uint8Array>, over: Promise<unknown>): ReadableStream<Uint8Array> => {
  const { readable, writable } = new IdentityTransformStream();
  const [reader, writer] = [body.getReader(), writable.getWriter()];
  const cut = async (error: unknown) => {
    await over;
    void writer.write(new Uint8Array(1)).catch(() => {}); // the cancellation drops it before it is sent
    process?.exit?.(1);
    await writer.abort(error);
  };
  const pump = async () => {
    for (;;) {
      const piece = await reader.read().catch(cut);
      if (!piece) return;
      if (piece.done) return writer.close();
      await writer.write(piece.value);
    }
  };
  // If the browser has left, the upstream answer is cancelled.
  pump().catch((error) => reader.cancel(error).catch(() => {}));
  return readable;
};
