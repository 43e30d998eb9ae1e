package drive

import (
	"errors"
	"net/http"
)

// Transport gives a RoundTripper that adds to each request the headers of Prepare and sends it with base; nil means
// http.DefaultTransport. A request outside Config.Resources is refused, and so is one that a redirect led to: where a token goes is
// not for a response to decide.
func (c *Client) Transport(base http.RoundTripper) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	return &transport{c, base}
}

type transport struct {
	client *Client
	base   http.RoundTripper
}

var errRedirected = errors.New("drive: redirects are not followed with a token")

func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	headers, err := t.prepare(req)
	if err != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, err
	}
	own := req.Clone(req.Context())
	if own.Header == nil {
		own.Header = http.Header{}
	}
	for name, values := range headers {
		own.Header[name] = values
	}
	return t.base.RoundTrip(own)
}

func (t *transport) prepare(req *http.Request) (http.Header, error) {
	if req.Response != nil { // net/http: set only where a redirect caused the request
		return nil, errRedirected
	}
	return t.client.Prepare(req.Context(), req.URL.String())
}
