import { breakable } from './download.js';

/**
 * An event stream on its way to the browser that can be ended as if it were complete. If the server
 * truncates it before that, it is truncated here, too.
 *
 * @param over settles when the request has nothing else left to do
 * @param done called when the stream has ended
 */
export const endable = (body: ReadableStream<Uint8Array>, over: Promise<unknown>, done: () => void): { readable: ReadableStream<Uint8Array>; end(): void } => {
  const reader = body.getReader();
  const passing = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done: ended, value } = await reader.read();
          if (!ended) return controller.enqueue(value);
          done();
          controller.close();
        } catch (error) {
          done();
          throw error;
        }
      },
      cancel(reason) {
        done();
        return reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
  return { readable: breakable(passing, over), end: () => void reader.cancel().catch(() => {}) };
};
