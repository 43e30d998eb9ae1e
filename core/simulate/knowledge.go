package simulate

import (
	"encoding/json"
	"slices"
	"strings"
)

// seen records what the answer tells the party about the stored session, and about a lock.
func (p *party) seen(e *effect, member string) {
	went := strings.HasPrefix(member, `"ok"`)
	if e.Kind == "lock" && !went {
		delete(p.locks, e.ID)
	}
	if e.Kind == "load" && e.Key == "older."+sessionKey && !went {
		p.unread, p.sends = true, 0 // then the session's own key is not loaded
	}
	if e.Kind == "load" && !went {
		for _, name := range p.brought {
			if r := p.w.keys.record(name); r.device == "" && r.attempt == "" && r.root == nil {
				r.excuse("bytes brought a device flow that was over and never stored, and the store could not be read")
			}
		}
	}
	if e.Key != sessionKey {
		return
	}
	if e.Kind == "load" {
		if p.unread = !went; went {
			var answer struct{ OK struct{ Value string } }
			json.Unmarshal([]byte("{"+member+"}"), &answer) // we wrote it ourselves
			p.loadedLast = readSaved(answer.OK.Value)
			p.readAt, p.loaded = p.now(), p.w.now
			if e.carriedOut >= p.wroteIn { // else it has written something newer since
				p.held = p.loadedLast
				p.confirm(p.held.Refresh)
			}
		}
		p.sends = 0
		return
	}
	p.tried = saved{}
	if e.Value != nil {
		p.tried = readSaved(*e.Value)
	}
	p.refuse = ""
	if went {
		p.held = p.tried
		if p.held.SentAt != 0 {
			p.marks = p.held.Refresh
		}
		p.confirm(p.held.Refresh)
		return
	}
	p.failedOnce = true
	_, kind, _ := strings.Cut(member, `"kind":"`)
	p.refuse, _, _ = strings.Cut(kind, `"`)
}

// noteStored records a write when it is carried out, before the party knows.
func (p *party) noteStored(e *effect, outcome string) {
	if e.Key != sessionKey || e.Value == nil {
		return
	}
	if outcome == "ok" {
		p.wrote, p.wroteIn = p.w.now, p.w.steps
	}
}

// learn records what an answer tells the party. outcome is given, refused, unused or unknown.
func (x *exchange) learn(member, outcome string) {
	w, p := x.w, x.p
	if x.t.refresh != nil {
		x.t.refresh.unknown = outcome == "unknown"
		p.unanswered = p.now()
	}
	if outcome != "given" || x.e.Stage != "token" && x.e.Stage != "refresh" && x.e.Stage != "polling" {
		return
	}
	var answer struct {
		OK struct{ Body struct{ Text string } }
	}
	var issued tokenAnswer
	if json.Unmarshal([]byte("{"+member+"}"), &answer) != nil || json.Unmarshal([]byte(answer.OK.Body.Text), &issued) != nil {
		return
	}
	p.receive(issued, min(x.t.began, p.loaded))
	if x.t.refresh == nil && (issued.Type == "" || w.plan.dpop && issued.Type != "DPoP") {
		p.receipts = p.receipts[:len(p.receipts)-1] // the answer to a refused code brings no tokens
		return
	}
	if n := len(p.receipts); n > 0 {
		p.receipts[n-1].unwanted = x.e.Stage == "polling" && !p.flow.polling
	}
	w.note(p, "has %s", w.ledger.name(issued.Refresh))
}

// receive records that the party has tokens from now on.
func (p *party) receive(issued tokenAnswer, began int64) {
	if t := p.w.ledger.refresh[issued.Refresh]; t != nil {
		r := &receipt{token: t, p: p, began: began, at: p.w.now, expiresAt: p.now() + issued.Expires*1000}
		t.receipts = append(t.receipts, r)
		p.receipts = append(p.receipts, r)
	}
}

// written checks what a write changes in the stored session, and returns who set its mark.
func (w *World) written(p *party, found entry, next saved) (marker int) {
	old := readSaved(found.value)
	p.over = replaced{old, found.marker}
	from, to := w.ledger.refresh[old.Refresh], w.ledger.refresh[next.Refresh]
	ending, signing := p.runs("log_out", "revoke"), to != nil && to.parent == nil && p.received(to)
	switch {
	case from != to && signing && to.stored != 0:
		switch {
		case from != nil && !from.comesFrom(to) && !to.used():
			w.excuse("two sign-ins at a time, and the store's answer to one was lost")
		case p.fromBytes && p.wrote == 0:
			w.excuse("bytes over an emptied store")
		case p.fromBytes && from == nil && next.SentAt != 0:
			w.fail("blind-after-storing", "%s stores %s once more over an empty store, which it had written itself", p.name(), to.name)
		case found.version == "":
			w.excuse("a sign-in was stored, its answer lost, and ended elsewhere before the second try")
		default:
			w.fail("sign-in-stored-twice", "%s stores %s of its sign-in once more, over what became of the session since", p.name(), to.name)
		}
		to.revived, to.root.over, to.root.muddled = w.now, false, true
		w.store.replaced = w.now
	case from == to:
	case to == nil && (ending || p.homeless()):
		from.root.over = true
		w.store.replaced = w.now
	case to == nil:
		if p.fromBytes && p.wrote == 0 {
			p.endedNewer = true
			w.excuse("bytes that a clock says are newer than the store: their end is stored over it")
		} else if w.server.honours(from.value) {
			w.fail("session-lost", "%s ends the session in the store, but nobody asked and the server honours %s", p.name(), from.name)
		}
	case from == nil:
		if to.root.over && !p.fromBytes && !p.unsaved(to) {
			w.fail("session-back", "%s stores %s of a session that was ended", p.name(), to.name)
		}
		if signing {
			w.store.replaced = w.now
		}
		w.revived(p, to)
	case to.comesFrom(from):
		w.revived(p, to)
	case from.comesFrom(to):
		w.fail("store-went-back", "%s stores %s over its successor %s", p.name(), to.name, from.name)
	case p.unsaved(to): // a sign-in that could not be stored before
		w.store.replaced = w.now
	case to.root == from.root: // two successors of one token, within the server's grace
	case signing:
		w.store.replaced = w.now
	case p.fromBytes:
		w.revived(p, to)
		w.store.replaced = w.now
	default:
		w.fail("session-replaced", "%s stores %s over %s, and nobody signed in there", p.name(), to.name, from.name)
	}
	if signing && slices.ContainsFunc(to.receipts, func(r *receipt) bool { return r.p == p && r.unwanted }) {
		w.fail("poll-answer-used", "%s stores %s, which came when polling was stopped", p.name(), to.name)
	}
	if to != nil && to.stored == 0 {
		to.stored = w.now
	}
	switch {
	case next.SentAt == 0:
		return 0
	case next.Refresh == old.Refresh && next.TriedBy == old.TriedBy:
		return found.marker
	}
	return p.id
}

// revived records that bytes which were handed in restored a token, when the store held nothing
// newer of that session.
func (w *World) revived(p *party, t *token) {
	if p.fromBytes && t.stored != 0 {
		t.revived = w.now
	}
}
