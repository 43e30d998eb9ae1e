// Names of the web that not every environment's types have: Node's lack some, as does a program
// without the library "dom".

/** What the global `fetch` takes first. */
export type RequestInfo = Parameters<typeof globalThis.fetch>[0];

/** A key of WebCrypto. */
export type CryptoKey = Parameters<typeof globalThis.crypto.subtle.exportKey>[1];

/** A pair of keys of WebCrypto. */
export interface CryptoKeyPair {
  privateKey: CryptoKey;
  publicKey: CryptoKey;
}

/** How to listen: as `addEventListener` takes it. */
export type ListenerOptions = Parameters<EventTarget['addEventListener']>[2];
