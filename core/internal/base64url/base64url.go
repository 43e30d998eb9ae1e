// Package base64url is base64url without padding (RFC 4648 section 5, RFC 7636 appendix A), and base64 with padding for bodies.
package base64url

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// Encode gives the text of b.
func Encode(b []byte) string { return string(encode(b)) }

func encode(b []byte) []byte {
	out := make([]byte, (len(b)*8+5)/6)
	var acc, bits uint
	n := 0
	for i := range out {
		if bits < 6 {
			acc <<= 8
			if n < len(b) {
				acc |= uint(b[n])
			}
			n++
			bits += 8
		}
		bits -= 6
		out[i] = alphabet[acc>>bits&63]
	}
	return out
}

// Decode gives the bytes of s; ok is false for a foreign character, padding, an impossible length or spare bits that are not zero.
func Decode(s string) (b []byte, ok bool) { return decode(s, '-', '_') }

// DecodeStd gives the bytes of base64 with its padding (RFC 4648 section 4).
func DecodeStd(s string) (b []byte, ok bool) {
	if len(s)%4 != 0 {
		return nil, false
	}
	for i := 0; i < 2 && len(s) > 0 && s[len(s)-1] == '='; i++ {
		s = s[:len(s)-1]
	}
	return decode(s, '+', '/')
}

// EncodeStd gives base64 with padding: HTTP Basic credentials (RFC 7617).
func EncodeStd(b []byte) string {
	out := encode(b)
	for i, c := range out {
		switch c {
		case '-':
			out[i] = '+'
		case '_':
			out[i] = '/'
		}
	}
	for len(out)%4 != 0 {
		out = append(out, '=')
	}
	return string(out)
}

func decode(s string, c62, c63 byte) (b []byte, ok bool) {
	if len(s)%4 == 1 {
		return nil, false
	}
	b = make([]byte, len(s)*3/4)
	var acc uint
	n, bits := 0, 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c >= 'A' && c <= 'Z':
			c -= 'A'
		case c >= 'a' && c <= 'z':
			c -= 'a' - 26
		case c >= '0' && c <= '9':
			c += 52 - '0'
		case c == c62:
			c = 62
		case c == c63:
			c = 63
		default:
			return nil, false
		}
		acc = (acc<<6 | uint(c)) & 0xFFFF
		if bits += 6; bits >= 8 {
			bits -= 8
			b[n] = byte(acc >> bits)
			n++
		}
	}
	return b, acc&(1<<bits-1) == 0
}
