// Both suites, on whatever host this runs.
import { runContract } from './contract.js';
import { runTranscripts } from './transcripts.js';

const sha256 = async (bytes) => Array.from(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)), (byte) => byte.toString(16).padStart(2, '0')).join('');

/**
 * @param {object} given
 * @param {string} given.host its name
 * @param {object} given.library the package
 * @param {(source: object) => Promise<{module: WebAssembly.Module}>} given.instantiate the package's loader
 * @param {BufferSource} given.bytes the module's bytes, as the package brings them
 * @param {WebAssembly.Module} [given.module] the module, where the host compiled it already
 * @param {{bytes: BufferSource, module?: WebAssembly.Module}} given.edge the second module, oauth2-edge.wasm
 * @param {{transcripts: {name: string, text: string}[], bff: {name: string, text: string}[], resource: {name: string, text: string}[], contract: object[], server: string}} given.data what the suites run on
 */
export const run = async ({ host, library, instantiate, bytes, module, edge, data }) => {
  module ??= (await instantiate(bytes)).module;
  const second = { sha256: await sha256(edge.bytes), module: edge.module ?? (await instantiate(edge.bytes)).module };
  return {
    host,
    sha256: await sha256(bytes),
    transcripts: await runTranscripts(instantiate, module, data.transcripts),
    contract: await runContract(library, module, data.contract, data.server),
    bff: { sha256: second.sha256, ...(await runTranscripts(instantiate, second.module, data.bff)) },
    resource: { sha256: second.sha256, ...(await runTranscripts(instantiate, second.module, data.resource)) },
  };
};
