// Package escape reads the escapes of JSON strings (RFC 8259 section 7). The engine and the host in
// Go share it.
package escape

// Decode decodes the escape at the start of s, also a surrogate pair, and returns its length, 0 if
// it is invalid.
func Decode[T string | []byte](s T) (r rune, n int) {
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

// hex4 decodes \uXXXX.
func hex4[T string | []byte](s T) (rune, bool) {
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
