// Package simulate runs the whole system without a clock: parties that share a store, an
// authorization server, and a network between them, all drawn from one seed. `make simulate` runs
// it; a violation prints the last steps, without secrets, and the command that runs its seed again.
//
// # Parties
//
// A party is a tab or a process: a [core.Engine] of its own with one session, and a host that does
// what core/contract/README.md asks of hosts. All parties of a world share one store with
// compare-and-set, and in most worlds locks as browsers have them: first come, first served, free
// at once when their holder dies. In the others a lock is answered unsupported. The server is
// package authserver on true time; its pages are gone through by a user. Users give commands, now
// and then several at the same millisecond, sign in, come back with the answer once or twice and in
// whichever tab, approve devices, stop polls that are under way. A world draws how long tokens
// live, the server's rotation grace, retry_window_ms, automatic refresh, hooks, a client secret,
// clocks that differ. A new command is a row of actions, a new effect a row of carriers.
//
// Three worlds of ten run with DPoP (RFC 9449). All parties of a world share one key store, as tabs
// share a database; its keys are made out of the seed and sign in earnest, and the server looks at
// every proof: signature, htm, htu, iat, ath, jti, in some worlds a nonce that changes every few
// seconds or minutes. It binds what it issues to the key. What prepare gives goes to a protected
// resource, and its answer to answered. A clock that jumped is set right after some minutes there,
// since no server takes a proof of another time.
//
// # Faults
//
// Requests and answers are lost, delayed, doubled, reordered, garbled, answered 503 or 429 by
// something in between, now and then with Retry-After; an answer comes after its time-out, or to
// the session that took the place of the one that asked. The store fails, is slow, or writes and
// loses the answer. Timers are early and late, clocks jump. Keys cannot be made, found or deleted,
// take their time, or come with their private part; a signature fails; a bearer token comes in
// place of a bound one; in a few worlds a key gets lost. Parties die between any two effects; what
// they were storing is then written, or not, or written later. They are opened anew: from the
// store, from their own bytes, from old ones. The server is restarted, and its store fails. Each
// world has some of these and not others.
//
// # Rules
//
//   - one-result, left-over, never-settles, effect-form, input-refused, panic: every command ends once, every effect is well formed, nothing is asked for for ever.
//   - secret-out: no event, error or log line holds a token, code, verifier, device code or client secret.
//   - given-out-before-stored, code-twice: an authorization URL comes when its attempt is stored; a code goes out once, whoever gets the callback.
//   - two-in-flight, no-lock: with locks one refresh request at a time, from its effect to its answer or its sender's death, and only under the lock.
//   - young-mark: without locks none while the mark of another is less than a minute away by the sender's clock.
//   - no-mark, sent-too-often, window-over, window-over-within-an-attempt, no-window: what goes out is marked in the store before; after an unknown outcome it goes out once
//     more an attempt, within retry_window_ms.
//   - successor-stored, successor-known, successor-dropped, unread-store: a refresh token whose successor a party received does not go out any more.
//   - granted-before-stored: granted comes after the store confirmed, or after not_persisted.
//   - session-lost: no session ends, in a party or in the store, without the user and while the server honours its token; at the end, all made good and everybody gone, a new
//     instance goes on with it.
//   - token-dropped, sign-in-given-up: what a party received and the server honours was stored, or the party said that it was not, or somebody signed in or out meanwhile.
//   - store-went-back, session-back, session-replaced, sign-in-stored-twice, blind-after-storing: the store never goes back to an older token, nor to a session that the user
//     ended, nor to one of another sign-in.
//   - key-missing, key-missing-unsaved: no session in the store is bound to a key that is gone, unless that was lost. key-shared: no two sign-ins have one key.
//   - key-left-over, spent-key-left-over, session-key-left-over, device-key-left-over, many-keys-left-over: at a quiet end every key is named by a session, an attempt or a device flow.
//   - no-proof, wrong-scheme, wrong-key, made-up-proof, proof-twice, proof-target, proof-token: a bound token never goes without a proof of its key, made for this very request and token.
//   - jti-twice, nonce-forgotten, private-member, proof-form, proof-time: each proof has a jti of its own, the nonce that the server told last, and nothing private.
//   - wrong-resource: an access token that is given out for a resource is for that one alone.
//   - downgrade, key-forgotten: a bearer token is not taken for a bound one, nor the other way round.
//   - poll-while-stopped, two-polls, poll-too-soon, poll-answer-used: polls of a device flow.
//
// # Exceptions
//
// They are counted in the report. A refresh token whose successor was received may go out again
// where the contract has no way to know better:
//
//   - Who had the successor died before the store held it. To everyone else that is an unknown outcome.
//   - The store failed, and who has the successor said not_persisted: it is in that memory only; or it went out from there, was never answered, and is dead.
//   - The store cannot be read, and the party holds what it said not_persisted of: it may be the only copy.
//   - Bytes that were handed in brought it, over a store that holds nothing newer of that session. They count: it is a host's way to restore.
//   - Without locks: the mark of another was a minute off by the clock, could not be stored, or was on the token of another sign-in.
//
// And besides:
//
//   - A token that went out unanswered is not sent any more once its window is over: then the session is over, though the server may honour its token.
//   - The store can fail to take the mark. A request goes out all the same: a store that is down is to keep nobody from a session.
//   - A sign-in was carried out by the store and its answer lost. If the user then ends that session elsewhere, the store is empty as before, and the second try brings it
//     back: empty is one version. If another signs in, either may stay; with clocks apart, or one that jumped, the one that came later may go.
//   - Bytes that were handed in may be older than what the store holds, and newer by a clock that was set back. If the store then cannot take their mark and the server refuses
//     their token, their end is stored over the newer session.
//   - A key that nothing names may be left over: it could not be deleted, or the answer of the key store was lost; the party that had it in memory, or its device flow, died (no more
//     keys a death than it had commands and effects under way, attempts that it had just taken out of the store, and two); an attempt went from the store, and the store's answer was lost.
//   - Bytes that were handed in bring back a session whose key went with its end.
//   - A clock that jumps by ten minutes while an attempt is being stored ends the attempt.
//
// # Planted faults
//
// Package plants keeps faults as changes to the core's files. make planted builds the core with all
// of them, as an overlay, and shows that each is found when it is in force, and after how many
// steps.
package simulate
