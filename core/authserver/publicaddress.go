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

	"github.com/oauth2-wasm/oauth2-wasm/core/internal/address"
)

// isPublicAddress tells whether the address is one of the internet, by the rule that the client
// has, too. One with a zone is of this machine's own links.
func isPublicAddress(ip netip.Addr) bool {
	return ip.IsValid() && ip.Zone() == "" && address.Address(ip.As16()).IsPublic()
}

// mayBePublic tells whether a URL that a client registers is https, and names neither an address
// that is not public, in whatever spelling, nor a host of a network of one's own. Where a name
// leads is known only when it is used.
func mayBePublic(uri string) bool {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "https" || isLoopbackHost(u.Hostname()) {
		return false
	}
	return address.Public(strings.ToLower(strings.TrimSuffix(u.Host, ":"+u.Port())))
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
