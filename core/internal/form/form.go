// Package form reads and writes application/x-www-form-urlencoded (RFC 6749 appendix B): the bodies
// of requests, the queries of URLs, the answers of old providers.
package form

// MaxParams is how many parameters a text may have. A reader searches all of them for each name.
const MaxParams = 256

// A Param is one name with one value; order and repetition are kept.
type Param struct{ Name, Value string }

// Append appends s, escaped; spaces become plus signs.
func Append(b []byte, s string) []byte {
	at := len(b)
	b = append(b, make([]byte, size(s))...)
	put(b[at:], s)
	return b
}

func plain(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' || c == '~'
}

// size is the escaped length of s.
func size(s string) int {
	n := len(s)
	for i := 0; i < len(s); i++ {
		if c := s[i]; c != ' ' && !plain(c) {
			n += 2
		}
	}
	return n
}

// put writes s, escaped, to b, which has room for it, and returns the rest of b.
func put(b []byte, s string) []byte {
	const hex = "0123456789ABCDEF"
	at := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case plain(c):
		case c == ' ':
			c = '+'
		default:
			b[at], b[at+1] = '%', hex[c>>4]
			c = hex[c&15]
			at += 2
		}
		b[at] = c
		at++
	}
	return b[at:]
}

// Encode encodes the parameters in their order.
func Encode(params []Param) string {
	if len(params) == 0 {
		return ""
	}
	n := -1
	for _, p := range params {
		n += size(p.Name) + size(p.Value) + 2
	}
	text := make([]byte, n)
	b := text
	for i, p := range params {
		if i > 0 {
			b[0] = '&'
			b = b[1:]
		}
		b = put(b, p.Name)
		b[0] = '='
		b = put(b[1:], p.Value)
	}
	return string(text)
}

// Decode reads such a text. ok is false for an invalid escape, for a semicolon, which some software
// reads as a separator, and for more than [MaxParams]. A piece without "=" is a name with an empty
// value.
func Decode(s string) (params []Param, ok bool) {
	for from := 0; from <= len(s); {
		to := from
		for to < len(s) && s[to] != '&' {
			to++
		}
		piece := s[from:to]
		from = to + 1
		if piece == "" {
			continue
		}
		if len(params) == MaxParams {
			return nil, false
		}
		eq := 0
		for eq < len(piece) && piece[eq] != '=' {
			eq++
		}
		name, ok := unescape(piece[:eq])
		if !ok {
			return nil, false
		}
		value, ok := unescape(piece[min(eq+1, len(piece)):])
		if !ok {
			return nil, false
		}
		params = append(params, Param{name, value})
	}
	return params, true
}

func unescape(s string) (string, bool) {
	plain, escapes := true, 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '%':
			plain = false
			escapes++
		case '+':
			plain = false
		case ';':
			return "", false
		}
	}
	if plain {
		return s, true
	}
	if 3*escapes > len(s) {
		return "", false
	}
	b := make([]byte, 0, len(s)-2*escapes)
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '+':
			b = append(b, ' ')
		case '%':
			if i+2 >= len(s) {
				return "", false
			}
			hi, ok1 := unhex(s[i+1])
			lo, ok2 := unhex(s[i+2])
			if !ok1 || !ok2 {
				return "", false
			}
			b = append(b, hi<<4|lo)
			i += 2
		default:
			b = append(b, c)
		}
	}
	return string(b), true
}

func unhex(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}

// ValueOf is the value of the first parameter with that name, "" if there is none.
func ValueOf(params []Param, name string) string {
	for _, p := range params {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}

// Count is how many parameters have that name.
func Count(params []Param, name string) (n int) {
	for _, p := range params {
		if p.Name == name {
			n++
		}
	}
	return n
}
