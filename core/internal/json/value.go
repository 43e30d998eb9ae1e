package json

// Kind tells what v is.
func (v Value) Kind() Kind {
	if v.n == nil {
		return None
	}
	return v.n.kind
}

// Raw is the text of v as it stood.
func (v Value) Raw() string {
	if v.n == nil {
		return ""
	}
	return v.n.doc.src[v.n.start:v.n.end]
}

// Str is the string that v is, "" if it is none.
func (v Value) Str() string {
	if v.Kind() != String {
		return ""
	}
	return v.n.doc.text(int(v.n.start)+1, int(v.n.end)-1, v.n.esc)
}

// True tells whether v is true.
func (v Value) True() bool { return v.Kind() == Bool && v.Raw() == "true" }

// Int is the number that v is; ok is false for one that is no int64. A fraction is cut off, an exponent refused.
func (v Value) Int() (n int64, ok bool) {
	if v.Kind() != Number {
		return 0, false
	}
	return Int(v.Raw())
}

// Int reads a decimal number: an optional minus, digits, and a fraction, which is cut off.
func Int(s string) (n int64, ok bool) {
	neg := len(s) > 0 && s[0] == '-'
	if neg {
		s = s[1:]
	}
	i := 0
	for ; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
		digit := int64(s[i] - '0')
		if n < (-1<<63+digit)/10 {
			return 0, false
		}
		n = n*10 - digit // towards the minimum, which has no positive
	}
	if i == 0 {
		return 0, false
	}
	if i < len(s) && s[i] == '.' {
		for i++; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
		}
		if s[i-1] == '.' {
			return 0, false
		}
	}
	if i != len(s) || !neg && n == -1<<63 {
		return 0, false
	}
	if !neg {
		n = -n
	}
	return n, true
}

// Get is the member of that name, the zero Value if there is none or v is no object.
func (v Value) Get(name string) Value {
	if v.Kind() == Object {
		for it := v.Each(); it.Next(); {
			if it.Name() == name {
				return it.Value()
			}
		}
	}
	return Value{}
}

// An Iter walks the members of an object or the elements of an array.
type Iter struct {
	doc       *doc
	n         *node
	next, end int32
}

// Each walks v; over anything but an array or object it is empty.
func (v Value) Each() Iter {
	if v.Kind() < Array {
		return Iter{}
	}
	return Iter{doc: v.n.doc, next: v.n.at + 1, end: v.n.next}
}

// Next goes on to the next, if there is one.
func (it *Iter) Next() bool {
	if it.next >= it.end {
		return false
	}
	it.n = &it.doc.nodes[it.next]
	it.next = it.n.next
	return true
}

// Value is the one that Next went to.
func (it *Iter) Value() Value { return Value{it.n} }

// Name is its name, "" in an array.
func (it *Iter) Name() string { return it.n.name }
