package json

import (
	"unicode/utf8"

	"github.com/oauth2-wasm/oauth2-wasm/core/internal/escape"
)

const (
	// MaxDepth is how deep arrays and objects may be nested.
	MaxDepth = 32
	// MaxValues is how many values a text may contain. Otherwise a text of a megabyte could need
	// fifty megabytes of memory.
	MaxValues = 50_000
	// MaxMembers is how many members one object may have, because names are compared with each
	// other.
	MaxMembers = 1000
)

// Kind is the kind of a value. The zero Kind means that a member is missing.
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

// A Value is a place in a parsed text. The zero Value has Kind None, and its methods return zero
// values.
type Value struct {
	doc *doc
	at  int32
}

type doc struct {
	src    string
	blocks [][]node // each has blockNodes nodes, except the last
	n      int32
}

// A node is one value; its descendants follow it up to next. It contains no pointer, so the garbage
// collector need not scan the nodes of a large text.
type node struct {
	start, end int32 // in the text; end is ^end for a string with an escape
	next       int32
	name       int32 // of a member: where it begins after its quote, ^name for one with an escape
}

const (
	// blockNodes is how many nodes are allocated at once. So memory grows with what is read, and
	// nothing is copied, which would leave as much garbage.
	blockNodes = 256
	firstNodes = 32
)

func (d *doc) node(i int32) *node { return &d.blocks[i/blockNodes][i%blockNodes] }

// add appends a node.
func (d *doc) add(n node) {
	last := len(d.blocks) - 1
	if d.n%blockNodes == 0 {
		room := blockNodes
		if d.n == 0 {
			room = firstNodes
		}
		d.blocks = append(d.blocks, make([]node, 0, room))
		last++
	}
	d.blocks[last] = append(d.blocks[last], n)
	d.n++
}

type parser struct {
	doc   *doc
	at    int
	depth int
	order []int32 // members of an object, to be put in order
}

// Parse reads src, which must be one value; ok is false if it is not.
func Parse(src string) (v Value, ok bool) {
	p := parser{doc: &doc{src: src}}
	p.space()
	if !p.value(0) {
		return Value{}, false
	}
	p.space()
	if p.at != len(src) {
		return Value{}, false
	}
	return Value{p.doc, 0}, true
}

func (p *parser) space() {
	for p.at < len(p.doc.src) {
		switch p.doc.src[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

func (p *parser) peek() byte {
	if p.at < len(p.doc.src) {
		return p.doc.src[p.at]
	}
	return 0
}

func (p *parser) value(name int32) bool {
	me := p.doc.n
	if me == MaxValues {
		return false
	}
	p.doc.add(node{start: int32(p.at), name: name})
	esc, ok := false, false
	switch p.peek() {
	case '{':
		ok = p.nest('}', me)
	case '[':
		ok = p.nest(']', me)
	case '"':
		_, esc, ok = p.str()
	case 't':
		ok = p.word("true")
	case 'f':
		ok = p.word("false")
	case 'n':
		ok = p.word("null")
	default:
		ok = p.number()
	}
	n := p.doc.node(me)
	if n.end, n.next = int32(p.at), p.doc.n; esc {
		n.end = ^n.end
	}
	return ok
}

func (p *parser) word(w string) bool {
	if len(p.doc.src)-p.at < len(w) || p.doc.src[p.at:p.at+len(w)] != w {
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

// str reads a string with its quotes and returns the position of its contents.
func (p *parser) str() (start int, esc, ok bool) {
	p.at++
	start = p.at
	for p.at < len(p.doc.src) {
		c := p.doc.src[p.at]
		switch {
		case c == '"':
			p.at++
			return start, esc, true
		case c < 0x20:
			return 0, false, false
		case c == '\\':
			esc = true
			if _, n := escape.Decode(p.doc.src[p.at:]); n > 0 {
				p.at += n
			} else {
				return 0, false, false
			}
		case c < utf8.RuneSelf:
			p.at++
		default:
			r, n := utf8.DecodeRuneInString(p.doc.src[p.at:])
			if r == utf8.RuneError && n <= 1 {
				return 0, false, false
			}
			p.at += n
		}
	}
	return 0, false, false
}

// nest reads an array or object.
func (p *parser) nest(closing byte, me int32) bool {
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
		name := int32(0)
		if closing == '}' {
			if p.peek() != '"' || members > MaxMembers {
				return false
			}
			start, esc, ok := p.str()
			if name = int32(start); esc {
				name = ^name
			}
			p.space()
			if !ok || p.peek() != ':' {
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
			return closing == ']' || !p.twice(me)
		default:
			return false
		}
	}
}

// twice reports whether the object at me has two members with the same name: after sorting they are
// neighbours. Nothing is decoded for that, and no choice of names makes it slow.
func (p *parser) twice(me int32) bool {
	list := p.order[:0]
	for i := me + 1; i < p.doc.n; i = p.doc.node(i).next {
		list = append(list, i)
	}
	p.order = list
	for i := len(list)/2 - 1; i >= 0; i-- {
		p.sift(list, i)
	}
	for n := len(list) - 1; n > 0; n-- {
		largest := list[0]
		list[0] = list[n]
		p.sift(list[:n], 0)
		if p.doc.compare(list[0], largest) == 0 {
			return true
		}
	}
	return false
}

// sift moves the member at i down a heap, until no member below it has a greater name.
func (p *parser) sift(heap []int32, i int) {
	moving := heap[i]
	for {
		child := 2*i + 1
		if child >= len(heap) {
			break
		}
		if child+1 < len(heap) && p.doc.compare(heap[child], heap[child+1]) < 0 {
			child++
		}
		if p.doc.compare(heap[child], moving) <= 0 {
			break
		}
		heap[i] = heap[child]
		i = child
	}
	heap[i] = moving
}

// compare compares two members by their names: below 0 if the first is smaller, 0 if they are
// equal.
func (d *doc) compare(a, b int32) int32 {
	x, y := d.node(a).name, d.node(b).name
	if x < 0 {
		x = ^x
	}
	if y < 0 {
		y = ^y
	}
	for {
		p, n := d.rune(x)
		q, m := d.rune(y)
		if p != q || p < 0 {
			return p - q
		}
		x, y = x+n, y+m
	}
}

// rune decodes one character of a string and returns its length in the text, -1 at the closing
// quote.
func (d *doc) rune(at int32) (r rune, n int32) {
	switch c := d.src[at]; {
	case c == '"':
		return -1, 0
	case c == '\\':
		r, n := escape.Decode(d.src[at:])
		return r, int32(max(n, 1))
	case c < utf8.RuneSelf:
		return rune(c), 1
	}
	r, size := utf8.DecodeRuneInString(d.src[at:])
	return r, int32(size)
}

// named reports whether the member at i has that name.
func (d *doc) named(i int32, name string) bool {
	at := d.node(i).name
	if at >= 0 {
		end := int(at) + len(name)
		return end < len(d.src) && d.src[end] == '"' && d.src[at:end] == name
	}
	at = ^at
	for _, want := range name {
		r, n := d.rune(at)
		if r != want {
			return false
		}
		at += n
	}
	return d.src[at] == '"'
}

// text is the decoded text between start and end.
func (d *doc) text(start, end int32, esc bool) string {
	if !esc {
		return d.src[start:end]
	}
	size := 0
	for i := start; i < end; {
		r, n := d.rune(i)
		size += utf8.RuneLen(r)
		i += n
	}
	b := make([]byte, 0, size)
	for i := start; i < end; {
		r, n := d.rune(i)
		b = utf8.AppendRune(b, r)
		i += n
	}
	return string(b)
}
