/**
 * The loader of oauth2.wasm: makes an instance and moves text over its boundary, nothing else.
 * core/contract/README.md is the contract it keeps. It has no dependency and touches nothing at
 * import.
 */

/**
 * @typedef {typeof globalThis extends { WebAssembly: { Module: { prototype: infer M } } } ? M :
 * object} Module a compiled module, also where types lack `WebAssembly`
 */

/**
 * @typedef {Module | ArrayBuffer | ArrayBufferView<ArrayBuffer> | Response} Source what an instance
 * can be made from
 */

/**
 * @typedef {object} Instance
 * @property {Module} module compiled; give it to `instantiate` for another instance
 * @property {number} memoryBytes the size of its memory, which never shrinks
 * @property {(text: string) => number} open a handle from 1 up; 0 is a refusal, and `effect(0)` its
 * reason
 * @property {(handle: number, text: string) => number} input the code: 0 taken, 1 unknown handle, 2
 * unreadable, 3 too long, 4 entropy
 * @property {(handle: number) => string | null} effect the next effect as JSON text
 * @property {(handle: number) => void} close forgets the handle
 */

/** The module threw, so its memory can no longer be trusted: every later call throws this too. */
export class Trap extends Error {
  name = 'Trap';
}

const ABI = 1;
/** The longest text that the module takes, in bytes. */
const LONGEST = 1 << 20;
/**
 * Most inputs fit here in the worst case of three bytes for a UTF-16 unit, so the buffer is made
 * once.
 */
const USUAL = 1 << 14;

/**
 * Makes an instance of the module.
 *
 * @param {Source | PromiseLike<Source>} source the module: compiled, its bytes, or the response
 * that brings them. A response of another media type than application/wasm is compiled from its
 * bytes.
 * @returns {Promise<Instance>}
 * @throws {TypeError} the response is no success
 * @throws {WebAssembly.CompileError | WebAssembly.LinkError} the bytes are no such module, or the
 * page's policy forbids it
 * @throws {Trap} it speaks another version of the contract, or failed while it started
 */
export async function instantiate(source) {
  let given = /** @type {any} */ (await source);
  if (given.arrayBuffer) {
    if (!given.ok) throw new TypeError('oauth2.wasm: HTTP status ' + given.status);
    const streams = /^application\/wasm$/i.test(given.headers.get('content-type'));
    given = await (streams ? WebAssembly.compileStreaming(given) : given.arrayBuffer());
  }
  const made = /** @type {any} */ (await WebAssembly.instantiate(given, {}));
  const exports = (made.instance || made).exports;
  const encoder = new TextEncoder();
  // A byte order mark inside a text is the text's own.
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let dead = false;
  let buffer = 0;
  let size = 0;
  /** All of the memory. When that grows, the old view has nothing any more. */
  let memory = new Uint8Array();
  const bytes = () => (memory.length ? memory : (memory = new Uint8Array(exports.memory.buffer)));

  /** @type {<T>(call: () => T) => T} */
  const guard = (call) => {
    if (dead) throw new Trap('oauth2.wasm: the instance is dead');
    dead = true; // until the call is over: a runtime may end it with nothing thrown
    try {
      const result = call();
      dead = false;
      return result;
    } catch (cause) {
      throw new Trap('oauth2.wasm: trapped', { cause });
    }
  };

  /**
   * @type {(text: string, call: (address: number, length: number, whole: boolean) => number) =>
   * number}
   */
  const give = (text, call) =>
    guard(() => {
      const worst = Math.min(Math.max(text.length * 3, USUAL), LONGEST);
      if (worst > size) {
        exports.oauth2_free(buffer);
        buffer = exports.oauth2_alloc((size = worst)) >>> 0;
        if (!buffer) {
          size = 0;
          return call(0, 0, false); // no memory for it
        }
      }
      const { read, written } = encoder.encodeInto(text, bytes().subarray(buffer, buffer + size));
      try {
        return call(buffer, written, read === text.length);
      } finally {
        // Inputs hold tokens and entropy.
        bytes().fill(0, buffer, buffer + written);
      }
    });

  guard(() => {
    exports._initialize();
    const abi = exports.oauth2_abi();
    if (abi !== ABI) throw new RangeError('oauth2.wasm: contract version ' + abi + ', not ' + ABI);
  });
  return {
    module: made.module || given,
    get memoryBytes() {
      return exports.memory.buffer.byteLength;
    },
    // What is cut off at the limit is no JSON any more: the module refuses it with a reason.
    open: (text) => give(text, exports.oauth2_open),
    input: (handle, text) => give(text, (address, length, whole) => (whole ? exports.oauth2_input(handle, address, length) : 3)),
    effect: (handle) =>
      guard(() => {
        const address = exports.oauth2_effect(handle) >>> 0;
        if (!address) return null;
        const all = bytes();
        const start = address + 4;
        return decoder.decode(all.subarray(start, start + new DataView(all.buffer).getUint32(address, true)));
      }),
    close: (handle) => guard(() => exports.oauth2_close(handle)),
  };
}
