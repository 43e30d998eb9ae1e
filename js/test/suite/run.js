// Both suites, on whatever host this runs.
import { runContract } from './contract.js';
import { runTranscripts } from './transcripts.js';

/**
 * @param {object} given
 * @param {string} given.host its name
 * @param {object} given.library the package
 * @param {(source: object) => Promise<{module: WebAssembly.Module}>} given.instantiate the package's loader
 * @param {BufferSource} given.bytes the module's bytes, as the package brings them
 * @param {WebAssembly.Module} [given.module] the module, where the host compiled it already
 * @param {{transcripts: {name: string, text: string}[], contract: object[], server: string}} given.data what the suites run on
 */
export const run = async ({ host, library, instantiate, bytes, module, data }) => {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  module ??= (await instantiate(bytes)).module;
  return {
    host,
    sha256: Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join(''),
    transcripts: await runTranscripts(instantiate, module, data.transcripts),
    contract: await runContract(library, module, data.contract, data.server),
  };
};
