package authserver

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// sourceBits is the length of the IPv6 prefix that counts as one source: a site has that prefix or
// a longer one (RFC 6177 section 2).
const sourceBits = 48

// countedAddress is the party under which requests from the address are counted, "" if it is
// invalid.
func countedAddress(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return ""
	}
	if ip = ip.Unmap().WithZone(""); ip.Is4() {
		return ip.String()
	}
	prefix, err := ip.Prefix(sourceBits)
	if err != nil {
		return ""
	}
	return prefix.String()
}

// remoteAddress is where a request to net/http comes from. Behind trusted proxies it is the last
// address in X-Forwarded-For that is not one of theirs: anybody could have written the addresses
// before it.
func remoteAddress(r *http.Request, trusted []netip.Prefix) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	from := peer.Addr().Unmap()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		if !slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(from) }) {
			break
		}
		before, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			break
		}
		from = before.Unmap()
	}
	return from.String()
}
