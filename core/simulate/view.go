package simulate

// view is what an outside observer can know of a party: its inputs and its outputs.
type view struct {
	status     string
	loadedLast saved // the session that it last read
	held       saved // the session that it last read or wrote, as far as it was told
	// unread means that its last load failed. readAt is when, by its clock, the last load
	// succeeded.
	unread bool
	readAt int64
	// decided is the readAt at the time when the party last began to store.
	decided int64
	loaded  int64  // when, in true time
	tried   saved  // the session that it last tried to store
	refuse  string // the outcome of that, as far as it was told; "": success
	over    replaced
	wrote   int64  // true time of its last write that was carried out
	wroteIn int    // the step of that
	marks   string // the refresh token that it marked last
	// unanswered is its time when the last refresh came to its end, from which it decides to send
	// the token again.
	unanswered int64
	brought    []string // the keys in its bytes
	// endedNewer means that it ended a session in the store because its bytes were newer, by a
	// clock that was set back.
	endedNewer bool
	sends      int // refresh requests since the last load

	receipts []*receipt
	// failedOnce means that a store operation failed while this party waited for it.
	failedOnce bool
	withdrawn  map[string]bool // names of commands that were cancelled, or whose tokens could not be stored
}

// replaced is what a party's write replaced.
type replaced struct {
	saved
	marker int // of entry
}

func (v *view) confirm(refresh string) {
	for _, r := range v.receipts {
		if r.token.value == refresh {
			r.confirmed = true
		}
	}
}

// received reports whether an answer, or the user, brought the token to the party.
func (v *view) received(t *token) bool {
	for _, r := range v.receipts {
		if r.token == t {
			return true
		}
	}
	return false
}

// movedOn reports whether the party holds a sign-in of which it does not know whether it was
// stored. By that sign-in the user gave up the previous session.
func (v *view) movedOn() bool {
	for _, r := range v.receipts {
		if r.notPersisted && r.token.parent == nil && r.token.value != v.held.Refresh {
			return true
		}
	}
	return false
}

// homeless reports whether the party holds a sign-in that it could not store. By that sign-in the
// user gave up the session in the store.
func (v *view) homeless() bool {
	for _, r := range v.receipts {
		if r.notPersisted && r.token.parent == nil && r.token.stored == 0 {
			return true
		}
	}
	return false
}

// unsaved reports whether the party said that it could not store the token, or one from which it
// came.
func (v *view) unsaved(t *token) bool {
	for _, r := range v.receipts {
		if r.notPersisted && (r.token == t || t.comesFrom(r.token)) {
			return true
		}
	}
	return false
}

// A flow is what an outside observer can see of a party's device flow (RFC 8628).
type flow struct {
	polling  bool
	interval int64
	code     string // of the last poll
	asked    int64  // when, by the party's clock
	back     int64  // how far that clock was set back since the party was opened
	refused  string // the device code of a poll that was refused because it had no nonce, and is repeated at once
}
