// Package store keeps a client's texts, and has the only compare-and-set loop that changes them.
package store

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/config"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// format is the version of what we store.
const format = 1

// Storage keeps a client's texts instead of load and store effects. The same rules apply.
type Storage interface {
	Load(key string, done func(value, version, failed string))
	// Put deletes if value is "".
	Put(key, version, value string, done func(version, failed string))
}

// A Store is where a client stores its texts.
type Store struct {
	link     *link.Link
	config   *config.Config
	kept     Storage  // nil: the host's, by load and store effects
	older    []string // names under which an older version may have stored a text, not searched yet
	watch    string   // the key for which the host should report changes by others
	Notified bool     // the host reports them
	Watched  bool     // the host was asked to
	once     bool     // failed operations are not retried
}

// New makes the store of a client whose session is stored under key. If kept is nil, it is the
// host's store.
func New(l *link.Link, cfg *config.Config, key string, kept Storage) *Store {
	s := &Store{link: l, config: cfg, watch: key, kept: kept}
	if kept == nil {
		s.older = []string{"session", "device", "pending"}
	}
	return s
}

// Over makes a store for texts that are not a client's. It does not retry.
func Over(kept Storage) *Store { return &Store{kept: kept, once: true} }

// Begin begins a text for the store, with its format and its configuration.
func (s *Store) Begin() *json.Writer {
	w := &json.Writer{}
	w.Open('{')
	w.MemberInt("v", format)
	w.MemberStr("for", s.config.Fingerprint)
	return w
}

// Ours reports whether a stored text has this format and this configuration.
func (s *Store) Ours(v json.Value) bool {
	n, _ := v.Get("v").Int()
	return n == format && v.Get("for").Str() == s.config.Fingerprint
}

// Load reads the value of key. The first time, it moves our text from the key of an older version.
func (s *Store) Load(key string, done func(value, version, failed string)) {
	for i, what := range s.older {
		if key == s.config.Under(what) {
			s.older = append(s.older[:i:i], s.older[i+1:]...)
			t := &takeoverRun{store: s, what: what, done: done}
			s.read(t.old(), t.found)
			return
		}
	}
	s.read(key, done)
}

func (s *Store) read(key string, done func(value, version, failed string)) {
	if kept := s.Inner(); kept != nil {
		kept.Load(key, done)
		return
	}
	watch := key == s.watch && s.Notified && !s.Watched
	s.Watched = s.Watched || watch
	s.link.Load(key, watch, done)
}

// Put replaces the value of key, if it has that version, or deletes it if value is "". A failure
// other than a conflict is retried once. If the retry meets a conflict, the first try may have been
// written: then the failure is "overtaken", and the caller has to compare what is stored with its
// own write.
func (s *Store) Put(key, version, value string, done func(version, failed string)) {
	s.putOnce(key, version, value, func(v, failed string) {
		if failed == "" || failed == "conflict" || s.once {
			done(v, failed)
			return
		}
		s.putOnce(key, version, value, func(v, failed string) {
			if failed == "conflict" {
				failed = Overtaken
			}
			done(v, failed)
		})
	})
}

func (s *Store) putOnce(key, version, value string, done func(version, failed string)) {
	if kept := s.Inner(); kept != nil {
		kept.Put(key, version, value, done)
		return
	}
	s.link.Put(key, version, value, 0, done)
}

// Overtaken is the failure of a retry that met a conflict, perhaps with our own first try.
const Overtaken = "overtaken"

// Conflict reports whether somebody else wrote.
func Conflict(failed string) bool { return failed == "conflict" || failed == Overtaken }

// MaxTries bounds how often a change is repeated after somebody else changed the store.
const MaxTries = 5

// A Change is the only way to change a stored text: it writes over the version that was seen last.
// If somebody else wrote meanwhile, Met gets what is there now and returns whether to write over
// that; if it returns false, it has handled the rest. Its methods are the steps: look, loaded,
// write, written.
type Change struct {
	Store   *Store
	Key     string
	Version *string                                  // that was seen last
	Tries   int                                      // how many are left after the one under way
	Failed  string                                   // why the last write failed
	Text    func() string                            // the new text; "" deletes
	Met     func(value, version, unread string) bool // unread: why the text could not be read
	Done    func(failed string)
}

// Look begins by reading.
func (c *Change) Look() { c.Store.Load(c.Key, c.loaded) }

func (c *Change) loaded(value, version, unread string) {
	if c.Met(value, version, unread) {
		c.Write()
	}
}

// Write begins by writing over the version that was seen last.
func (c *Change) Write() { c.Store.Put(c.Key, *c.Version, c.Text(), c.written) }

func (c *Change) written(version, failed string) {
	c.Failed = failed
	if Conflict(failed) && c.Tries > 0 {
		c.Tries--
		c.Look()
		return
	}
	if failed == "" {
		*c.Version = version
	}
	c.Done(failed)
}

// Overwrite stores text whatever is there; version is what was seen there last.
func (s *Store) Overwrite(key string, version *string, text string, done func(failed string)) {
	c := &Change{Store: s, Key: key, Version: version, Tries: MaxTries, Text: func() string { return text }, Done: done}
	c.Met = func(_, now, unread string) bool {
		if unread == "" {
			*version = now
		}
		return true
	}
	c.Write()
}

// A takeoverRun moves our text from the key of an older version: it is stored under the new key,
// unless something is stored there, and then deleted under the old one. If this breaks off in
// between, the text is in both places. Two instances that move it at once are two ordinary writers.
// A text of another configuration is not moved.
type takeoverRun struct {
	store   *Store
	what    string
	version string
	done    func(value, version, failed string)
}

func (t *takeoverRun) old() string { return t.store.config.Name + "." + t.what }

func (t *takeoverRun) found(text, version, failed string) {
	v, _ := json.Parse(text)
	if failed != "" || !t.store.Ours(v) {
		t.end(failed)
		return
	}
	t.version = version
	t.store.Put(t.store.config.Under(t.what), "", text, t.moved)
}

func (t *takeoverRun) moved(_, failed string) {
	if failed != "" && !Conflict(failed) {
		t.end(failed)
		return
	}
	t.store.Put(t.old(), t.version, "", func(string, string) { t.end("") })
}

func (t *takeoverRun) end(failed string) {
	if failed != "" {
		t.store.older = append(t.store.older, t.what)
		t.done("", "", failed)
		return
	}
	t.store.read(t.store.config.Under(t.what), t.done)
}
