package address

import "github.com/oauth2-wasm/oauth2-wasm/core/internal/words"

// Public reports whether the host of a URL, in lower case, can be public: a name that is not
// reserved for other networks, or an address that is routed everywhere. A name may still resolve to
// a private address, so whoever connects must check again, with IsPublic.
func Public(host string) bool {
	if host != "" && host[len(host)-1] == '.' {
		host = host[:len(host)-1] // a final dot changes nothing (RFC 1034 section 3.1)
	}
	if words.Prefixed(host, "[") && words.Suffixed(host, "]") {
		a, ok := Read(host[1 : len(host)-1])
		return ok && words.Index(host, ':') >= 0 && a.IsPublic()
	}
	dot, last := lastLabel(host)
	if numeric(last) {
		a, ok := readAnyFour(host)
		return ok && a.IsPublic()
	}
	switch last {
	// RFC 6761 and 6762, RFC 8375 (home.arpa), RFC 7686, and what ICANN reserved for private use.
	case "localhost", "local", "localdomain", "internal", "intranet", "lan", "home", "corp", "private", "onion", "arpa", "":
		return false
	}
	for i := range len(host) {
		if c := host[i]; !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' && i > 0 && host[i-1] != '.') {
			return false
		}
	}
	return dot // a name of one label belongs to a private network
}

// lastLabel returns the part after the last dot, and whether there is a dot.
func lastLabel(host string) (dot bool, last string) {
	for i := len(host) - 1; i >= 0; i-- {
		if host[i] == '.' {
			return true, host[i+1:]
		}
	}
	return false, host
}

// numeric reports whether browsers read a host with this last label as an address (WHATWG URL,
// "ends in a number").
func numeric(label string) bool {
	_, ok := anyNumber(label)
	if ok {
		return true
	}
	for i := range len(label) {
		if label[i] < '0' || label[i] > '9' {
			return false
		}
	}
	return label != ""
}

// readAnyFour reads an IPv4 address in every form that resolvers accept: one to four parts, each
// decimal, octal or hexadecimal, where the last one fills the remaining bytes (inet_aton).
func readAnyFour(s string) (a Address, ok bool) {
	a[10], a[11] = 0xff, 0xff
	parts, left := 0, uint64(1)<<32
	var sum uint64
	for {
		end := words.Index(s, '.')
		part := s
		if end >= 0 {
			part = s[:end]
		}
		n, ok := anyNumber(part)
		if parts++; !ok || parts > 4 {
			return a, false
		}
		if end < 0 {
			if n >= left {
				return a, false
			}
			sum += n
			break
		}
		if n > 255 {
			return a, false
		}
		left >>= 8
		sum += n * left
		s = s[end+1:]
	}
	a[12], a[13], a[14], a[15] = byte(sum>>24), byte(sum>>16), byte(sum>>8), byte(sum)
	return a, true
}

// anyNumber reads a number below 2^32: hexadecimal after 0x, octal after 0, otherwise decimal.
func anyNumber(s string) (n uint64, ok bool) {
	base := uint64(10)
	switch {
	case len(s) > 1 && s[0] == '0' && s[1]|0x20 == 'x':
		base, s = 16, s[2:]
		if s == "" {
			return 0, true // browsers read it as 0
		}
	case len(s) > 1 && s[0] == '0':
		base = 8
	}
	for i := range len(s) {
		d := words.HexDigit(s[i])
		if d < 0 || uint64(d) >= base {
			return 0, false
		}
		if n = n*base + uint64(d); n >= 1<<32 {
			return 0, false
		}
	}
	return n, s != ""
}

// IsPublic reports whether an address is routed everywhere (RFC 6890 and the registries of IANA).
// For an address that contains an IPv4 address, that one decides.
func (a Address) IsPublic() bool {
	switch {
	case within(a, "00000000000000000000ffff"): // mapped (RFC 4291 section 2.5.5.2)
		return publicFour(a[12:])
	case within(a, "0064ff9b0000000000000000"): // RFC 6052 section 2.1
		return publicFour(a[12:])
	case a[0]>>5 != 1: // outside of 2000::/3: loopback, link and site local, unique local, multicast
		return false
	case a[0] == 0x20 && a[1] == 0x02: // 6to4 (RFC 3056), which leads to the IPv4 address in it
		return false
	case within(a, "2001") && a[2] < 2: // 2001::/23: Teredo, benchmarks, ORCHID
		return false
	case within(a, "20010db8") || within(a, "3fff") && a[2] < 0x10: // documentation
		return false
	}
	return true
}

// within reports whether an address begins with these bytes, in hexadecimal.
func within(a Address, prefix string) bool {
	for i := range len(prefix) / 2 {
		if int(a[i]) != words.HexDigit(prefix[2*i])<<4|words.HexDigit(prefix[2*i+1]) {
			return false
		}
	}
	return true
}

// publicFour reports the same for the four bytes of an IPv4 address.
func publicFour(b []byte) bool {
	switch b[0] {
	case 0, 10, 127:
		return false
	case 100:
		return b[1]>>6 != 1 // 100.64.0.0/10, shared (RFC 6598)
	case 169:
		return b[1] != 254 // link local, used for the metadata of clouds
	case 172:
		return b[1]>>4 != 1
	case 192:
		return !(b[1] == 168 || b[1] == 0 && (b[2] == 0 || b[2] == 2) || b[1] == 88 && b[2] == 99)
	case 198:
		return b[1]>>1 != 9 && !(b[1] == 51 && b[2] == 100)
	case 203:
		return !(b[1] == 0 && b[2] == 113)
	}
	return b[0] < 224 // multicast, reserved
}
