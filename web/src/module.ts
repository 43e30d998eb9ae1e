import { byId } from './dom.js';

let compiled: Promise<WebAssembly.Module> | undefined;

/** The module was not to be had; told apart from everything that can go wrong once it runs. */
export class LoadError extends Error {}

const load = async (): Promise<WebAssembly.Module> => {
  let bytes: ArrayBuffer;
  try {
    const response = await fetch('/oauth2.wasm');
    if (!response.ok) throw new Error('HTTP status ' + response.status);
    bytes = await response.arrayBuffer();
  } catch (cause) {
    throw new LoadError('not fetched', { cause });
  }
  try {
    const module = await WebAssembly.compile(bytes);
    byId('fact-size').textContent = bytes.byteLength.toLocaleString('en');
    byId('fact-imports').textContent = String(WebAssembly.Module.imports(module).length);
    return module;
  } catch (cause) {
    throw new LoadError('not compiled', { cause });
  }
};

/**
 * Loads the module once. The package would find it by itself; the page does it to say what it is
 * made of.
 */
export const module = (): Promise<WebAssembly.Module> => (compiled ??= load());
