// The artifacts on hosts that run JavaScript. Each gives what makes an instance as the package's
// loader does, in texts; the functions of the Extism plugin's give promises.
import createPlugin from '@extism/extism';
import { transpileBytes } from '@bytecodealliance/jco-transpile';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * A handle with a text behind it. A plain Uint8Array: of a Buffer the SDK takes what lies beside it
 * in Node's pool.
 */
const addressed = (handle, text = '') => {
  const message = encoder.encode(text);
  const bytes = new Uint8Array(4 + message.length);
  new DataView(bytes.buffer).setUint32(0, handle, true);
  bytes.set(message, 4);
  return bytes;
};

/** The plugin on the Extism SDK. */
export const onExtism = async (bytes) => {
  const module = await WebAssembly.compile(bytes);
  return async () => {
    const plugin = await createPlugin(module, { runInWorker: false });
    const call = async (name, input) => (await plugin.call(name, input))?.bytes() ?? new Uint8Array();
    const value = (output) => new DataView(output.buffer, output.byteOffset, 4).getUint32(0, true);
    return {
      open: async (message) => value(await call('open', encoder.encode(message))),
      input: async (handle, message) => value(await call('input', addressed(handle, message))),
      effect: async (handle) => decoder.decode(await call('effect', addressed(handle))) || undefined,
      close: async (handle) => void (await call('close', addressed(handle))),
    };
  };
};

/** The component, made into JavaScript and a core module by jco, in a folder. */
export const transpiled = async (bytes, folder) => {
  const { files } = await transpileBytes(bytes, { name: 'oauth2', instantiation: 'async' });
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return files;
};

/** The component by jco. */
export const onJco = async (bytes, folder) => {
  const files = await transpiled(bytes, folder);
  const { instantiate } = await import(pathToFileURL(join(folder, 'oauth2.js')));
  const core = async (name) => WebAssembly.compile(files[name]);
  return async () => {
    const instance = await instantiate(core, {});
    return {
      open: (message) => instance.open(encoder.encode(message)),
      input: (handle, message) => instance.input(handle, encoder.encode(message)),
      effect: (handle) => decoder.decode(instance.effect(handle)) || undefined,
      close: (handle) => instance.close(handle),
    };
  };
};
