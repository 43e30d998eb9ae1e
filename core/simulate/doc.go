// Package simulate runs the whole system without a clock: parties that share a store, an authorization server, and a network between them, all drawn from one seed.
//
// # Parties
//
// A party is a tab or a process: a [core.Engine] of its own with one session, and a host that does what core/testdata/README.md asks of hosts. All parties of a world share one
// store with compare-and-set, and in most worlds locks as browsers have them: first come, first served, free at once when their holder dies. In the others a lock is
// answered unsupported. The server is package authserver on true time; its browser pages are driven too. Users give commands, several at the same millisecond now and
// then, sign in, come back with the answer once or twice and in whichever tab.
//
// # Faults
//
// Requests and answers are lost, delayed, doubled, reordered, garbled, answered 503 or 429 by something in between; an answer comes after its time-out, or to the session
// that took the place of the one that asked. The store fails, is slow, or writes and loses the answer. Parties die between any two effects; what they were storing is
// then written, or not, or written later. They are opened anew, from the store, from their own bytes or from old ones. Clocks jump. The server is restarted.
//
// # Rules
//
//   - one-result, left-over, never-settles, effect-form, panic: every command ends once, every effect is well formed, nothing is asked for for ever.
//   - secret-out: no event, error or log line holds a token, code, verifier or client secret.
//   - code-twice: an authorization code goes out once, whoever gets the callback.
//   - two-in-flight, no-lock: with locks one refresh request at a time, and only under the lock.
//   - young-mark: without locks none while the mark of another is less than a minute old.
//   - no-mark, sent-too-often, window-over, no-window: what goes out is marked in the store before; after an unknown outcome it goes out once more an attempt, within retry_window_ms.
//   - successor-stored, successor-known, successor-dropped, unread-store: a refresh token whose successor a party received does not go out any more.
//   - granted-before-stored: granted comes after the store confirmed, or after not_persisted.
//   - session-lost: nobody's session ends in a party or in the store, without the user, while the server honours its token; at the end a new instance goes on with it.
//   - token-dropped: what a party received and the server honours was stored, or the party said that it was not.
//   - store-went-back, session-back, session-replaced: the store never goes back to an older token, to a session that the user ended, or to another user's sign-in.
//
// # Exceptions
//
// A token whose successor was received may go out again where the contract has no way to know better:
//
//   - who had the successor died before the store held it: an unknown outcome, to everyone else.
//   - the store failed and the party that has the successor said not_persisted: only its memory holds it.
//   - the store cannot be read, and what the party holds is what it said not_persisted of: it may be the only copy.
//   - bytes that were handed in, over a store that holds nothing newer of that session: they count (a host's way to restore).
//   - without locks, where the mark is older than a minute or of the future (clocks), or the store could not take it.
//
// A token that went out unanswered and whose window is over is not sent any more: then the session is over though the server may honour it.
package simulate
