import { instantiate } from '../../wasm_exec.js';
import { loadSuites, moduleAt, replay, replaySuites, type Step } from './replay.js';

/** An order to the worker: all suites, or one conversation of unknown origin. */
export type Order = { all: true } | { text: string } | { packed: string };

/** Its reply. */
export type Reply = { results: Awaited<ReturnType<typeof replaySuites>> } | { steps: Step[]; text: string } | { error: string };

/** The most of a conversation from elsewhere, in characters. */
const MOST = 2_000_000;
/** The most lines of it. */
const LINES = 5_000;

/** Decompresses the fragment of a link, up to the limit. */
const unpack = async (packed: string): Promise<string> => {
  const bytes = Uint8Array.from(atob(packed.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw')).getReader();
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  for (let part; (part = (await reader.read()).value); parts.push(part as Uint8Array<ArrayBuffer>)) {
    if ((length += part.length) > MOST) throw new RangeError(`It is longer than ${MOST.toLocaleString('en')} characters.`);
  }
  return await new Blob(parts).text();
};

const one = async (text: string): Promise<Reply> => {
  if (text.length > MOST) throw new RangeError(`It is longer than ${MOST.toLocaleString('en')} characters.`);
  if (text.split('\n', LINES + 1).length > LINES) throw new RangeError(`It has more than ${LINES.toLocaleString('en')} lines.`);
  if (!/^\{.*\}\r?\n/.test(text)) throw new SyntaxError('Its first line is no JSON object: this is no conversation as core/contract/README.md has it.');
  const name = /^[^\n]*"profile":"page"/.test(text) ? 'oauth2.wasm' : 'oauth2-edge.wasm';
  return { steps: replay(await instantiate(await moduleAt(name)), text), text };
};

const carryOut = async (order: Order): Promise<Reply> => {
  if ('all' in order) return { results: await replaySuites(await loadSuites(), () => {}) };
  return one('packed' in order ? await unpack(order.packed) : order.text);
};

addEventListener('message', ({ data }: MessageEvent<Order>) => {
  carryOut(data).then(
    (reply) => postMessage(reply),
    (error: Error) => postMessage({ error: error.message } satisfies Reply),
  );
});
