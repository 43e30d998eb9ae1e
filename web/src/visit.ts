import { remember, remembered } from './dom.js';
import { module } from './module.js';
import { recorded } from './record.js';
import { shareable, transcript } from './share.js';

/** The visit of this tab before the redirect to the server, already shareable. */
const KEY = 'demo.visit';

const before = (): string[][] => {
  try {
    return JSON.parse(remembered(KEY) ?? '[]') as string[][];
  } catch {
    return [];
  }
};

const now = async (): Promise<string[][]> => [...before(), ...(await shareable(await module(), recorded().conversations))];

/**
 * Stores this visit over the redirect to the server and back. No secret is stored: a visit that
 * cannot be made shareable is not stored.
 */
export const keepVisit = async (): Promise<void> => {
  const kept = await now().catch(() => undefined);
  if (kept) remember(KEY, JSON.stringify(kept));
};

/** The conversation of this visit, made shareable. */
export const visit = async (): Promise<string> =>
  transcript(await now(), `A visit to the demo, run again with stand-ins for every secret${recorded().cut ? '; it was longer than what is kept' : ''}.`);

/** The same, as the fragment of a link. */
export const fragment = async (text: string): Promise<string> => {
  const packed = new Blob([text]).stream().pipeThrough(new CompressionStream('deflate-raw'));
  const bytes = new Uint8Array(await new Response(packed).arrayBuffer());
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return 'c=' + btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
};
