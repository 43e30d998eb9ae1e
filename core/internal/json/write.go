package json

// A Writer builds one JSON text. Members come out in the order of the calls. The zero Writer is ready; names are constants of the program and written as they are.
type Writer struct {
	b     []byte
	comma bool
}

// NewWriter makes a Writer with room for an ordinary message.
func NewWriter() *Writer { return &Writer{b: make([]byte, 0, 500)} }

// String is what was written.
func (w *Writer) String() string { return string(w.b) }

// Bytes is what was written.
func (w *Writer) Bytes() []byte { return w.b }

func (w *Writer) sep() {
	if w.comma {
		w.b = append(w.b, ',')
	}
	w.comma = true
}

// Key begins a member; a value follows.
func (w *Writer) Key(name string) {
	w.sep()
	w.b = append(w.b, '"')
	w.b = append(w.b, name...)
	w.b = append(w.b, '"', ':')
	w.comma = false
}

// Open begins an object or array with its bracket.
func (w *Writer) Open(bracket byte) {
	w.sep()
	w.b = append(w.b, bracket)
	w.comma = false
}

// Close ends it with the other one.
func (w *Writer) Close(bracket byte) {
	w.b = append(w.b, bracket)
	w.comma = true
}

// Raw writes s, which is JSON already.
func (w *Writer) Raw(s string) {
	w.sep()
	w.b = append(w.b, s...)
}

// Str writes a string.
func (w *Writer) Str(s string) {
	w.sep()
	w.b = append(w.b, '"')
	from := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		w.b = append(w.b, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			w.b = append(w.b, '\\', c)
		case '\n':
			w.b = append(w.b, '\\', 'n')
		case '\r':
			w.b = append(w.b, '\\', 'r')
		case '\t':
			w.b = append(w.b, '\\', 't')
		default:
			const hex = "0123456789abcdef"
			w.b = append(w.b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	w.b = append(w.b, s[from:]...)
	w.b = append(w.b, '"')
}

// Int writes a number.
func (w *Writer) Int(n int64) {
	w.sep()
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

// MemberRaw writes a member whose value is JSON already.
func (w *Writer) MemberRaw(name, raw string) {
	w.Key(name)
	w.Raw(raw)
}
