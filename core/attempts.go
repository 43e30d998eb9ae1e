package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/config"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/session"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/store"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/wire"
)

// maxRedeemed is how many redeemed attempts are remembered, so that a second delivery is not
// reported as a forged reply.
const maxRedeemed = 4

// An attempt is one authorization request that may still be answered, with the values that bind the
// answer to it.
type attempt struct {
	state, nonce, verifier, redirectURI, scope, appState string
	iss                                                  string // of the response that answers it
	at, maxAge                                           int64  // maxAge in s, -1: not requested
	key                                                  string // to which its tokens will be bound, "" for none
	mode                                                 string // response_mode
	acr                                                  string // acr_values, one of which the ID token must contain
}

// A keptAttempt is a stored attempt: a text, until it is answered.
type keptAttempt struct {
	state, key, text string
	at               int64
	redeemed         string // by which delivery of the callback; "": none yet
}

// attempts stores all attempts under one key, and makes one change at a time.
type attempts struct {
	link    *link.Link
	config  *config.Config
	store   *store.Store
	wire    *wire.Wire
	session *session.Session
	key     string
	list    []*keptAttempt
	version string
	loaded  bool
	queue   link.Serial
}

func findAttempt(list []*keptAttempt, state string) int {
	for i := range list {
		if list[i].state == state {
			return i
		}
	}
	return -1
}

// An updateRun changes the list: op changes a copy of it, which is then stored. If op or the store
// fails, nothing has changed.
type updateRun struct {
	change  store.Change
	list    *attempts
	current bool // the list equals what is stored now
	next    []*keptAttempt
	stale   []*keptAttempt // of lists that were overwritten, unless only the answers are lost
	op      func([]*keptAttempt) ([]*keptAttempt, *link.Fault)
	release func()
	done    func(*link.Fault)
}

// update runs op, perhaps several times. op may add and remove attempts but not change one; it
// returns nil if the list stays as it is.
func (a *attempts) update(op func([]*keptAttempt) ([]*keptAttempt, *link.Fault), done func(*link.Fault)) {
	u := &updateRun{list: a, op: op, done: done}
	u.change = store.Change{Store: a.store, Key: a.key, Version: &a.version, Tries: store.MaxTries, Text: u.text, Met: u.met, Done: u.stored}
	a.queue.Run(u.turn)
}

func (u *updateRun) turn(release func()) {
	u.release = release
	if !u.list.loaded {
		u.change.Look()
	} else if u.try() {
		u.change.Write()
	}
}

func (u *updateRun) met(value, version, unread string) bool {
	if unread != "" {
		u.end(session.StorageFault(unread))
		return false
	}
	if u.next != nil {
		u.stale = u.list.list
	}
	u.current = true
	u.list.read(value, version)
	return u.try()
}

// try reports whether there is something to store.
func (u *updateRun) try() bool {
	next, f := u.op(append([]*keptAttempt(nil), u.list.list...))
	if f != nil && f.Code == "wrong_state" && !u.current {
		// Another instance may have stored an attempt that this one has never seen: read the store
		// once.
		u.change.Look()
		return false
	}
	if f != nil || next == nil {
		u.end(f)
		return false
	}
	u.next = u.list.prune(next)
	return true
}

func (u *updateRun) text() string { return u.list.encode(u.next) }

func (u *updateRun) stored(failed string) {
	if failed != "" {
		u.end(session.StorageFault(failed))
		return
	}
	gone := u.list.list
	u.list.list = u.next
	for _, t := range gone {
		u.list.dropKey(t, t.redeemed != "")
	}
	for _, t := range u.stale {
		u.list.dropKey(t, true)
	}
	u.end(nil)
}

func (u *updateRun) end(f *link.Fault) {
	u.release()
	u.done(f)
}

// dropKey drops the key of an attempt that is no longer kept. If the attempt was redeemed, or
// another instance removed it, a session may use the key.
func (a *attempts) dropKey(gone *keptAttempt, used bool) {
	for _, t := range a.list {
		if t.key == gone.key {
			return
		}
	}
	switch {
	case !used:
		a.wire.DropKey(gone.key)
	case a.link.Now > gone.at+a.config.AttemptLife:
		a.session.DropUnused(gone.key)
		// Otherwise it was displaced, and may be on its way to a session; if not, its sign-in drops
		// it.
	}
}

// prune removes expired attempts, and if there are too many the oldest, redeemed ones first.
func (a *attempts) prune(list []*keptAttempt) []*keptAttempt {
	kept, redeemed := list[:0], 0
	for _, t := range list {
		if a.link.Now <= t.at+a.config.AttemptLife {
			kept = append(kept, t)
			if t.redeemed != "" {
				redeemed++
			}
		}
	}
	for redeemed > maxRedeemed || int64(len(kept)) > a.config.MaxAttempts {
		drop := 0
		for i, t := range kept {
			if t.redeemed != "" {
				drop = i
				redeemed--
				break
			}
		}
		kept = append(kept[:drop], kept[drop+1:]...)
	}
	return kept
}

// read reads the stored list.
func (a *attempts) read(value, version string) {
	a.loaded, a.version, a.list = true, version, nil
	v, _ := json.Parse(value)
	if !a.store.Ours(v) {
		return
	}
	over := -int(a.config.MaxAttempts) // the oldest come first
	for it := v.Get("attempts").Each(); it.Next(); {
		over++
	}
	for it := v.Get("attempts").Each(); it.Next(); over-- {
		if over > 0 {
			continue
		}
		e := it.Value()
		p := &keptAttempt{state: e.Get("state").Str(), key: e.Get("dpop_key").Str(), redeemed: e.Get("redeemed").Str(), text: e.Raw()}
		p.at, _ = e.Get("at").Int()
		a.link.Own(&p.state, &p.key, &p.redeemed, &p.text)
		a.list = append(a.list, p)
	}
}

// attemptNames are the members of texts, in their order.
const attemptNames = "state nonce code_verifier redirect_uri scope app_state dpop_key response_mode acr_values"

func (t *attempt) texts() []*string {
	return []*string{&t.state, &t.nonce, &t.verifier, &t.redirectURI, &t.scope, &t.appState, &t.key, &t.mode, &t.acr}
}

// read parses the attempt.
func (p *keptAttempt) read() *attempt {
	v, _ := json.Parse(p.text)
	t := &attempt{at: p.at, maxAge: -1}
	v.Texts(attemptNames, t.texts())
	if n, ok := v.Get("max_age").Int(); ok {
		t.maxAge = n
	}
	return t
}

func (a *attempts) encode(list []*keptAttempt) string {
	size := 0
	for _, t := range list {
		size += len(t.text) + 1
	}
	w := a.store.Begin()
	w.Grow(size + 64)
	w.Key("attempts")
	w.Open('[')
	for _, t := range list {
		w.Raw(t.text)
	}
	w.Close(']')
	w.Close('}')
	return w.String()
}

// pend returns the attempt as it is stored. redeemed is "" until a delivery of the callback uses
// the attempt.
func (t *attempt) pend(redeemed string) *keptAttempt {
	w := json.NewWriter()
	w.Open('{')
	w.MemberStrs(attemptNames, t.texts())
	w.MemberInt("at", t.at)
	if t.maxAge >= 0 {
		w.MemberInt("max_age", t.maxAge)
	}
	w.MemberStrIf("redeemed", redeemed)
	w.Close('}')
	return &keptAttempt{state: t.state, key: t.key, at: t.at, redeemed: redeemed, text: w.String()}
}
