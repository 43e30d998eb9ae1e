package json

import "github.com/oauth2-wasm/oauth2-wasm/core/internal/words"

// A Writer builds one JSON text. Members are written in the order of the calls. The zero Writer is
// ready. Names are constants of the program and are not escaped.
type Writer struct {
	b     []byte
	comma bool
}

// usual is the size of a normal message, with which a Writer begins.
const usual = 480

// NewWriter makes a Writer.
func NewWriter() *Writer { return &Writer{} }

// String is the text so far.
func (w *Writer) String() string { return string(w.b) }

// Bytes is the text so far.
func (w *Writer) Bytes() []byte { return w.b }

// ending is room for the brackets and short members that usually follow a long member.
const ending = 64

// Grow makes room for n bytes that follow.
func (w *Writer) Grow(n int) {
	b := make([]byte, len(w.b), max(len(w.b)+n, usual))
	copy(b, w.b)
	w.b = b
}

// room extends the text by n bytes and returns them, to be filled. That is one call for a member;
// TinyGo's append would be one for each byte.
func (w *Writer) room(n int) []byte {
	at := len(w.b)
	if at+n > cap(w.b) {
		w.Grow(max(at, n+ending))
	}
	w.b = w.b[:at+n]
	return w.b[at:]
}

// begin writes the comma if one is needed, and makes room for n bytes.
func (w *Writer) begin(n int) []byte {
	if !w.comma {
		w.comma = true
		return w.room(n)
	}
	b := w.room(n + 1)
	b[0] = ','
	return b[1:]
}

// Key begins a member; a value follows.
func (w *Writer) Key(name string) {
	b := w.begin(len(name) + 3)
	w.comma = false
	b[0] = '"'
	copy(b[1:], name)
	copy(b[1+len(name):], `":`)
}

// Name is Key for a name that is not a constant, and may need escapes.
func (w *Writer) Name(name string) {
	w.Str(name)
	w.comma = false
	w.room(1)[0] = ':'
}

// Open begins an object or array with its bracket.
func (w *Writer) Open(bracket byte) {
	w.begin(1)[0] = bracket
	w.comma = false
}

// Close ends it with the closing bracket.
func (w *Writer) Close(bracket byte) {
	w.room(1)[0] = bracket
	w.comma = true
}

// Raw writes s, which must be JSON.
func (w *Writer) Raw(s string) { copy(w.begin(len(s)), s) }

// Str writes a string.
func (w *Writer) Str(s string) {
	n := len(s) + 2
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < 0x20 {
			n += 5
		} else if c == '"' || c == '\\' {
			n++
		}
	}
	b := w.begin(n)
	b[0], b[n-1] = '"', '"'
	if b = b[1:]; n == len(s)+2 {
		copy(b, s)
		return
	}
	at := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c < 0x20 {
			const hex = "0123456789abcdef"
			copy(b[at:], `\u00`)
			b[at+4], b[at+5] = hex[c>>4], hex[c&15]
			at += 6
			continue
		}
		if c == '"' || c == '\\' {
			b[at] = '\\'
			at++
		}
		b[at] = c
		at++
	}
}

// Int writes a number.
func (w *Writer) Int(n int64) {
	w.begin(0)
	w.b = AppendInt(w.b, n)
}

// AppendInt appends n in decimal.
func AppendInt(b []byte, n int64) []byte {
	var buf [20]byte
	at := len(buf)
	u := uint64(n)
	if n < 0 {
		b = append(b, '-')
		u = -u
	}
	for {
		at--
		buf[at] = byte('0' + u%10)
		u /= 10
		if u == 0 {
			return append(b, buf[at:]...)
		}
	}
}

// Bool writes true or false.
func (w *Writer) Bool(v bool) {
	if v {
		w.Raw("true")
	} else {
		w.Raw("false")
	}
}

// MemberStr writes a member that is a string.
func (w *Writer) MemberStr(name, s string) {
	w.Key(name)
	w.Str(s)
}

// MemberStrIf does so unless s is empty.
func (w *Writer) MemberStrIf(name, s string) {
	if s != "" {
		w.MemberStr(name, s)
	}
}

// MemberInt writes a member that is a number.
func (w *Writer) MemberInt(name string, n int64) {
	w.Key(name)
	w.Int(n)
}

// MemberBool writes a member that is true or false.
func (w *Writer) MemberBool(name string, v bool) {
	w.Key(name)
	w.Bool(v)
}

// MemberRaw writes a member whose value is JSON.
func (w *Writer) MemberRaw(name, raw string) {
	w.Key(name)
	w.Raw(raw)
}

// MemberStrs writes the members that Texts reads, without empty ones.
func (w *Writer) MemberStrs(names string, texts []*string) {
	for _, text := range texts {
		var name string
		name, names = words.Cut(names)
		w.MemberStrIf(name, *text)
	}
}
