package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
)

// A watch holds what is needed to decide whether a connection may stay open. The host keeps it and
// gives it back unchanged.
type watch struct {
	hash  string // of the session's id
	until int64  // when the session or the sent token ends, Unix ms
	seen  int64  // when the session was last known to be alive, Unix ms
}

const (
	// lookAgain is the interval, in ms, in which the session is checked.
	lookAgain = 2000
	// unseen is for how many ms a connection stays open without a successful check. With the time
	// that closing takes, that is less than 5 s.
	unseen = 4500
)

func (w *watch) write(to *json.Writer, now int64) {
	text := json.NewWriter()
	text.Open('{')
	text.MemberStr("hash", w.hash)
	text.MemberInt("until", w.until)
	text.MemberInt("seen", w.seen)
	text.Close('}')
	over := min(w.until, w.seen+unseen) - now
	to.MemberStr("keep", text.String())
	to.MemberInt("again_ms", max(1, min(lookAgain, over)))
	to.MemberInt("over_ms", max(1, over))
}

func readWatch(text string) (w watch) {
	v, _ := json.Parse(text)
	w.hash = v.Get("hash").Str()
	w.until, _ = v.Get("until").Int()
	w.seen, _ = v.Get("seen").Int()
	return w
}
