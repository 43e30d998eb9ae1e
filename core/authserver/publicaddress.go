package authserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"
)

// notPublic are the addresses within the ranges of publicRanges that do not lead to a host of the
// internet, or to one that another address stands in (the IANA special-purpose address registries,
// RFC 6890).
var (
	publicRanges = prefixes("0.0.0.0/0", "2000::/3")
	notPublic    = prefixes(
		"0.0.0.0/8",         // this network
		"10.0.0.0/8",        // RFC 1918
		"100.64.0.0/10",     // carriers' NAT, RFC 6598
		"127.0.0.0/8",       // loopback
		"169.254.0.0/16",    // link-local, with the metadata services of clouds
		"172.16.0.0/12",     // RFC 1918
		"192.0.0.0/24",      // protocol assignments
		"192.0.2.0/24",      // documentation
		"192.31.196.0/24",   // AS112
		"192.52.193.0/24",   // AMT
		"192.88.99.0/24",    // 6to4 relays
		"192.168.0.0/16",    // RFC 1918
		"192.175.48.0/24",   // AS112
		"198.18.0.0/15",     // benchmarks
		"198.51.100.0/24",   // documentation
		"203.0.113.0/24",    // documentation
		"224.0.0.0/3",       // multicast, reserved, broadcast
		"2001::/23",         // protocol assignments, among them Teredo, which holds an IPv4 address
		"2001:db8::/32",     // documentation
		"2002::/16",         // 6to4, which holds an IPv4 address
		"2620:4f:8000::/48", // AS112
		"3fff::/20",         // documentation
	)
)

func prefixes(list ...string) []netip.Prefix {
	parsed := make([]netip.Prefix, len(list))
	for i, p := range list {
		parsed[i] = netip.MustParsePrefix(p)
	}
	return parsed
}

// isPublicAddress tells whether the address is one of the internet. An IPv4 address in an IPv6 one
// counts as itself; NAT64 (RFC 6052), unique local, link-local and the like lie outside the one
// range of IPv6 that is public.
func isPublicAddress(ip netip.Addr) bool {
	ip = ip.Unmap()
	in := func(p netip.Prefix) bool { return p.Contains(ip) }
	return ip.Zone() == "" && slices.ContainsFunc(publicRanges, in) && !slices.ContainsFunc(notPublic, in)
}

// mayBePublic tells whether a URL that a client registers is https and names no address that is not
// public. Where a name leads is known only when it is used.
func mayBePublic(uri string) bool {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "https" || isLoopbackHost(u.Hostname()) {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return err != nil || isPublicAddress(ip)
}

// answerTime and maxAnswer bound what a server that was asked may say: it has five seconds to
// begin, and 16 KiB of header.
const (
	answerTime = 5 * time.Second
	maxAnswer  = 16 << 10
)

// PublicTransport makes connections to addresses of the internet only, whatever a name resolves to
// at that moment, and to the origins named, as "http://127.0.0.1:8080", which have to be exact.
// Those are for tests and for services of the host's own. It uses no proxy, by which it could not
// tell the address. What it refuses is an error that names the address.
func PublicTransport(insecurePrivateOrigins ...string) http.RoundTripper {
	open := &net.Dialer{Timeout: answerTime}
	guarded := &net.Dialer{Timeout: answerTime, ControlContext: refusePrivate}
	return publicTransport{
		public:  transportOf(guarded),
		private: transportOf(open),
		origins: insecurePrivateOrigins,
	}
}

// publicTransport has two transports, so that no connection to a private origin is used for another
// one of that address.
type publicTransport struct {
	public, private *http.Transport
	origins         []string
}

// RoundTrip implements [http.RoundTripper].
func (t publicTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if slices.Contains(t.origins, strings.ToLower(r.URL.Scheme+"://"+r.URL.Host)) {
		return t.private.RoundTrip(r)
	}
	return t.public.RoundTrip(r)
}

// CloseIdleConnections is what [http.Client.CloseIdleConnections] calls.
func (t publicTransport) CloseIdleConnections() {
	t.public.CloseIdleConnections()
	t.private.CloseIdleConnections()
}

func transportOf(dialer *net.Dialer) *http.Transport {
	return &http.Transport{
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           64,
		IdleConnTimeout:        time.Minute,
		TLSHandshakeTimeout:    answerTime,
		ResponseHeaderTimeout:  answerTime,
		MaxResponseHeaderBytes: maxAnswer,
	}
}

var errNotPublic = errors.New("not a public address")

// refusePrivate is asked for each address that a name has resolved to, right before it is connected
// to, so that no later look-up can say another one.
func refusePrivate(_ context.Context, _, address string, _ syscall.RawConn) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil || !isPublicAddress(target.Addr()) {
		return fmt.Errorf("authserver: %s is %w", address, errNotPublic)
	}
	return nil
}
