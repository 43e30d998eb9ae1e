package oauth

import (
	"encoding/binary"
	"math/bits"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/oauth2-wasm/oauth2-wasm/core/internal/escape"
)

// pair is a header or a parameter on the wire.
type pair = [2]string

// maxDepth is how deep arrays and objects may be nested.
const maxDepth = 64

// reader reads JSON of the engine (RFC 8259) in one pass: the caller asks for the type that it
// expects. Anything else makes the reader bad. A bad reader gives zero values and ends every
// object.
type reader struct {
	src   []byte
	at    int
	fresh bool // an object or array has just begun, so that no comma is due
	bad   bool
}

func read(src []byte) *reader { return &reader{src: src, bad: !utf8.Valid(src)} }

// begin enters an object or an array, by its bracket.
func (r *reader) begin(bracket byte) {
	r.expect(bracket)
	r.fresh = true
}

// more reports whether another member or element follows, which the caller then reads. Otherwise it
// passes the closing bracket.
func (r *reader) more(bracket byte) bool {
	fresh := r.fresh
	r.fresh = false
	if r.next() == bracket {
		r.at++
		return false
	}
	if !fresh {
		r.expect(',')
	}
	return !r.bad
}

// name reads the name of a member. It is valid until the message is wiped.
func (r *reader) name() []byte {
	name, ok := r.plain()
	if !ok {
		var b strings.Builder
		r.decode(&b)
		name = []byte(b.String())
	}
	r.expect(':')
	return name
}

// text reads a string.
func (r *reader) text() string {
	if plain, ok := r.plain(); ok {
		return string(plain)
	}
	var b strings.Builder
	b.Grow(min(len(r.src)-r.at, 4096))
	r.decode(&b)
	if r.bad {
		return ""
	}
	return b.String()
}

// words are frequent texts, for which no copy is made.
var words = map[string]string{}

func init() {
	for _, w := range []string{
		"http", "http-cancel", "load", "store", "lock", "unlock", "timer", "timer-cancel", "event", "result", "verify", "sign", "key", "hook",
		"token", "refresh", "discovery", "jwks", "userinfo", "revocation", "polling", "GET", "POST",
	} {
		words[w] = w
	}
}

// known is text for a string that is usually one of words.
func (r *reader) known() string {
	if plain, ok := r.plain(); ok {
		if w := words[string(plain)]; w != "" {
			return w
		}
		return string(plain)
	}
	return r.text()
}

// integer reads a number without a fraction or an exponent.
func (r *reader) integer() int64 {
	number := r.number()
	n, err := strconv.ParseInt(string(number), 10, 64)
	if err != nil {
		r.bad = true
		return 0
	}
	return n
}

// boolean reads true or false.
func (r *reader) boolean() bool {
	if r.next() == 't' {
		r.word("true")
		return !r.bad
	}
	r.word("false")
	return false
}

// pairs reads an array of arrays of two strings.
func (r *reader) pairs() (list []pair) {
	for r.begin('['); r.more(']'); {
		var p pair
		r.begin('[')
		for i := range p {
			if !r.more(']') {
				r.bad = true
				return nil
			}
			p[i] = r.text()
		}
		if r.more(']') {
			r.bad = true
		}
		list = append(list, p)
	}
	return list
}

// raw reads any value and returns its text, a part of the message.
func (r *reader) raw() []byte {
	r.next()
	start := r.at
	r.skip(maxDepth)
	if r.bad {
		return nil
	}
	return r.src[start:r.at:r.at]
}

// end reports whether everything was valid and nothing is left.
func (r *reader) end() bool {
	r.next()
	return !r.bad && r.at == len(r.src)
}

func (r *reader) skip(depth int) {
	if depth == 0 {
		r.bad = true
		return
	}
	switch r.next() {
	case '{':
		for r.begin('{'); r.more('}'); {
			r.name()
			r.skip(depth - 1)
		}
	case '[':
		for r.begin('['); r.more(']'); {
			r.skip(depth - 1)
		}
	case '"':
		if _, ok := r.plain(); !ok {
			r.decode(nil)
		}
	case 't', 'f':
		r.boolean()
	case 'n':
		r.word("null")
	default:
		r.number()
	}
}

// next skips white space and returns the byte that follows, 0 at the end.
func (r *reader) next() byte {
	for !r.bad && r.at < len(r.src) {
		switch c := r.src[r.at]; c {
		case ' ', '\t', '\n', '\r':
			r.at++
		default:
			return c
		}
	}
	return 0
}

func (r *reader) expect(c byte) {
	if r.next() != c {
		r.bad = true
		return
	}
	r.at++
}

func (r *reader) word(w string) {
	if r.bad || len(r.src)-r.at < len(w) || string(r.src[r.at:r.at+len(w)]) != w {
		r.bad = true
		return
	}
	r.at += len(w)
}

func (r *reader) number() []byte {
	r.next()
	start := r.at
	if r.peek() == '-' {
		r.at++
	}
	if r.peek() == '0' {
		r.at++
	} else {
		r.digits()
	}
	if r.peek() == '.' {
		r.at++
		r.digits()
	}
	if c := r.peek(); c == 'e' || c == 'E' {
		r.at++
		if c := r.peek(); c == '+' || c == '-' {
			r.at++
		}
		r.digits()
	}
	if r.bad {
		return nil
	}
	return r.src[start:r.at]
}

func (r *reader) peek() byte {
	if r.at < len(r.src) {
		return r.src[r.at]
	}
	return 0
}

func (r *reader) digits() {
	start := r.at
	for c := r.peek(); '0' <= c && c <= '9'; c = r.peek() {
		r.at++
	}
	if r.at == start {
		r.bad = true
	}
}

// plain reads a string without escapes. For any other string it changes nothing, and decode reads
// it.
func (r *reader) plain() (text []byte, ok bool) {
	if r.next() == '"' {
		rest := r.src[r.at+1:]
		if n := special(rest); n < len(rest) && rest[n] == '"' {
			r.at += n + 2
			return rest[:n:n], true
		}
	}
	return nil, false
}

// decode reads any string into b. If b is nil, it only finds the end.
func (r *reader) decode(b *strings.Builder) {
	r.expect('"')
	for !r.bad {
		rest := r.src[r.at:]
		n := special(rest)
		if b != nil {
			b.Write(rest[:n])
		}
		if r.at += n; n == len(rest) || rest[n] < 0x20 {
			r.bad = true
		} else if rest[n] == '"' {
			r.at++
			return
		} else if c, size := escape.Decode(rest[n:]); size == 0 {
			r.bad = true
		} else {
			r.at += size
			if b != nil {
				b.WriteRune(c)
			}
		}
	}
}

// special finds the first quotation mark, reverse solidus or control character, eight bytes at a
// time: a subtraction borrows from the bit above a byte that is less than the one it is compared
// with. A borrow may reach later bytes, so only the first hit counts.
func special(b []byte) int {
	const each, high = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+8 <= len(b); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		quote, solidus := x^each*'"', x^each*'\\'
		if found := ((x-each*0x20)&^x | (quote-each)&^quote | (solidus-each)&^solidus) & high; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for ; i < len(b) && b[i] != '"' && b[i] != '\\' && b[i] >= 0x20; i++ {
	}
	return i
}

// milliseconds is n as a Duration, at most the longest one (292 years).
func milliseconds(n int64) time.Duration {
	const most = int64(1<<63-1) / int64(time.Millisecond)
	return time.Duration(max(0, min(n, most))) * time.Millisecond
}

// atMilli converts a time of the contract; 0 means none.
func atMilli(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}
