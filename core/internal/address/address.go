// Package address reads IP addresses, and says which of them are public.
package address

import "github.com/oauth2-wasm/oauth2-wasm/core/internal/words"

// An Address is an IPv6 address, or an IPv4 address mapped into one (RFC 4291 section 2.5.5.2).
type Address [16]byte

// A Network is all addresses that begin with the same bits.
type Network struct {
	address Address
	bits    int
}

// ReadNetwork reads an address, or an address with "/" and the length of a prefix.
func ReadNetwork(s string) (n Network, ok bool) {
	i := words.Index(s, '/')
	host, most := s, 128
	if i >= 0 {
		host = s[:i]
	}
	n.address, ok = Read(host)
	if words.Index(host, ':') < 0 {
		most = 32
	}
	n.bits = most
	if ok && i >= 0 {
		n.bits, ok = decimal(s[i+1:], most)
	}
	n.bits += 128 - most
	return n, ok
}

// Holds reports whether the address is in the network.
func (n Network) Holds(a Address) bool {
	for i, b := range n.address {
		left := n.bits - 8*i
		if left <= 0 {
			break
		}
		if different := a[i] ^ b; different>>uint(max(8-left, 0)) != 0 {
			return false
		}
	}
	return true
}

// Read reads an address as text (RFC 4291 section 2.2), without a zone.
func Read(s string) (a Address, ok bool) {
	if words.Index(s, ':') < 0 {
		a[10], a[11] = 0xff, 0xff
		ok = readFour(s, a[12:])
		return a, ok
	}
	at, gap := 0, -1
	if words.Prefixed(s, "::") {
		gap, s = 0, s[2:]
	}
	for s != "" {
		end := words.Index(s, ':')
		part := s
		if end >= 0 {
			part = s[:end]
		}
		switch {
		case end < 0 && words.Index(part, '.') >= 0:
			if at > 12 || !readFour(part, a[at:at+4]) {
				return a, false
			}
			at += 4
		case at > 14 || !readGroup(part, a[at:]):
			return a, false
		default:
			at += 2
		}
		if end < 0 {
			break
		}
		if s = s[end+1:]; s == "" {
			return a, false
		}
		if s[0] == ':' {
			if gap >= 0 {
				return a, false
			}
			gap, s = at, s[1:]
		}
	}
	if gap < 0 {
		return a, at == 16
	}
	if at > 14 {
		return a, false
	}
	n := at - gap
	copy(a[16-n:], a[gap:at])
	clear(a[gap : 16-n])
	return a, true
}

// readGroup reads one to four hexadecimal digits into two bytes.
func readGroup(s string, to []byte) bool {
	v := 0
	for i := range len(s) {
		d := words.HexDigit(s[i])
		if d < 0 {
			return false
		}
		v = v<<4 | d
	}
	to[0], to[1] = byte(v>>8), byte(v)
	return s != "" && len(s) <= 4
}

// readFour reads four numbers with dots between them.
func readFour(s string, to []byte) bool {
	for i := range 4 {
		part, end := s, words.Index(s, '.')
		if end >= 0 != (i < 3) {
			return false
		}
		if end >= 0 {
			part, s = s[:end], s[end+1:]
		}
		n, ok := decimal(part, 255)
		if !ok {
			return false
		}
		to[i] = byte(n)
	}
	return true
}

// decimal reads digits without a leading zero, which some software reads as octal.
func decimal(s string, most int) (n int, ok bool) {
	if s == "" || len(s) > 3 || len(s) > 1 && s[0] == '0' {
		return 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, n <= most
}
