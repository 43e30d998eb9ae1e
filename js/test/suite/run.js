// Runs both suites, on any host.
import { runContract } from './contract.js';
import { runTranscripts } from './transcripts.js';

const sha256 = async (bytes) => Array.from(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)), (byte) => byte.toString(16).padStart(2, '0')).join('');

/**
 * @param {object} given
 * @param {string} given.host its name
 * @param {object} given.library the package
 * @param {(source: object) => Promise<{module: WebAssembly.Module}>} given.instantiate the
 * package's loader
 * @param {BufferSource} given.bytes the bytes of oauth2-full.wasm, as the package brings them
 * @param {WebAssembly.Module} [given.module] the module, if the host has compiled it already
 * @param {{bytes: BufferSource, module?: WebAssembly.Module}} given.page oauth2.wasm
 * @param {{bytes: BufferSource, module?: WebAssembly.Module}} given.edge oauth2-edge.wasm
 * @param {{transcripts: {name: string, text: string}[], bff: {name: string, text: string}[],
 * resource: {name: string, text: string}[], contract: object[], server: string}} given.data the
 * data of the suites
 */
export const run = async ({ host, library, instantiate, bytes, module, page, edge, data }) => {
  module ??= (await instantiate(bytes)).module;
  const other = async ({ bytes, module }, transcripts) => ({
    sha256: await sha256(bytes),
    ...(await runTranscripts(instantiate, module ?? (await instantiate(bytes)).module, transcripts)),
  });
  return {
    host,
    sha256: await sha256(bytes),
    transcripts: await runTranscripts(instantiate, module, data.transcripts),
    page: await other(
      page,
      data.transcripts.filter(({ text }) => /^.*"profile":"page"/.test(text)),
    ),
    contract: await runContract(library, module, data.contract, data.server),
    bff: await other(edge, data.bff),
    resource: await other(edge, data.resource),
  };
};
