package simulate

import (
	"encoding/json"
	"strconv"
	"strings"
)

const sessionKey = "oauth2.session"

// store is what the parties share: compare-and-set with versions that never come back, as the contract asks.
type store struct {
	w        *World
	entries  map[string]entry
	last     int64
	downTill int64
	// replaced is when a sign-in or the end of a session was written last.
	replaced int64
}

type entry struct {
	value, version string
	marker         *party // who set the mark that the value holds
}

// saved is what a session's text says.
type saved struct {
	Access     string `json:"access_token"`
	Kind       string `json:"token_type"`
	Key        string `json:"dpop_key"`
	Refresh    string `json:"refresh_token"`
	ExpiresAt  int64  `json:"expires_at"`
	SentAt     int64  `json:"sent_at"`
	TriedAt    int64  `json:"tried_at"`
	TriedBy    string `json:"tried_by"`
	Generation int64  `json:"generation"`
}

func readSaved(text string) (s saved) {
	if text != "" {
		json.Unmarshal([]byte(text), &s) // what is no session says nothing
	}
	return s
}

// shortKey is a key without the fingerprint in it, which all parties have in common; "older." is where an older version would have kept the same.
func shortKey(key string) string {
	parts := strings.Split(key, ".")
	if len(parts) == 3 {
		return parts[0] + "." + parts[2]
	}
	return "older." + key
}

func newStore(w *World) *store { return &store{w: w, entries: map[string]entry{}} }

// latency is how long one half of an operation takes.
func (s *store) latency() int64 {
	if s.w.goesWrong(storeSlow) {
		return s.w.long(100, 20_000)
	}
	if s.w.plan.processes {
		return s.w.span(0, 20)
	}
	return s.w.span(0, 3)
}

// carry carries out a load or store effect; those of one key and one party in their order.
func (s *store) carry(p *party, e *effect) {
	w := s.w
	e.Key = shortKey(e.Key)
	t := p.begin(e)
	if e.Kind == "store" && e.Key == sessionKey {
		p.decided = p.readAt
	}
	at := max(w.now+s.latency(), p.tails[e.Key])
	p.tails[e.Key] = at
	t.pending = func() {
		t.pending = nil
		before := s.entries[e.Key].value
		member := s.perform(p, e)
		delay := s.latency()
		if e.Kind == "store" && strings.HasPrefix(member, `"ok"`) && w.goesWrong(storeAnswerLost) {
			p.noteStored(e, "unknown")
			w.keys.untold(e.Key, before, s.entries[e.Key].value)
			member, delay = `"failed":{"kind":"timeout"}`, delay+w.span(0, 30_000)
		}
		w.after(delay, func() { p.answer(t, member) })
	}
	w.queue.add(at, false, func() {
		if t.pending != nil {
			t.pending()
		}
	})
}

func (s *store) perform(p *party, e *effect) (member string) {
	w := s.w
	load := e.Kind == "load"
	if e.Key == sessionKey && e.Value != nil {
		for _, name := range namesIn(*e.Value) {
			w.keys.record(name).held = true
		}
	}
	if !w.healed && w.now < s.downTill || !load && w.goesWrong(storeFails) || load && w.goesWrong(loadFails) {
		w.note(p, "%s %s fails", e.Kind, e.Key)
		if !load {
			p.noteStored(e, "storage")
		}
		return `"failed":{"kind":"storage"}`
	}
	found := s.entries[e.Key]
	if load {
		for _, name := range namesIn(found.value) {
			w.keys.record(name).known(p)
		}
		w.note(p, "load %s finds version %q %s", e.Key, found.version, s.describe(found.value))
		if found.version == "" {
			return `"ok":{"version":""}`
		}
		return `"ok":{"value":` + quote(found.value) + `,"version":` + quote(found.version) + `}`
	}
	if e.Version != found.version {
		w.note(p, "store %s at version %q is in conflict with %q", e.Key, e.Version, found.version)
		p.noteStored(e, "conflict")
		return `"failed":{"kind":"conflict"}`
	}
	next := entry{}
	if e.Value != nil {
		s.last++
		next = entry{value: *e.Value, version: strconv.FormatInt(s.last, 10)}
	}
	if e.Key == sessionKey {
		w.keys.typed(p, readSaved(next.value))
		next.marker = w.written(p, found, readSaved(next.value))
		p.noteStored(e, "ok")
	} else {
		s.secrets(next.value)
	}
	w.note(p, "store %s version %q %s", e.Key, next.version, s.describe(next.value))
	s.entries[e.Key] = next
	w.keys.stored(p, e.Key, next.value, found.value)
	return `"ok":{"version":` + quote(next.version) + `}`
}

// secrets enters the verifiers of the attempts.
func (s *store) secrets(value string) {
	var pending struct {
		Attempts []struct {
			State    string
			Verifier string `json:"code_verifier"`
		}
	}
	if value != "" && json.Unmarshal([]byte(value), &pending) == nil {
		for _, a := range pending.Attempts {
			s.w.ledger.secret("verifier", a.Verifier)
			s.w.ledger.states[a.State] = true
		}
	}
}

// describe is a value for a person.
func (s *store) describe(value string) string {
	if value == "" {
		return "nothing"
	}
	v, keys := readSaved(value), ""
	for _, name := range namesIn(value) {
		keys += " " + s.w.keys.record(name).alias
	}
	if v.Access == "" && v.Refresh == "" {
		return "some text" + keys
	}
	text := s.w.ledger.name(v.Access) + " " + s.w.ledger.name(v.Refresh)
	if v.SentAt != 0 {
		text += " marked at " + strconv.FormatInt(v.SentAt-epoch, 10)
	}
	return text + keys
}

func quote(s string) string {
	b, _ := json.Marshal(s) // a string
	return string(b)
}
