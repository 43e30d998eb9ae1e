package simulate

import (
	"encoding/json"
	"fmt"
	"slices"
)

// A keyRecord is what is known of a key, whether it is there or not.
type keyRecord struct {
	name, alias string
	made        int
	lost        bool
	// owner is what was stored with the key first: an attempt, a device code, a sign-in. There is one of each at most, in the order of a sign-in.
	attempt, device string
	root            *token
	parties         []*party // that know of it
	reasons         []string // why it may be left over
	death           *death   // of who may have been the only one to know of it
	spent           bool     // its attempt was redeemed
	jumps           int      // of the clock, by then
	held            bool     // a session with it was to be stored, whatever came of that
}

func (s *keyStore) record(name string) *keyRecord {
	r := s.records[name]
	if r == nil {
		r = &keyRecord{name: name, alias: fmt.Sprintf("key%d", len(s.records)+1)}
		s.records[name] = r
	}
	return r
}

func (r *keyRecord) known(p *party) {
	if !slices.Contains(r.parties, p) {
		r.parties = append(r.parties, p)
	}
}

// excuse says why the key may be there though nothing names it.
func (r *keyRecord) excuse(why string) { r.reasons = append(r.reasons, why) }

// judge looks at a key effect before it is carried out.
func (s *keyStore) judge(p *party, e *effect) {
	if e.Alg != keyAlg || e.Create && e.Delete {
		s.w.fail("effect-form", "%s: a key effect with alg %q, create %v, delete %v", p.name(), e.Alg, e.Create, e.Delete)
	}
}

// stored judges a text that a party wrote, and who names which key.
func (s *keyStore) stored(p *party, key, value, before string) {
	if !s.w.plan.dpop {
		return
	}
	for _, name := range namesIn(before) {
		s.record(name).known(p)
	}
	for _, name := range namesIn(value) {
		s.record(name).known(p)
	}
	switch key {
	case sessionKey:
		s.named(p, readSaved(value), before)
	case "oauth2.pending":
		var pending struct {
			Attempts []struct {
				State, Redeemed string
				Key             string `json:"dpop_key"`
			}
		}
		json.Unmarshal([]byte(value), &pending) // nothing has no attempts
		for _, a := range pending.Attempts {
			if a.Key == "" {
				continue
			}
			r := s.record(a.Key)
			if r.attempt != "" && r.attempt != a.State || r.attempt == "" && (r.device != "" || r.root != nil) {
				s.w.fail("key-shared", "%s stores an attempt with %s, which something else has", p.name(), r.alias)
			}
			if a.Redeemed != "" && !r.spent {
				r.spent, r.jumps = true, s.w.jumps
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
		r := s.record(device.Key)
		if r.device != "" && r.device != device.Code || r.attempt != "" {
			s.w.fail("key-shared", "%s stores a device flow with %s, which something else has", p.name(), r.alias)
		}
		r.device = device.Code
	}
}

// untold notes attempts that went from the store without anybody knowing.
func (s *keyStore) untold(key, before, after string) {
	if key != "oauth2.pending" {
		return
	}
	left := namesIn(after)
	for _, name := range namesIn(before) {
		if !slices.Contains(left, name) {
			s.record(name).excuse("an attempt went from the store, whose answer was lost")
		}
	}
}

// typed: what was asked for with a proof is a token bound to its key, or nothing.
func (s *keyStore) typed(p *party, session saved) {
	if session.Key != "" && session.Access != "" && session.Kind != "DPoP" {
		s.w.fail("downgrade", "%s stores a token of type %s with %s", p.name(), session.Kind, s.record(session.Key).alias)
	}
}

// named judges a session that was written: what it is bound to is there, and is no other session's.
func (s *keyStore) named(p *party, session saved, before string) {
	w, t := s.w, s.w.ledger.refresh[session.Refresh]
	if session.Key == "" {
		if w.ledger.jkts[session.Access] != "" {
			w.fail("key-forgotten", "%s stores %s, which is bound to a key, without one", p.name(), w.ledger.name(session.Access))
		}
		return
	}
	r := s.record(session.Key)
	if t != nil {
		if r.root != nil && r.root != t.root {
			w.fail("key-shared", "%s stores %s with %s, the key of another sign-in", p.name(), t.name, r.alias)
		}
		r.root = t.root
	}
	if s.keys[session.Key] == nil && readSaved(before).Key != session.Key {
		s.missing(p, r, session, "stores")
	}
}

// dropped judges a key as it goes: the session in the store still needs its own.
func (s *keyStore) dropped(p *party, r *keyRecord) {
	if session := readSaved(s.w.store.entries[sessionKey].value); session.Key == r.name {
		s.missing(p, r, session, "drops the key of")
	}
}

// missing: the store holds a session whose key is not there.
func (s *keyStore) missing(p *party, r *keyRecord, session saved, does string) {
	w, t := s.w, s.w.ledger.refresh[session.Refresh]
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

// A death says what keys a party may leave behind.
type death struct{ allowed, left int }

// crashed notes the keys that a dying party knew of and perhaps nobody else: those that the store names nowhere, being in its memory on their way from an attempt to a session,
// those that are named in what it was just replacing, and that of a device flow: who goes on with the flow has a key of its own. Any other key that is named in the store has
// others to see to it.
func (s *keyStore) crashed(p *party) {
	d := &death{allowed: len(p.commands) + len(p.tasks) + 2} // a sign-in each, what the session stood over, and a device flow
	named := map[string]bool{}
	for _, key := range []string{sessionKey, "oauth2.pending"} {
		for _, name := range namesIn(s.w.store.entries[key].value) {
			named[name] = true
		}
	}
	for _, t := range p.tasks {
		if t.effect.Kind == "store" {
			for _, name := range namesIn(s.w.store.entries[t.effect.Key].value) {
				delete(named, name)
			}
		}
	}
	for _, name := range sortedKeys(s.records) {
		if r := s.records[name]; !named[name] && r.death == nil && slices.Contains(r.parties, p) {
			r.death = d
		}
	}
}

// orphans: at a quiet end no key is left that nothing names, but for a reason. memory is what the parties hold besides the store.
func (s *keyStore) orphans(memory []string) {
	w, named := s.w, map[string]bool{}
	for _, key := range sortedKeys(w.store.entries) {
		memory = append(memory, w.store.entries[key].value)
	}
	for _, text := range memory {
		for _, name := range namesIn(text) {
			named[name] = true
		}
	}
	for _, name := range sortedKeys(s.keys) {
		r := s.records[name]
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
