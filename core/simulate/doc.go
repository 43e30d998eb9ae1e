// Package simulate runs the whole system in virtual time: parties that share a store, an
// authorization server, and a network between them. Everything is drawn from one seed. `make
// simulate` runs it. If a rule is broken, it prints the last steps, without secrets, and the
// command that runs the seed again.
//
// # Parties
//
// A party plays a tab or a process: it has its own [core.Engine] with one session, and a host that
// follows core/contract/README.md. All parties of a world share one store with compare-and-set.
// Most worlds have locks like those of browsers: first come, first served, and released at once
// when the holder dies. In the other worlds a lock effect is answered with unsupported. The server
// is package authserver with the true time, and a user goes through its pages. Users give commands,
// now and then several in the same millisecond. They sign in, return with the answer once or twice
// and in any tab, approve devices, and stop polls that are under way. Each world draws the
// lifetimes of tokens, the server's rotation grace, retry_window_ms, automatic refresh, hooks, a
// client secret, and clocks that differ. A new command is a row of actions, a new effect a row of
// carriers.
//
// Three worlds of ten run with DPoP (RFC 9449). All parties of a world share one key store, as tabs
// share a database. Its keys are made from the seed and make real signatures, and the server checks
// every proof: signature, htm, htu, iat, ath, jti, and in some worlds a nonce that changes every
// few seconds or minutes. It binds the tokens that it issues to the key. The headers of prepare go
// to a protected resource, and its answer goes to answered. In these worlds a clock that jumped is
// corrected after some minutes, because no server accepts a proof with a wrong time.
//
// # Faults
//
// Requests and answers are lost, delayed, doubled, reordered or garbled. Something in between
// answers 503 or 429, now and then with Retry-After. An answer comes after its time-out, or to a
// session that replaced the one that asked. The store fails, is slow, or writes and loses the
// answer. Timers are early and late, clocks jump. Keys cannot be made, found or deleted, take time,
// or come with their private part. A signature fails. A bearer token comes in place of a bound one.
// In a few worlds a key gets lost. Parties die between any two effects; what they were storing is
// then written, or not, or written later. They are opened again: from the store, from their own
// bytes, or from old bytes. The server is restarted, and its store fails. Each world has some of
// these faults and not others.
//
// # Rules
//
//   - one-result, left-over, never-settles, effect-form, input-refused, panic: every command ends
//     once, every effect is well formed, and no effect is repeated for ever.
//   - secret-out: no event, error or log line contains a token, code, verifier, device code or
//     client secret.
//   - given-out-before-stored, code-twice: an authorization URL is returned only after its attempt
//     is stored. A code is sent once, whichever party gets the callback.
//   - two-in-flight, no-lock: with locks there is one refresh request at a time, from its effect to
//     its answer or its sender's death, and only under the lock.
//   - young-mark: without locks no refresh request is sent while another party's mark is less than
//     a minute away by the sender's clock.
//   - no-mark, sent-too-often, window-over, window-over-within-an-attempt, no-window: before a
//     token is sent, it is marked in the store. After an unknown outcome it is sent once more per
//     attempt, within retry_window_ms.
//   - successor-stored, successor-known, successor-dropped, unread-store: a refresh token is not
//     sent any more after a party received its successor.
//   - granted-before-stored: the event granted comes after the store has confirmed, or after
//     not_persisted.
//   - session-lost: no session ends, in a party or in the store, without the user, as long as the
//     server honours its token. At the end, without faults and with all parties closed, a new
//     instance continues the session.
//   - token-dropped, sign-in-given-up: a token that a party received and the server honours was
//     stored; or the party said that it was not; or somebody signed in or out meanwhile.
//   - store-went-back, session-back, session-replaced, sign-in-stored-twice, blind-after-storing:
//     the store never returns to an older token, to a session that the user ended, or to one of
//     another sign-in.
//   - key-missing, key-missing-unsaved: no session in the store is bound to a key that does not
//     exist, unless that key was lost. key-shared: no two sign-ins have the same key.
//   - key-left-over, spent-key-left-over, session-key-left-over, device-key-left-over,
//     many-keys-left-over: at a quiet end every key is named by a session, an attempt or a device
//     flow.
//   - no-proof, wrong-scheme, wrong-key, made-up-proof, proof-twice, proof-target, proof-token: a
//     bound token is never sent without a proof of its key, made for this request and this token.
//   - jti-twice, nonce-forgotten, private-member, proof-form, proof-time: each proof has its own
//     jti, the nonce that the server sent last, and nothing private.
//   - wrong-resource: an access token that is returned for a resource is valid for that resource
//     alone.
//   - downgrade, key-forgotten: a bearer token is not accepted in place of a bound one, nor the
//     other way round.
//   - poll-while-stopped, two-polls, poll-too-soon, poll-answer-used: the polls of a device flow.
//
// # Exceptions
//
// The report counts them. A refresh token whose successor was received may be sent again if the
// contract gives the party no way to know:
//
//   - The party that had the successor died before the store held it. For all others that is an
//     unknown outcome.
//   - The store failed, and the party that has the successor said not_persisted: the successor is
//     only in its memory. Or that party sent it, got no answer, and died.
//   - The store cannot be read, and the party holds a token that it reported as not_persisted: that
//     may be the only copy.
//   - Bytes that were handed in contain it, and the store holds nothing newer of that session. Such
//     bytes count, because they are a host's way to restore a session.
//   - Without locks: the other party's mark was a minute off by the clock, could not be stored, or
//     was on the token of another sign-in.
//
// Other exceptions:
//
//   - A token that was sent and not answered is not sent any more after its window. Then the
//     session has ended, although the server may honour its token.
//   - The store can fail to store the mark. The request is sent nevertheless: a store that is down
//     must not cut users off from their session.
//   - The store carried out the write of a sign-in, but its answer was lost. If the user then ends
//     that session elsewhere, the store is empty as before, and the retry restores the session,
//     because an empty store has only one version. If another user signs in, either session may
//     stay; if clocks differ, or one jumped, the later one may be lost.
//   - Bytes that were handed in may be older than what the store holds, and look newer by a clock
//     that was set back. If the store then cannot store their mark and the server refuses their
//     token, the end of their session is stored over the newer session.
//   - A key that nothing names may be left over: it could not be deleted, or the key store's answer
//     was lost; or the party that had it in memory, or its device flow, died; or an attempt was
//     removed from the store and the store's answer was lost. A dead party may leave at most as
//     many keys as it had commands and effects under way and attempts that it had just removed from
//     the store, and two more.
//   - Bytes that were handed in restore a session whose key was deleted when it ended.
//   - A clock that jumps by ten minutes while an attempt is being stored ends the attempt.
//
// # Planted faults
//
// Package plants holds faults as changes to the core's files. make planted builds the core with all
// of them, as an overlay. It shows that each fault, when it is switched on, is found, and after how
// many steps.
package simulate
