package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
)

// A watch is what has to be known to say whether what is open may stay open. The host gives it back
// as it is.
type watch struct {
	hash  string // of the session's id
	until int64  // when the session or the token that was sent ends, Unix ms
	seen  int64  // when the session was last known to live, Unix ms
}

const (
	// lookAgain is after how many ms it is looked whether a session lives.
	lookAgain = 2000
	// unseen is for how many ms what is open stays so without a look that succeeded: with what it
	// takes to close it that is less than 5 s.
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
