/**
 * Building blocks of a host of the module: for runtimes that this package does not support, or for
 * kinds of sessions of your own. `core/contract/README.md` of the repository is the contract
 * between the module and its hosts.
 *
 * {@link Host} runs one session with many commands. {@link Requests} runs one session that serves
 * requests, each with executors of its own. Both use {@link Loop}: an input, all its effects, their
 * answers.
 *
 * @packageDocumentation
 */
import { verifyRSA } from './rsa.js';
import { verifyNatively } from './verify-natively.js';
import { useVerifiers } from './verify.js';

useVerifiers(verifyRSA, verifyNatively);

export { Host, type HostEvent, type HostOptions, OAuthError } from './index.js';
export { named } from './algorithms.js';
export { base64, base64url, entropy, unbase64, unbase64url } from './bytes.js';
export { lock } from './effects.js';
export type { EffectEntry } from './entry.js';
export type { ErrorDetails } from './error.js';
export { Failed } from './failed.js';
export { gather, send, wire } from './http.js';
export { CLIENT_KEY, type KeyStore } from './keys.js';
export { type Effect, type Executor, type Executors, type Input, Loop, type Outcome, type Owner } from './loop.js';
export type * from './messages.js';
export { type ModuleSource, Refused, Requests, type Session, Unreadable } from './requests.js';
export { readRing, type Ring, seal, unseal } from './seal.js';
export { key, type Keys, sign } from './sign.js';
export { verify } from './verify.js';
export { instantiate, type Instance, type Source, Trap } from '../../wasm_exec.js';
