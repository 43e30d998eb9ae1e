// Package base64url encodes base64url without padding (RFC 4648 section 5, RFC 7636 appendix A),
// and base64 with padding for bodies.
package base64url

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// Encode returns the base64url of b.
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

// Decode returns the bytes of s. ok is false for any other character, padding, an impossible
// length, or unused bits that are not zero.
func Decode(s string) (b []byte, ok bool) { return decode(s, '-', '_') }

// DecodeStd returns the bytes of base64 with padding (RFC 4648 section 4).
func DecodeStd(s string) (b []byte, ok bool) {
	if len(s)%4 != 0 {
		return nil, false
	}
	for i := 0; i < 2 && len(s) > 0 && s[len(s)-1] == '='; i++ {
		s = s[:len(s)-1]
	}
	return decode(s, '+', '/')
}

// EncodeStd returns base64 with padding, for HTTP Basic credentials (RFC 7617).
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

// values are the six bits of each character of either alphabet, and none for any other character.
var values = func() (v [256]byte) {
	for i := range v {
		v[i] = none
	}
	for i := range len(alphabet) {
		v[alphabet[i]] = byte(i)
	}
	v['+'], v['/'] = 62, 63
	return v
}()

const none = 0xff

func decode(s string, c62, c63 byte) (b []byte, ok bool) {
	if len(s)%4 == 1 {
		return nil, false
	}
	other62, other63 := byte('+'), byte('/')
	if c62 == '+' {
		other62, other63 = '-', '_'
	}
	b = make([]byte, len(s)*3/4)
	bad, n, i := byte(0), 0, 0
	for ; i+4 <= len(s); i += 4 {
		for k := i; k < i+4; k++ {
			if s[k] == other62 || s[k] == other63 {
				return nil, false
			}
		}
		p, q, r, t := values[s[i]], values[s[i+1]], values[s[i+2]], values[s[i+3]]
		bad |= p | q | r | t
		b[n], b[n+1], b[n+2] = p<<2|q>>4, q<<4|r>>2, r<<6|t
		n += 3
	}
	if bad&0xc0 != 0 {
		return nil, false
	}
	// Two or three characters are left. The last one has unused bits.
	acc, bits := uint(0), 0
	for ; i < len(s); i++ {
		v := values[s[i]]
		if v == none || s[i] == other62 || s[i] == other63 {
			return nil, false
		}
		acc = acc<<6 | uint(v)
		if bits += 6; bits >= 8 {
			bits -= 8
			b[n] = byte(acc >> bits)
			n++
		}
	}
	return b, acc&(1<<bits-1) == 0
}
