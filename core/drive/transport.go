package drive

import (
	"errors"
	"io"
	"net/http"
)

// Transport gives a RoundTripper that adds to each request the headers of Prepare and sends it with base; nil means
// http.DefaultTransport. A request outside Config.Resources is refused, and so is one that a redirect led to: where a token goes is
// not for a response to decide.
//
// A request that comes back 401 is sent once more, with a token that was got after the refused one, if there is a way to get one
// (RFC 6750 section 3.1) and the request's body can be read again: there is none, or GetBody gives it. Otherwise, and the second
// time, the 401 is the answer.
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
	res, err := t.base.RoundTrip(with(req, headers))
	if err != nil || res.StatusCode != http.StatusUnauthorized {
		return res, err
	}
	if again := t.renewed(req, headers); again != nil {
		io.CopyN(io.Discard, res.Body, 4<<10) // so that the connection can be used again
		res.Body.Close()
		return t.base.RoundTrip(again)
	}
	return res, nil
}

func (t *transport) prepare(req *http.Request) (http.Header, error) {
	if req.Response != nil { // net/http: set only where a redirect caused the request
		return nil, errRedirected
	}
	return t.client.Prepare(req.Context(), req.URL.String())
}

// renewed is req with other headers than the refused ones, or nil where there are none or it cannot be sent again.
func (t *transport) renewed(req *http.Request, refused http.Header) *http.Request {
	hasBody := req.Body != nil && req.Body != http.NoBody
	if hasBody && req.GetBody == nil {
		return nil
	}
	headers, err := t.client.prepare(req.Context(), req.URL.String(), refused.Get(t.client.carrier))
	if err != nil {
		return nil
	}
	again := with(req, headers)
	if hasBody {
		if again.Body, err = req.GetBody(); err != nil {
			return nil
		}
	}
	return again
}

func with(req *http.Request, headers http.Header) *http.Request {
	own := req.Clone(req.Context())
	if own.Header == nil {
		own.Header = http.Header{}
	}
	for name, values := range headers {
		own.Header[name] = values
	}
	return own
}
