// Package link is one handle's side of the boundary: inputs, effects and their answers, entropy,
// alarms, and errors as hosts see them. Of OAuth it knows only the names of errors.
package link

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/base64url"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/sha256"
)

// MaxMessage is the longest input in bytes.
const MaxMessage = 1 << 20

// Codes of Input.
const (
	Taken         = 0 // drain the effects
	UnknownHandle = 1
	Unreadable    = 2
	TooLarge      = 3
	BadEntropy    = 4
)

// MaxTime is the latest time: 2^53-1 ms, which every host can represent.
const MaxTime = 1<<53 - 1

// A Link is one handle's side of the boundary: it reads inputs, gives effects, and calls the
// functions that wait for answers.
type Link struct {
	epoch   string
	counter int64
	effects [][]byte
	asked   []question
	running []int64 // ids of commands without a result

	Turn    int64 // counts inputs
	Now     int64
	Large   bool        // the input being taken: what is kept of it is copied
	entropy []byte      // of the input being taken, nil between inputs
	key     *sha256.Key // of entropy, once something was drawn; zero between inputs
	drawn   uint32
	seen    [8]byte // part of the digest of the last entropy, to refuse the same again

	Command func(id int64, name string, in json.Value)
}

// A question is an effect that wants an answer: failed is its kind, "" if it went well.
type question struct {
	n    int64
	then func(ok json.Value, failed string)
}

// Read reads a message with its time and entropy. A code other than Taken changes nothing.
func (l *Link) Read(msg []byte) (in json.Value, code int32) {
	if len(msg) > MaxMessage {
		return in, TooLarge
	}
	l.Large = len(msg) > largeInput
	in, ok := json.Parse(string(msg))
	if !ok || in.Kind() != json.Object {
		return in, Unreadable
	}
	now, ok := in.Get("now").Int()
	if !ok || now < 0 || now > MaxTime {
		return in, Unreadable
	}
	entropy, ok := base64url.Decode(in.Get("entropy").Str())
	if !ok || len(entropy) < 32 {
		return in, BadEntropy
	}
	digest := sha256.Sum(entropy)
	if string(digest[:8]) == string(l.seen[:]) {
		return in, BadEntropy
	}
	// Check the whole command before its entropy counts as used: a code other than Taken changes
	// nothing.
	if l.epoch != "" {
		if name := in.Get("command"); name.Kind() != json.None {
			if id, ok := in.Get("id").Int(); !ok || id < 1 || id > MaxTime || l.runs(id) || name.Kind() != json.String {
				return in, Unreadable
			}
		} else if in.Get("answer").Kind() != json.String || in.Get("ok").Kind() != json.Object && in.Get("failed").Get("kind").Str() == "" {
			return in, Unreadable
		}
	}
	copy(l.seen[:], digest[:])
	l.Turn++
	l.Now, l.entropy, l.drawn = now, entropy, 0
	return in, Taken
}

// largeInput is the length from which an input must not stay in memory because a part of it is
// kept.
const largeInput = 4 << 10

// Own copies texts that are kept, so that their input can be freed.
func (l *Link) Own(texts ...*string) {
	if !l.Large {
		return
	}
	for _, t := range texts {
		*t = string([]byte(*t))
	}
}

// Config is the configuration in an open message, without the rest of a large one.
func (l *Link) Config(in json.Value) json.Value {
	v := in.Get("config")
	if l.Large {
		text := v.Raw()
		l.Own(&text)
		v, _ = json.Parse(text)
	}
	return v
}

// Forget wipes the entropy at the end of its input.
func (l *Link) Forget() {
	clear(l.entropy)
	l.entropy = nil
	if l.drawn > 0 {
		l.key.Forget()
	}
}

// draw gives 32 bytes that no other draw gives.
func (l *Link) draw(label string) []byte {
	if l.drawn == 0 {
		l.key = sha256.NewKey(l.entropy)
	}
	l.drawn++
	n := l.drawn
	return l.key.HMAC(append([]byte(label), byte(n>>24), byte(n>>16), byte(n>>8), byte(n)))
}

func (l *Link) hexEpoch() string {
	const hex = "0123456789abcdef"
	var out [16]byte
	for i, c := range l.draw("epoch")[:8] {
		out[2*i], out[2*i+1] = hex[c>>4], hex[c&15]
	}
	return string(out[:])
}

// Begin ends the reading of the message that opens a session, and sets the session's epoch.
func (l *Link) Begin() { l.epoch = l.hexEpoch() }

// Next takes the next effect, nil where there is none.
func (l *Link) Next() []byte {
	if len(l.effects) == 0 {
		return nil
	}
	next := l.effects[0]
	l.effects[0] = nil
	if l.effects = l.effects[1:]; len(l.effects) == 0 {
		l.effects = nil
	}
	return next
}

func (l *Link) runs(id int64) bool {
	for _, r := range l.running {
		if r == id {
			return true
		}
	}
	return false
}

// Take passes a command, or an answer, to the function that waits for it.
func (l *Link) Take(in json.Value) (code int32) {
	if name := in.Get("command"); name.Kind() != json.None {
		id, _ := in.Get("id").Int()
		l.running = append(l.running, id)
		text := name.Str()
		l.Own(&text)
		l.Command(id, text, in)
		return Taken
	}
	// Late, repeated, unknown, of another epoch: ignored, whatever it says.
	id := in.Get("answer").Str()
	if len(id) <= len(l.epoch) || id[:len(l.epoch)] != l.epoch || id[len(l.epoch)] != ':' {
		return Taken
	}
	n, ok := json.Int(id[len(l.epoch)+1:])
	if !ok {
		return Taken
	}
	if then := l.Drop(n); then != nil {
		then(in.Get("ok"), in.Get("failed").Get("kind").Str())
	}
	return Taken
}

// ID is the name of effect n.
func (l *Link) ID(n int64) string {
	return string(json.AppendInt(append([]byte(l.epoch), ':'), n))
}

// Effect begins an effect; members follow, then emit.
func (l *Link) Effect(kind string) *json.Writer {
	l.counter++
	w := json.NewWriter()
	w.Open('{')
	w.MemberStr("id", l.ID(l.counter))
	w.MemberStr("kind", kind)
	return w
}

// Emit hands the effect out and gives its number.
func (l *Link) Emit(w *json.Writer) int64 {
	w.Close('}')
	n := len(w.Bytes())
	// With room for the length that the module puts there.
	l.effects = append(l.effects, append(w.Bytes(), 0, 0, 0, 0)[:n])
	return l.counter
}

// Ask hands it out and waits for the answer.
func (l *Link) Ask(w *json.Writer, then func(ok json.Value, failed string)) int64 {
	n := l.Emit(w)
	l.asked = append(l.asked, question{n, then})
	return n
}

// Awaited is the number of answers that are awaited.
func (l *Link) Awaited() int { return len(l.asked) }

// Drop stops waiting for an answer, and returns the function that waited. An answer that still
// comes is late.
func (l *Link) Drop(n int64) (then func(ok json.Value, failed string)) {
	for i, q := range l.asked {
		if q.n == n {
			last := len(l.asked) - 1
			copy(l.asked[i:], l.asked[i+1:])
			l.asked[last] = question{} // what it holds on to is garbage now
			l.asked = l.asked[:last]
			return q.then
		}
	}
	return nil
}

// Cancel cancels effect n: kind is http-cancel, timer-cancel or unlock.
func (l *Link) Cancel(kind string, n int64) {
	l.Drop(n)
	w := l.Effect(kind)
	w.MemberStr("target", l.ID(n))
	l.Emit(w)
}

// Result ends a command; write adds the members of ok.
func (l *Link) Result(id int64, f *Fault, write func(*json.Writer)) {
	for i, r := range l.running {
		if r == id {
			l.running = append(l.running[:i], l.running[i+1:]...)
			break
		}
	}
	w := l.Effect("result")
	w.MemberInt("command", id)
	if f != nil {
		f.Write(w)
	} else {
		w.Key("ok")
		w.Open('{')
		if write != nil {
			write(w)
		}
		w.Close('}')
	}
	l.Emit(w)
}

// Random gives n characters of base64url, at most 172: at most six bits of HMAC output each, so
// none is likelier than another.
func (l *Link) Random(label string, n int64) string {
	var b []byte
	for (int64(len(b))*8+5)/6 < n {
		b = append(b, l.draw(label)...)
	}
	return base64url.Encode(b)[:n]
}

// Event begins an event; no member of one may hold a token or another secret.
func (l *Link) Event(name string) *json.Writer {
	w := l.Effect("event")
	w.MemberStr("event", name)
	return w
}
