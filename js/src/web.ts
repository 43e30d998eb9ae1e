// Names of web types that some environments lack: Node's types lack some, and so does a program
// without the library "dom".

/** The first argument of the global `fetch`. */
export type RequestInfo = Parameters<typeof globalThis.fetch>[0];

/** A key of WebCrypto. */
export type CryptoKey = Parameters<typeof globalThis.crypto.subtle.exportKey>[1];

/** A pair of keys of WebCrypto. */
export interface CryptoKeyPair {
  privateKey: CryptoKey;
  publicKey: CryptoKey;
}

/** The options of `addEventListener`. */
export type ListenerOptions = Parameters<EventTarget['addEventListener']>[2];
