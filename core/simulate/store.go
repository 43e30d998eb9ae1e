package simulate

import (
	"encoding/json"
	"strconv"
	"strings"
)

// storeLatency is how long one half of an operation takes.
func (w *World) storeLatency() int64 {
	if w.goesWrong(storeSlow) {
		return w.long(100, 20_000)
	}
	if w.plan.processes {
		return w.span(0, 20)
	}
	return w.span(0, 3)
}

// carryStore carries out a load or store effect. Effects of one key and one party run in order.
func (w *World) carryStore(p *party, e *effect) {
	e.Key = shortKey(e.Key)
	t := p.begin(e)
	if e.Kind == "store" && e.Key == sessionKey {
		p.decided = p.readAt
	}
	at := max(w.now+w.storeLatency(), p.tails[e.Key])
	p.tails[e.Key] = at
	t.pending = func() {
		t.pending = nil
		before := w.store.entries[e.Key].value
		member := w.performStore(p, e)
		delay := w.storeLatency()
		if e.Kind == "store" && strings.HasPrefix(member, `"ok"`) && w.goesWrong(storeAnswerLost) {
			p.noteStored(e, "unknown")
			w.untold(e.Key, before, w.store.entries[e.Key].value)
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

func (w *World) performStore(p *party, e *effect) (member string) {
	load := e.Kind == "load"
	if e.Key == sessionKey && e.Value != nil {
		for _, name := range namesIn(*e.Value) {
			w.keys.record(name).held = true
		}
	}
	if !w.healed && w.now < w.store.downTill || !load && w.goesWrong(storeFails) || load && w.goesWrong(loadFails) {
		w.note(p, "%s %s fails", e.Kind, e.Key)
		if !load {
			p.noteStored(e, "storage")
		}
		return `"failed":{"kind":"storage"}`
	}
	found := w.store.entries[e.Key]
	if load {
		e.carriedOut = w.steps
		for _, name := range namesIn(found.value) {
			w.keys.record(name).known(p.id)
		}
		w.note(p, "load %s finds version %q %s", e.Key, found.version, w.describe(found.value))
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
		w.store.last++
		next = entry{value: *e.Value, version: strconv.FormatInt(w.store.last, 10)}
	}
	if e.Key == sessionKey {
		w.typed(p, readSaved(next.value))
		next.marker = w.written(p, found, readSaved(next.value))
		p.noteStored(e, "ok")
	} else {
		w.storedSecrets(next.value)
	}
	w.note(p, "store %s version %q %s", e.Key, next.version, w.describe(next.value))
	w.store.entries[e.Key] = next
	w.takenOut(p, found.value, next.value)
	w.stored(p, e.Key, next.value, found.value)
	return `"ok":{"version":` + quote(next.version) + `}`
}

// storedSecrets registers the verifiers of the attempts.
func (w *World) storedSecrets(value string) {
	var pending struct {
		Attempts []struct {
			State    string
			Verifier string `json:"code_verifier"`
		}
	}
	if value != "" && json.Unmarshal([]byte(value), &pending) == nil {
		for _, a := range pending.Attempts {
			w.ledger.secret("verifier", a.Verifier)
			w.ledger.states[a.State] = true
		}
	}
}

// describe formats a value for people.
func (w *World) describe(value string) string {
	if value == "" {
		return "nothing"
	}
	v, keys := readSaved(value), ""
	for _, name := range namesIn(value) {
		keys += " " + w.keys.record(name).alias
	}
	if v.Access == "" && v.Refresh == "" {
		return "some text" + keys
	}
	text := w.ledger.name(v.Access) + " " + w.ledger.name(v.Refresh)
	if v.SentAt != 0 {
		text += " marked at " + strconv.FormatInt(v.SentAt-epoch, 10)
	}
	return text + keys
}
