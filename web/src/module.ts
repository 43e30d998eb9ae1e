import { byId } from './dom.js';

let compiled: Promise<WebAssembly.Module> | undefined;

/** The module could not be loaded, as opposed to failures while it runs. */
export class LoadError extends Error {}

/** Shows how many bytes of the module were transferred, if the browser says so. */
const showSize = (url: string, bytes: number, encoding: string | null) => {
  const [entry] = performance.getEntriesByName(new URL(url, location.href).href) as PerformanceResourceTiming[];
  const sent = entry?.encodedBodySize || bytes;
  const how: Record<string, string> = { br: 'brotli', gzip: 'gzip' };
  byId('fact-size').textContent = sent.toLocaleString('en');
  byId('fact-size-how').textContent = sent < bytes ? `bytes on the wire (${how[encoding ?? ''] ?? 'compressed'})` : 'bytes, not compressed by this server';
  byId('fact-size').parentElement!.title = `${bytes.toLocaleString('en')} bytes in all`;
};

const load = async (): Promise<WebAssembly.Module> => {
  let bytes: ArrayBuffer;
  let encoding: string | null;
  const url = 'oauth2.wasm';
  try {
    const response = await fetch(url);
    if (!response.ok) throw new Error('HTTP status ' + response.status);
    encoding = response.headers.get('content-encoding');
    bytes = await response.arrayBuffer();
  } catch (cause) {
    throw new LoadError('not fetched', { cause });
  }
  try {
    const module = await WebAssembly.compile(bytes);
    showSize(url, bytes.byteLength, encoding);
    byId('fact-imports').textContent = String(WebAssembly.Module.imports(module).length);
    return module;
  } catch (cause) {
    throw new LoadError('not compiled', { cause });
  }
};

/**
 * Loads the module once. The package would find it by itself; the page loads it to show its size.
 */
export const module = (): Promise<WebAssembly.Module> => (compiled ??= load());
