package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// format is the version of what we store.
const format = 1

// Storage keeps a client's texts in place of load and store effects. The rules are those of the effects.
type Storage interface {
	Load(key string, done func(value, version, failed string))
	// Store deletes where value is "".
	Store(key, version, value string, done func(version, failed string))
}

// A store is where a client keeps its texts.
type store struct {
	link     *link.Link
	config   *config
	kept     Storage  // nil: the host's, by load and store effects
	older    []string // what an older version may have kept under the name alone, not looked for yet
	watch    string   // the key whose changes by others the host is asked to tell of
	notified bool     // it does so
	watched  bool     // it was asked
}

// begin begins a text for the store: its format and whose it is.
func (s *store) begin() *json.Writer {
	w := &json.Writer{}
	w.Open('{')
	w.MemberInt("v", format)
	w.MemberStr("for", s.config.mine)
	return w
}

// ours tells whether a stored text is of this format and this configuration.
func (s *store) ours(v json.Value) bool {
	n, _ := v.Get("v").Int()
	return n == format && v.Get("for").Str() == s.config.mine
}

// load reads what stands under key. Before that it takes over, once, what is ours under the key that an older version had.
func (s *store) load(key string, done func(value, version, failed string)) {
	for i, what := range s.older {
		if key == s.config.under(what) {
			s.older = append(s.older[:i:i], s.older[i+1:]...)
			t := &takeoverRun{store: s, what: what, done: done}
			s.read(t.old(), t.found)
			return
		}
	}
	s.read(key, done)
}

func (s *store) read(key string, done func(value, version, failed string)) {
	if s.kept != nil {
		s.kept.Load(key, done)
		return
	}
	w := s.link.Effect("load")
	w.MemberStr("key", key)
	if key == s.watch && s.notified && !s.watched {
		s.watched = true
		w.MemberBool("watch", true)
	}
	s.link.Ask(w, func(ok json.Value, failed string) {
		version := ok.Get("version").Str()
		s.link.Own(&version)
		done(ok.Get("value").Str(), version, failed)
	})
}

// put replaces what stands under key at that version by value, or deletes it where value is "". A failure other than a conflict is tried once more; "overtaken" is
// then the conflict of which nobody can say whether the first try was written and what is there came after it, or is it: each caller knows its own write.
func (s *store) put(key, version, value string, done func(version, failed string)) {
	s.putOnce(key, version, value, func(v, failed string) {
		if failed == "" || failed == "conflict" {
			done(v, failed)
			return
		}
		s.putOnce(key, version, value, func(v, failed string) {
			if failed == "conflict" {
				failed = overtaken
			}
			done(v, failed)
		})
	})
}

func (s *store) putOnce(key, version, value string, done func(version, failed string)) {
	if s.kept != nil {
		s.kept.Store(key, version, value, done)
		return
	}
	w := s.link.Effect("store")
	w.MemberStr("key", key)
	w.MemberStr("version", version)
	if value == "" {
		w.MemberBool("delete", true)
	} else {
		w.MemberStr("value", value)
	}
	s.link.Ask(w, func(ok json.Value, failed string) {
		version := ok.Get("version").Str()
		s.link.Own(&version)
		done(version, failed)
	})
}

const overtaken = "overtaken"

func conflict(failed string) bool { return failed == "conflict" || failed == overtaken }

// maxTries bounds how often a change is made anew after somebody else changed the store.
const maxTries = 5

// A change is the one way to change what is stored: text is written over what was seen there last. Where somebody else wrote meanwhile, met sees what is there now and
// says whether to write over that; where it says no, it has seen to the rest. Its methods are the steps: look, loaded, write, written.
type change struct {
	store   *store
	key     string
	version *string                                  // of what was seen there last
	tries   int                                      // that are left after the one under way
	failed  string                                   // why the last one was not written
	text    func() string                            // what shall stand there; "" deletes
	met     func(value, version, unread string) bool // unread: why what is there could not be read
	done    func(failed string)
}

func (c *change) look() { c.store.load(c.key, c.loaded) }

func (c *change) loaded(value, version, unread string) {
	if c.met(value, version, unread) {
		c.write()
	}
}

func (c *change) write() { c.store.put(c.key, *c.version, c.text(), c.written) }

func (c *change) written(version, failed string) {
	c.failed = failed
	if conflict(failed) && c.tries > 0 {
		c.tries--
		c.look()
		return
	}
	if failed == "" {
		*c.version = version
	}
	c.done(failed)
}

// overwrite stores text whatever is there; version is what was seen there last.
func (s *store) overwrite(key string, version *string, text string, done func(failed string)) {
	c := &change{store: s, key: key, version: version, tries: maxTries, text: func() string { return text }, done: done}
	c.met = func(_, now, unread string) bool {
		if unread == "" {
			*version = now
		}
		return true
	}
	c.write()
}

// A takeoverRun moves a text of ours from the key that an older version had: it is stored under the new one unless something newer stands there, and then deleted. Whoever
// breaks off in between leaves it in both places, and two who move it at once get in each other's way no more than two who write. A text of another configuration is left alone.
type takeoverRun struct {
	store   *store
	what    string
	version string
	done    func(value, version, failed string)
}

func (t *takeoverRun) old() string { return t.store.config.name + "." + t.what }

func (t *takeoverRun) found(text, version, failed string) {
	v, _ := json.Parse(text)
	if failed != "" || !t.store.ours(v) {
		t.end(failed)
		return
	}
	t.version = version
	t.store.put(t.store.config.under(t.what), "", text, t.moved)
}

func (t *takeoverRun) moved(_, failed string) {
	if failed != "" && !conflict(failed) {
		t.end(failed)
		return
	}
	t.store.put(t.old(), t.version, "", func(string, string) { t.end("") })
}

func (t *takeoverRun) end(failed string) {
	if failed != "" {
		t.store.older = append(t.store.older, t.what)
		t.done("", "", failed)
		return
	}
	t.store.read(t.store.config.under(t.what), t.done)
}
