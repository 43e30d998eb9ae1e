import { base64, unbase64 } from './bytes.js';
import { Failed } from './failed.js';
import type { Answers, Content, Effects } from './messages.js';

/**
 * Some hosts (workerd) throw on unknown members of RequestInit, so only known ones are set.
 */
let init: RequestInit | undefined;
const cautious = (): RequestInit => {
  if (init) return init;
  init = { credentials: 'omit', cache: 'no-store', referrerPolicy: 'no-referrer' };
  for (const name in init) if (!(name in Request.prototype)) delete init[name as keyof RequestInit];
  return init;
};

/**
 * Whether the response is a redirect. Browsers hide that behind an opaque response; the statuses
 * are those that the Fetch standard calls redirects.
 */
export const isRedirect = ({ type, status }: Response): boolean => type === 'opaqueredirect' || [301, 302, 303, 307, 308].includes(status);

/**
 * Says where a redirect leads, without user and query, which may be secret. Browsers hide it.
 */
export const redirected = ({ status, headers }: Response): Error | undefined =>
  status ? new Error(`status ${status} to ${headers.get('location')?.replace(/[?#].*|(?<=\/\/)[^/]*@/gs, '')}`) : undefined;

/**
 * Resolves with the result of work, or rejects as soon as the signal aborts. In Node a `Request`
 * holds its signal weakly, so after a garbage collection an abort would not reach a fetch under
 * way.
 */
export const unless = <T>(signal: AbortSignal | null | undefined, work: Promise<T>): Promise<T> => {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort);
    if (signal.aborted) abort();
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
};

/**
 * Calls `close` when the signal aborts.
 *
 * @returns ends that: a signal may live much longer than what it closes, and would keep it
 */
export const closing = (signal: AbortSignal | null | undefined, close: () => void): (() => void) => {
  signal?.addEventListener('abort', close);
  if (signal?.aborted) close();
  return () => signal?.removeEventListener('abort', close);
};

const offline = () => globalThis.navigator?.onLine === false;

/**
 * The length of a body in bytes, if the headers say so and all of them are visible. With a transfer
 * coding, a length does not count (RFC 9112 section 6.3).
 */
const lengthOf = ({ type, headers }: Response): number | undefined => {
  const length = headers.get('content-length') ?? '';
  return /^\d+$/.test(length) && type !== 'cors' && !headers.has('content-encoding') && !headers.has('transfer-encoding') ? +length : undefined;
};

/** Reads a stream up to a number of bytes. */
export const gather = async (reader: ReadableStreamDefaultReader<Uint8Array> | undefined, most: number): Promise<Uint8Array> => {
  const parts: Uint8Array[] = [];
  for (let left = most, part; (part = (await reader?.read())?.value); parts.push(part)) {
    if ((left -= part.length) < 0) throw new Failed('too_large');
  }
  return parts.length === 1 ? parts[0]! : new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
};

/**
 * Reads a body up to a number of bytes. A body that ends before its length was cut off, which not
 * every host reports.
 */
const read = async (response: Response, most: number): Promise<Uint8Array> => {
  const length = lengthOf(response) ?? Infinity;
  // Reading a body of known, short length at once costs less than a stream.
  const bytes = length <= most ? new Uint8Array(await response.arrayBuffer()) : await gather(response.body?.getReader(), most);
  if (response.body && bytes.length < length && length < Infinity) throw new Failed('network');
  return bytes;
};

const decoder = /* @__PURE__ */ new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Bytes as a body on the wire. */
export const wire = (bytes: Uint8Array): Content => {
  try {
    return { text: decoder.decode(bytes) };
  } catch {
    return { base64: base64(bytes) };
  }
};

/** A `fetch` that also gets the effect; the global one ignores it. */
export type Sender = (url: string, init: RequestInit, effect: Effects['http']) => Promise<Response>;

/**
 * Sends a request without cookies. It follows no redirect, and ends after its timeout or with
 * `controller`.
 */
export const send = async (effect: Effects['http'], controller: AbortController, fetch: Sender): Promise<Answers['http']> => {
  const { method, url, headers, body, timeout_ms: timeout } = effect;
  const clock = setTimeout(() => controller.abort(new Failed('timeout')), timeout);
  const wasOffline = offline();
  const exchange = async () => {
    const response = await fetch(
      url,
      {
        ...cautious(),
        method,
        headers,
        body: !body ? null : 'base64' in body ? unbase64(body.base64) : body.text,
        redirect: 'manual',
        signal: controller.signal,
      },
      effect,
    );
    if (isRedirect(response)) throw new Failed('redirect', redirected(response));
    const bytes = await read(response, effect.max_body);
    return { status: response.status, headers: [...response.headers], body: wire(bytes) };
  };
  try {
    return await unless(controller.signal, exchange());
  } catch (error) {
    const kind =
      error instanceof Failed
        ? error.kind
        : controller.signal.aborted
          ? 'aborted'
          : // Only if there was no network all the time is it certain that nothing was sent.
            wasOffline && offline()
            ? 'unsent'
            : 'network';
    controller.abort(); // stops the rest of the answer
    throw new Failed(kind, error instanceof Failed ? error.cause : error);
  } finally {
    clearTimeout(clock);
  }
};
