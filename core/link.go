package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/base64url"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/sha256"
)

// maxTime is the latest time we count with: 2^53-1 ms, which every host can hold.
const maxTime = 1<<53 - 1

// A link is one handle's end of the boundary: it reads inputs, hands out effects, and brings answers to whoever asked.
type link struct {
	epoch   string
	counter int64
	effects [][]byte
	asked   []question
	running []int64 // ids of commands without a result

	turn    int64 // counts inputs
	now     int64
	large   bool        // the input being taken: what is kept of it is copied
	entropy []byte      // of the input being taken, nil between inputs
	key     *sha256.Key // of entropy, once something was drawn; zero between inputs
	drawn   uint32
	seen    [8]byte // part of the digest of the last entropy, to refuse the same again

	command func(id int64, name string, in json.Value)
}

// A question is an effect that wants an answer: failed is its kind, "" if it went well.
type question struct {
	n    int64
	then func(ok json.Value, failed string)
}

func (l *link) read(msg []byte) (in json.Value, code int32) {
	if len(msg) > MaxMessage {
		return in, TooLarge
	}
	l.large = len(msg) > largeInput
	in, ok := json.Parse(string(msg))
	if !ok || in.Kind() != json.Object {
		return in, Unreadable
	}
	now, ok := in.Get("now").Int()
	if !ok || now < 0 || now > maxTime {
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
	// A command must be whole before its entropy counts as used: a code other than Taken changes nothing.
	if l.epoch != "" {
		if name := in.Get("command"); name.Kind() != json.None {
			if id, ok := in.Get("id").Int(); !ok || id < 1 || id > maxTime || l.runs(id) || name.Kind() != json.String {
				return in, Unreadable
			}
		} else if in.Get("answer").Kind() != json.String || in.Get("ok").Kind() != json.Object && in.Get("failed").Get("kind").Str() == "" {
			return in, Unreadable
		}
	}
	copy(l.seen[:], digest[:])
	l.turn++
	l.now, l.entropy, l.drawn = now, entropy, 0
	return in, Taken
}

// largeInput is the length from which an input must not be kept for a part of it that is.
const largeInput = 4 << 10

// own makes texts that are kept independent of the input that they came in.
func (l *link) own(texts ...*string) {
	if !l.large {
		return
	}
	for _, t := range texts {
		*t = string([]byte(*t))
	}
}

// forget wipes the entropy: nothing outlives the input that brought it.
func (l *link) forget() {
	clear(l.entropy)
	l.entropy = nil
	if l.drawn > 0 {
		*l.key = sha256.Key{}
	}
}

// draw gives 32 bytes that no other draw gives.
func (l *link) draw(label string) []byte {
	if l.drawn == 0 {
		l.key = sha256.NewKey(l.entropy)
	}
	l.drawn++
	n := l.drawn
	return l.key.HMAC(append([]byte(label), byte(n>>24), byte(n>>16), byte(n>>8), byte(n)))
}

func (l *link) hexEpoch() string {
	const hex = "0123456789abcdef"
	var out [16]byte
	for i, c := range l.draw("epoch")[:8] {
		out[2*i], out[2*i+1] = hex[c>>4], hex[c&15]
	}
	return string(out[:])
}

func (l *link) runs(id int64) bool {
	for _, r := range l.running {
		if r == id {
			return true
		}
	}
	return false
}

func (l *link) take(in json.Value) (code int32) {
	if name := in.Get("command"); name.Kind() != json.None {
		id, _ := in.Get("id").Int()
		l.running = append(l.running, id)
		text := name.Str()
		l.own(&text)
		l.command(id, text, in)
		return Taken
	}
	// Late, doubled, unknown, of another epoch: ignored, whatever it says.
	id := in.Get("answer").Str()
	if len(id) <= len(l.epoch) || id[:len(l.epoch)] != l.epoch || id[len(l.epoch)] != ':' {
		return Taken
	}
	n, ok := json.Int(id[len(l.epoch)+1:])
	if !ok {
		return Taken
	}
	if then := l.drop(n); then != nil {
		then(in.Get("ok"), in.Get("failed").Get("kind").Str())
	}
	return Taken
}

// id is the name of effect n.
func (l *link) id(n int64) string {
	return string(json.AppendInt(append([]byte(l.epoch), ':'), n))
}

// effect begins an effect; members follow, then emit.
func (l *link) effect(kind string) *json.Writer {
	l.counter++
	w := json.NewWriter()
	w.Open('{')
	w.MemberStr("id", l.id(l.counter))
	w.MemberStr("kind", kind)
	return w
}

// emit hands the effect out and gives its number.
func (l *link) emit(w *json.Writer) int64 {
	w.Close('}')
	n := len(w.Bytes())
	// With room for the length that the module puts there.
	l.effects = append(l.effects, append(w.Bytes(), 0, 0, 0, 0)[:n])
	return l.counter
}

// ask hands it out and waits for the answer.
func (l *link) ask(w *json.Writer, then func(ok json.Value, failed string)) int64 {
	n := l.emit(w)
	l.asked = append(l.asked, question{n, then})
	return n
}

// drop forgets that an answer was wanted, and gives whoever waits for it; one that still comes is late.
func (l *link) drop(n int64) (then func(ok json.Value, failed string)) {
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

// cancel withdraws effect n: kind is http-cancel, timer-cancel or unlock.
func (l *link) cancel(kind string, n int64) {
	l.drop(n)
	w := l.effect(kind)
	w.MemberStr("target", l.id(n))
	l.emit(w)
}

// result ends a command; write adds the members of ok.
func (l *link) result(id int64, f *fault, write func(*json.Writer)) {
	for i, r := range l.running {
		if r == id {
			l.running = append(l.running[:i], l.running[i+1:]...)
			break
		}
	}
	w := l.effect("result")
	w.MemberInt("command", id)
	if f != nil {
		f.write(w)
	} else {
		w.Key("ok")
		w.Open('{')
		if write != nil {
			write(w)
		}
		w.Close('}')
	}
	l.emit(w)
}
