package json

import "github.com/oauth2-wasm/oauth2-wasm/core/internal/words"

// Kind is the kind of v.
func (v Value) Kind() Kind {
	if v.doc == nil {
		return None
	}
	switch v.doc.src[v.node().start] {
	case '{':
		return Object
	case '[':
		return Array
	case '"':
		return String
	case 't', 'f':
		return Bool
	case 'n':
		return Null
	}
	return Number
}

func (v Value) node() *node { return v.doc.node(v.at) }

// Raw is the text of v, unchanged.
func (v Value) Raw() string {
	if v.doc == nil {
		return ""
	}
	n := v.node()
	end := n.end
	if end < 0 {
		end = ^end
	}
	return v.doc.src[n.start:end]
}

// Values is the number of values in v, including v itself.
func (v Value) Values() int {
	if v.doc == nil {
		return 0
	}
	return int(v.node().next - v.at)
}

// Str is the string v, "" if v is not a string.
func (v Value) Str() string {
	if v.Kind() != String {
		return ""
	}
	n := v.node()
	if n.end < 0 {
		return v.doc.text(n.start+1, ^n.end-1, true)
	}
	return v.doc.src[n.start+1 : n.end-1]
}

// True reports whether v is true.
func (v Value) True() bool { return v.Kind() == Bool && v.Raw() == "true" }

// Int is the number v. ok is false if it is not an int64. A fraction is cut off.
func (v Value) Int() (n int64, ok bool) {
	if v.Kind() != Number {
		return 0, false
	}
	return Int(v.Raw())
}

// Int reads a JSON number. ok is false if it is not an int64. A fraction is cut off.
func Int(s string) (n int64, ok bool) {
	n, whole, ok := decimal(s)
	return n, ok && whole
}

// Near is Int for numbers of any size: it returns the nearest int64, but 0 only for 0.
func Near(s string) (n int64, ok bool) {
	n, _, ok = decimal(s)
	if n == 0 && ok {
		for i := 0; i < len(s) && s[i]|0x20 != 'e'; i++ {
			if s[i] > '0' {
				n = 1
			}
		}
		if s[0] == '-' {
			n = -n
		}
	}
	return n, ok
}

// decimal returns the whole part of a number. If the number is out of range, it returns the end of
// the range, and whole is false.
func decimal(s string) (n int64, whole, ok bool) {
	neg := len(s) > 0 && s[0] == '-'
	if neg {
		s = s[1:]
	}
	point := digits(s)
	end, power := point, 0
	if end < len(s) && s[end] == '.' {
		more := digits(s[end+1:])
		ok = more > 0
		end += 1 + more
	} else {
		ok = true
	}
	if mantissa := end; ok && end < len(s) && s[end]|0x20 == 'e' {
		power, ok = exponent(s[end+1:])
		end, s = mantissa, s[:mantissa]
	}
	if !ok || point == 0 || end != len(s) {
		return 0, false, false
	}
	whole = true
	at := 0
	for left := point + power; left > 0 && whole && (at < end || n != 0); left-- {
		digit := int64(0)
		if at == point {
			at++
		}
		if at < end {
			digit = int64(s[at] - '0')
			at++
		}
		if whole = n >= (-1<<63+digit)/10; whole {
			n = n*10 - digit // towards the minimum, which has no positive
		} else {
			n = -1 << 63
		}
	}
	if neg {
		return n, whole, true
	}
	if n == -1<<63 {
		return 1<<63 - 1, false, true
	}
	return -n, whole, true
}

// digits is how many digits are at the start of s.
func digits(s string) (n int) {
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

// exponent reads the digits after the e. An exponent that is too large counts as a large one.
func exponent(s string) (power int, ok bool) {
	neg := len(s) > 0 && s[0] == '-'
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		s = s[1:]
	}
	for i := range digits(s) {
		power = min(power*10+int(s[i]-'0'), 1<<24)
	}
	if neg {
		power = -power
	}
	return power, s != "" && digits(s) == len(s)
}

// Get returns the member with that name, the zero Value if there is none or v is not an object.
func (v Value) Get(name string) Value {
	if v.Kind() == Object {
		for it := v.Each(); it.Next(); {
			if it.doc.named(it.at, name) {
				return it.Value()
			}
		}
	}
	return Value{}
}

// An Iter iterates over the members of an object or the elements of an array.
type Iter struct {
	doc           *doc
	at, next, end int32
}

// At follows a path of member names that are separated by dots.
func (v Value) At(path string) Value {
	for from := 0; ; {
		to := from
		for to < len(path) && path[to] != '.' {
			to++
		}
		v = v.Get(path[from:to])
		if from = to + 1; from > len(path) {
			return v
		}
	}
}

// Each iterates over v. For anything but an array or object it is empty.
func (v Value) Each() Iter {
	if v.Kind() < Array {
		return Iter{}
	}
	return Iter{doc: v.doc, next: v.at + 1, end: v.node().next}
}

// Next moves to the next one, and reports whether there is one.
func (it *Iter) Next() bool {
	if it.next >= it.end {
		return false
	}
	it.at = it.next
	it.next = it.doc.node(it.at).next
	return true
}

// Value is the current value.
func (it *Iter) Value() Value { return Value{it.doc, it.at} }

// Name is the name of the current member, "" in an array.
func (it *Iter) Name() string {
	start := it.doc.node(it.at).name
	if start == 0 {
		return ""
	}
	esc := start < 0
	if esc {
		start = ^start
	}
	end := start
	for r, n := it.doc.rune(end); r >= 0; r, n = it.doc.rune(end) {
		end += n
	}
	return it.doc.text(start, end, esc)
}

// Lists reports whether an array of strings contains s.
func Lists(v Value, s string) bool {
	for it := v.Each(); it.Next(); {
		if it.Value().Str() == s {
			return true
		}
	}
	return false
}

// Texts reads the members with those names, which are separated by spaces, into texts.
func (v Value) Texts(names string, texts []*string) {
	for _, text := range texts {
		var name string
		name, names = words.Cut(names)
		*text = v.Get(name).Str()
	}
}
