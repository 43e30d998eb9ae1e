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

// isPublicAddress reports whether the address is a public internet address, by the same rule as the
// client uses. An address with a zone belongs to a link of this machine.
func isPublicAddress(ip netip.Addr) bool {
	return ip.IsValid() && ip.Zone() == "" && address.Address(ip.As16()).IsPublic()
}

// mayBePublic reports whether a URL that a client registers is https, and its host is not a private
// address, in any spelling, or a name of a private network. Where a name leads is known only when
// it is used.
func mayBePublic(uri string) bool {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "https" || isLoopbackHost(u.Hostname()) {
		return false
	}
	return address.Public(strings.ToLower(strings.TrimSuffix(u.Host, ":"+u.Port())))
}

// answerTime and maxAnswer limit the answers of other servers: an answer must begin within five
// seconds, with at most 16 KiB of header.
const (
	answerTime = 5 * time.Second
	maxAnswer  = 16 << 10
)

// PublicTransport connects only to public internet addresses, whatever a name resolves to at that
// moment, and to the named origins, such as "http://127.0.0.1:8080", which must match exactly.
// Those are for tests and for services of the host's own. It uses no proxy, because with one it
// could not check the address. Its error for a refused address names the address.
func PublicTransport(insecurePrivateOrigins ...string) http.RoundTripper {
	open := &net.Dialer{Timeout: answerTime}
	guarded := &net.Dialer{Timeout: answerTime, ControlContext: refusePrivate}
	return publicTransport{
		public:  transportOf(guarded),
		private: transportOf(open),
		origins: insecurePrivateOrigins,
	}
}

// publicTransport has two transports, so that a connection to a private origin is not reused for
// another origin at the same address.
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

// refusePrivate checks each address to which a name has resolved, right before the connection is
// made. So no later look-up can give another address.
func refusePrivate(_ context.Context, _, address string, _ syscall.RawConn) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil || !isPublicAddress(target.Addr()) {
		return fmt.Errorf("authserver: %s is %w", address, errNotPublic)
	}
	return nil
}
