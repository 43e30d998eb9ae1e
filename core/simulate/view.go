package simulate

// view is what can be known of a party from outside: what it was told, and what it said.
type view struct {
	status     string
	loadedLast saved // what it last read
	held       saved // the session that it last read or wrote, as it was told
	// unread tells that its last load failed, readAt is when by its clock the last one went well.
	unread bool
	readAt int64
	// decided is readAt as it was when the party last began to store.
	decided int64
	loaded  int64  // true time of that
	tried   saved  // what it last wanted to store
	refuse  string // what became of that, as it was told; "" well
	over    replaced
	wrote   int64 // true time of the last write that was carried out
	// endedNewer tells that it ended a session in the store which its bytes, by a clock that was
	// set back, were newer than.
	endedNewer bool
	sends      int // refresh requests since the last load

	receipts []*receipt
	// failedOnce tells that a store failed while this party waited for it.
	failedOnce bool
	withdrawn  map[string]bool // names of commands that were cancelled, or could not store what they were asked for
}

// replaced is what stood where a party wrote.
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

// received tells whether an answer, or the user, brought the token to the party.
func (v *view) received(t *token) bool {
	for _, r := range v.receipts {
		if r.token == t {
			return true
		}
	}
	return false
}

// movedOn tells whether the party holds a sign-in of which it does not know whether it was stored:
// with that the user gave up what it had before.
func (v *view) movedOn() bool {
	for _, r := range v.receipts {
		if r.notPersisted && r.token.parent == nil && r.token.value != v.held.Refresh {
			return true
		}
	}
	return false
}

// homeless tells whether the party holds a sign-in that it could not store: with that the user gave
// up what the store holds.
func (v *view) homeless() bool {
	for _, r := range v.receipts {
		if r.notPersisted && r.token.parent == nil && r.token.stored == 0 {
			return true
		}
	}
	return false
}

// unsaved tells whether the party said that it could not store the token, or one that it came from.
func (v *view) unsaved(t *token) bool {
	for _, r := range v.receipts {
		if r.notPersisted && (r.token == t || t.comesFrom(r.token)) {
			return true
		}
	}
	return false
}

// A flow is what can be seen of a party's device flow (RFC 8628).
type flow struct {
	polling  bool
	interval int64
	code     string // of the last poll
	asked    int64  // when that was, by the party's clock
	back     int64  // how far that clock was set back since the party was opened
	refused  string // the code of a poll that was refused for want of a nonce, and goes out once more at once
}
