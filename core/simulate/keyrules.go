package simulate

import (
	"encoding/json"
	"slices"
)

// judge checks a key effect before it is carried out.
func (w *World) judge(p *party, e *effect) {
	if e.Alg != keyAlg || e.Create && e.Delete {
		w.fail("effect-form", "%s: a key effect with alg %q, create %v, delete %v", p.name(), e.Alg, e.Create, e.Delete)
	}
}

// stored checks a text that a party wrote, and records which keys it names.
func (w *World) stored(p *party, key, value, before string) {
	if !w.plan.dpop {
		return
	}
	for _, name := range namesIn(before) {
		w.keys.record(name).known(p.id)
	}
	for _, name := range namesIn(value) {
		w.keys.record(name).known(p.id)
	}
	switch key {
	case sessionKey:
		w.named(p, readSaved(value), before)
	case "oauth2.pending":
		var pending struct {
			Attempts []struct {
				State, Redeemed string
				Key             string `json:"dpop_key"`
			}
		}
		json.Unmarshal([]byte(value), &pending) // without a text there are no attempts
		for _, a := range pending.Attempts {
			if a.Key == "" {
				continue
			}
			r := w.keys.record(a.Key)
			if r.attempt != "" && r.attempt != a.State || r.attempt == "" && (r.device != "" || r.root != nil) {
				w.fail("key-shared", "%s stores an attempt with %s, which something else has", p.name(), r.alias)
			}
			if a.Redeemed != "" && !r.spent {
				r.spent, r.jumps = true, w.jumps
			}
			r.attempt = a.State
		}
	case "oauth2.device":
		var device struct {
			Code string `json:"device_code"`
			Key  string `json:"dpop_key"`
		}
		if json.Unmarshal([]byte(value), &device); device.Key == "" {
			return
		}
		r := w.keys.record(device.Key)
		if r.device != "" && r.device != device.Code || r.attempt != "" {
			w.fail("key-shared", "%s stores a device flow with %s, which something else has", p.name(), r.alias)
		}
		r.device = device.Code
	}
}

// untold records attempts that were removed from the store although no party knows it.
func (w *World) untold(key, before, after string) {
	if key != "oauth2.pending" {
		return
	}
	left := namesIn(after)
	for _, name := range namesIn(before) {
		if !slices.Contains(left, name) {
			w.keys.record(name).excuse("an attempt went from the store, whose answer was lost")
		}
	}
}

// typed: a request with a proof gives a token that is bound to the proof's key, or none.
func (w *World) typed(p *party, session saved) {
	if session.Key != "" && session.Access != "" && session.Kind != "DPoP" {
		w.fail("downgrade", "%s stores a token of type %s with %s", p.name(), session.Kind, w.keys.record(session.Key).alias)
	}
}

// named checks a session that was written: the key to which it is bound exists, and belongs to no
// other session.
func (w *World) named(p *party, session saved, before string) {
	t := w.ledger.refresh[session.Refresh]
	if session.Key == "" {
		if w.ledger.jkts[session.Access] != "" {
			w.fail("key-forgotten", "%s stores %s, which is bound to a key, without one", p.name(), w.ledger.name(session.Access))
		}
		return
	}
	r := w.keys.record(session.Key)
	if t != nil {
		if r.root != nil && r.root != t.root {
			w.fail("key-shared", "%s stores %s with %s, the key of another sign-in", p.name(), t.name, r.alias)
		}
		r.root = t.root
	}
	if w.keys.keys[session.Key] == nil && readSaved(before).Key != session.Key {
		w.missing(p, r, session, "stores")
	}
}

// keyDropped checks the deletion of a key: the session in the store still needs its own key.
func (w *World) keyDropped(p *party, r *keyRecord) {
	if session := readSaved(w.store.entries[sessionKey].value); session.Key == r.name {
		w.missing(p, r, session, "drops the key of")
	}
}

// missing: the store holds a session whose key does not exist.
func (w *World) missing(p *party, r *keyRecord, session saved, does string) {
	t := w.ledger.refresh[session.Refresh]
	switch {
	case r.lost:
	case p.fromBytes:
		w.excuse("bytes brought back a session whose key is gone")
	case t != nil && t.root.muddled:
	case r.spent && r.jumps != w.jumps:
		w.excuse("the clock jumped over the life of an attempt while its code was redeemed: another instance dropped its key")
	case !w.server.honours(session.Refresh) && !w.server.accepts(session.Access):
		w.excuse("the key of a session in the store is gone, which the server does not honour any more")
	case p.refuse != "" && does != "stores":
		w.fail("key-missing-unsaved", "%s %s %s, which the store still holds and the server honours, since what should have taken its place could not be stored: %s is gone", p.name(), does, w.ledger.name(session.Refresh), r.alias)
	default:
		w.fail("key-missing", "%s %s %s, which the store holds and the server honours: %s is gone", p.name(), does, w.ledger.name(session.Refresh), r.alias)
	}
}

// takenOut records which party wrote a text that does not name some keys any more.
func (w *World) takenOut(p *party, before, after string) {
	still := namesIn(after)
	for _, name := range namesIn(before) {
		if !slices.Contains(still, name) {
			w.keys.record(name).taker = p.id
		}
	}
}

// crashed records the keys that a dying party knew and perhaps nobody else: keys that no stored
// text names, because they were in its memory on the way from an attempt to a session; keys that
// are named in the text that it was just replacing; and that of a device flow, because a party that
// continues the flow makes its own key. Other parties delete any other key that is named in the
// store.
func (w *World) crashed(p *party) {
	d := &death{allowed: len(p.commands) + len(p.tasks) + 2} // a sign-in each, the session that was replaced, and a device flow
	named := map[string]bool{}
	for _, key := range []string{sessionKey, "oauth2.pending"} {
		for _, name := range namesIn(w.store.entries[key].value) {
			named[name] = true
		}
	}
	for _, t := range p.tasks {
		if t.effect.Kind == "store" {
			for _, name := range namesIn(w.store.entries[t.effect.Key].value) {
				delete(named, name)
			}
		}
	}
	for _, name := range sortedKeys(w.keys.records) {
		r := w.keys.records[name]
		if named[name] || !slices.Contains(r.parties, p.id) {
			continue
		}
		// Who took a key out of a text has to delete it, even if an earlier death is charged.
		took := r.taker == p.id && w.keys.keys[name] != nil
		if took {
			d.allowed++ // for the expired attempts, which may be any number at once
		}
		if took || r.death == nil {
			r.death = d
		}
	}
}

// orphans: at a quiet end every key is named somewhere, or there is an excuse. memory is what the
// parties hold in addition to the store.
func (w *World) orphans(memory []string) {
	named := map[string]bool{}
	for _, key := range sortedKeys(w.store.entries) {
		memory = append(memory, w.store.entries[key].value)
	}
	for _, text := range memory {
		for _, name := range namesIn(text) {
			named[name] = true
		}
	}
	for _, name := range sortedKeys(w.keys.keys) {
		r := w.keys.records[name]
		switch {
		case named[name]:
			w.report.Keys["in use"]++
		case len(r.reasons) > 0:
			w.report.Keys["left over: "+r.reasons[len(r.reasons)-1]]++
		case r.death != nil:
			w.report.Keys["left over: who held it died"]++
			if r.death.left++; r.death.left > r.death.allowed {
				w.fail("many-keys-left-over", "one death left more than %d keys", r.death.allowed)
			}
		case r.device != "" && !r.held:
			w.fail("device-key-left-over", "%s of a device flow is still there, and nothing names it", r.alias)
		case r.held:
			w.fail("session-key-left-over", "%s of a session is still there, and nothing names it", r.alias)
		case r.spent:
			w.fail("spent-key-left-over", "%s of an attempt that was redeemed is still there, and nothing names it", r.alias)
		default:
			w.fail("key-left-over", "%s is still there, and nothing names it", r.alias)
		}
	}
}
