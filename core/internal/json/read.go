package json

import "unicode/utf8"

const (
	// MaxDepth is how many arrays and objects may stand in each other.
	MaxDepth = 32
	// MaxValues is how many values a text may hold, so that a text of a megabyte cannot become a tree of fifty.
	MaxValues = 50_000
	// MaxMembers is how many members one object may have: names are compared with each other.
	MaxMembers = 1000
)

// Kind is what a value is. The zero Kind stands for a member that is not there.
type Kind uint8

// The kinds of value.
const (
	None Kind = iota
	Null
	Bool
	Number
	String
	Array
	Object
)

// A Value is a place in a parsed text. The zero Value has Kind None and answers every question with a zero.
type Value struct{ n *node }

type doc struct {
	src   string
	nodes []node
}

// A node is one value; its descendants follow it up to next.
type node struct {
	doc        *doc
	kind       Kind
	esc        bool   // the string holds an escape
	name       string // of a member, decoded
	at         int32  // its own place
	start, end int32
	next       int32
}

type parser struct {
	doc
	at    int
	depth int
}

// Parse reads src, which must be one value; ok is false where it is not.
func Parse(src string) (v Value, ok bool) {
	p := parser{doc: doc{src: src, nodes: make([]node, 0, values(src))}}
	p.space()
	if !p.value("") {
		return Value{}, false
	}
	p.space()
	if p.at != len(src) {
		return Value{}, false
	}
	d := &doc{src, p.nodes}
	for i := range d.nodes {
		d.nodes[i].doc, d.nodes[i].at = d, int32(i)
	}
	return Value{&d.nodes[0]}, true
}

// values is at least the number of values in src, or MaxValues: growing by doubling would leave as much behind.
func values(src string) int {
	n := 1
	for i := range len(src) {
		if c := src[i]; (c == ',' || c == '{' || c == '[') && n < MaxValues {
			n++
		}
	}
	return n
}

func (p *parser) space() {
	for p.at < len(p.src) {
		switch p.src[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

func (p *parser) peek() byte {
	if p.at < len(p.src) {
		return p.src[p.at]
	}
	return 0
}

func (p *parser) value(name string) bool {
	me := len(p.nodes)
	if me == MaxValues {
		return false
	}
	p.nodes = append(p.nodes, node{start: int32(p.at), name: name})
	kind, esc, ok := None, false, false
	switch c := p.peek(); {
	case c == '{':
		kind, ok = Object, p.nest('}', me)
	case c == '[':
		kind, ok = Array, p.nest(']', me)
	case c == '"':
		kind = String
		_, _, esc, ok = p.str()
	case c == 't':
		kind, ok = Bool, p.word("true")
	case c == 'f':
		kind, ok = Bool, p.word("false")
	case c == 'n':
		kind, ok = Null, p.word("null")
	default:
		kind, ok = Number, p.number()
	}
	n := &p.nodes[me]
	n.kind, n.esc, n.end, n.next = kind, esc, int32(p.at), int32(len(p.nodes))
	return ok
}

func (p *parser) word(w string) bool {
	if len(p.src)-p.at < len(w) || p.src[p.at:p.at+len(w)] != w {
		return false
	}
	p.at += len(w)
	return true
}

func (p *parser) digits() bool {
	from := p.at
	for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
		p.at++
	}
	return p.at > from
}

func (p *parser) number() bool {
	if p.peek() == '-' {
		p.at++
	}
	if p.peek() == '0' {
		p.at++
	} else if !p.digits() {
		return false
	}
	if p.peek() == '.' {
		p.at++
		if !p.digits() {
			return false
		}
	}
	if c := p.peek(); c == 'e' || c == 'E' {
		p.at++
		if c := p.peek(); c == '+' || c == '-' {
			p.at++
		}
		return p.digits()
	}
	return true
}

// str reads a string with its quotes and gives the place of its contents.
func (p *parser) str() (start, end int, esc, ok bool) {
	p.at++
	start = p.at
	for p.at < len(p.src) {
		c := p.src[p.at]
		switch {
		case c == '"':
			p.at++
			return start, p.at - 1, esc, true
		case c < 0x20:
			return 0, 0, false, false
		case c == '\\':
			esc = true
			if _, n := escape(p.src[p.at:]); n > 0 {
				p.at += n
			} else {
				return 0, 0, false, false
			}
		case c < utf8.RuneSelf:
			p.at++
		default:
			r, n := utf8.DecodeRuneInString(p.src[p.at:])
			if r == utf8.RuneError && n <= 1 {
				return 0, 0, false, false
			}
			p.at += n
		}
	}
	return 0, 0, false, false
}

// escape decodes the escape at the start of s, a surrogate pair included, and gives its length, 0 where it is none.
func escape(s string) (r rune, n int) {
	if len(s) < 2 {
		return 0, 0
	}
	switch s[1] {
	case '"', '\\', '/':
		return rune(s[1]), 2
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
		hi, ok := hex4(s)
		if !ok || hi&0xFC00 == 0xDC00 {
			return 0, 0
		}
		if hi&0xFC00 != 0xD800 {
			return hi, 6
		}
		lo, ok := hex4(s[6:])
		if !ok || lo&0xFC00 != 0xDC00 {
			return 0, 0
		}
		return 0x10000 + (hi&0x3FF)<<10 + lo&0x3FF, 12
	}
	return 0, 0
}

func hex4(s string) (rune, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	var r rune
	for i := 2; i < 6; i++ {
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// nest reads an array or object.
func (p *parser) nest(closing byte, me int) bool {
	p.depth++
	if p.depth > MaxDepth {
		return false
	}
	p.at++
	p.space()
	if p.peek() == closing {
		p.at++
		p.depth--
		return true
	}
	for members := 1; ; members++ {
		name := ""
		if closing == '}' {
			if p.peek() != '"' || members > MaxMembers {
				return false
			}
			start, end, esc, ok := p.str()
			if !ok {
				return false
			}
			// Decoded once: a name with escapes that were decoded at each comparison is how 30 KB of text became 16 MiB.
			if name = p.text(start, end, esc); p.twice(me, name) {
				return false
			}
			p.space()
			if p.peek() != ':' {
				return false
			}
			p.at++
			p.space()
		}
		if !p.value(name) {
			return false
		}
		p.space()
		switch p.peek() {
		case ',':
			p.at++
			p.space()
		case closing:
			p.at++
			p.depth--
			return true
		default:
			return false
		}
	}
}

// twice tells whether the object at me already has a member of that name.
func (p *parser) twice(me int, name string) bool {
	for i := me + 1; i < len(p.nodes); i = int(p.nodes[i].next) {
		if p.nodes[i].name == name {
			return true
		}
	}
	return false
}

func (d *doc) text(start, end int, esc bool) string {
	s := d.src[start:end]
	if !esc {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			b = append(b, s[i])
			i++
			continue
		}
		r, n := escape(s[i:])
		b = utf8.AppendRune(b, r)
		i += max(n, 1)
	}
	return string(b)
}
