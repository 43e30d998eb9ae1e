package oauth

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"syscall"

	"github.com/oauth2-wasm/oauth2-wasm/core/internal/address"
)

// errNotPublic is the reason why a request that must go to a public address was not sent.
var errNotPublic = errors.New("oauth2: the name resolves to no public address")

// publicClient is c, but connects only to public addresses. The address is checked when the
// connection is made, so a DNS server gains nothing by a different answer the second time. A proxy
// resolves names itself, and a RoundTripper that is not an *http.Transport connects as it likes:
// for these only the URL is checked, by the engine.
func publicClient(c *http.Client) *http.Client {
	base := c.Transport
	if base == nil {
		base = http.DefaultTransport
	}
	own := *c
	if t, ok := base.(*http.Transport); ok {
		own.Transport = &publicTransport{base: t, guarded: guarded(t)}
	}
	return &own
}

// A publicTransport uses base's proxy, if there is one for the request, and otherwise guarded.
type publicTransport struct{ base, guarded *http.Transport }

func (t *publicTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.base.Proxy != nil {
		if proxy, err := t.base.Proxy(req); err != nil || proxy != nil {
			return t.base.RoundTrip(req)
		}
	}
	return t.guarded.RoundTrip(req)
}

// guarded is t with a check of each address.
func guarded(t *http.Transport) *http.Transport {
	own := t.Clone()
	dial := own.DialContext
	if standard, _ := http.DefaultTransport.(*http.Transport); dial == nil || t == standard {
		dial = (&net.Dialer{Control: publicOnly}).DialContext
	}
	own.DialContext = looking(dial)
	if own.DialTLSContext != nil {
		own.DialTLSContext = looking(own.DialTLSContext)
	}
	own.Dial, own.DialTLS = nil, nil //lint:ignore SA1019 a caller may have set them, and they would not look
	return own
}

// publicOnly refuses an address before anything is sent to it.
func publicOnly(_, addr string, _ syscall.RawConn) error {
	if !publicAddress(addr) {
		return errNotPublic
	}
	return nil
}

// looking is dial with a check of the address to which it connected. A dialer of the application
// gives no earlier opportunity.
func looking(dial func(context.Context, string, string) (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		if !publicAddress(conn.RemoteAddr().String()) {
			conn.Close()
			return nil, errNotPublic
		}
		return conn, nil
	}
}

func publicAddress(addr string) bool {
	to, err := netip.ParseAddrPort(addr)
	return err == nil && to.Addr().Zone() == "" && address.Address(to.Addr().As16()).IsPublic()
}
