package json

func (v Value) node() *node {
	if v.d == nil {
		return &node{}
	}
	return &v.d.nodes[v.i]
}

// Kind tells what v is.
func (v Value) Kind() Kind { return v.node().kind }

// Raw is the text of v as it stood.
func (v Value) Raw() string {
	if v.d == nil {
		return ""
	}
	n := v.node()
	return v.d.src[n.start:n.end]
}

// Str is the string that v is, "" if it is none.
func (v Value) Str() string {
	n := v.node()
	if n.kind != String {
		return ""
	}
	return v.d.text(int(n.start)+1, int(n.end)-1, n.esc)
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
	d            *doc
	i, next, end int32
}

// Each walks v; over anything but an array or object it is empty.
func (v Value) Each() Iter {
	n := v.node()
	if n.kind < Array {
		return Iter{}
	}
	return Iter{v.d, 0, v.i + 1, n.next}
}

// Next goes on to the next, if there is one.
func (it *Iter) Next() bool {
	if it.next >= it.end {
		return false
	}
	it.i, it.next = it.next, it.d.nodes[it.next].next
	return true
}

// Value is the one that Next went to.
func (it *Iter) Value() Value { return Value{it.d, it.i} }

// Name is its name, "" in an array.
func (it *Iter) Name() string {
	n := &it.d.nodes[it.i]
	return it.d.text(int(n.ns), int(n.ne), n.nesc)
}
