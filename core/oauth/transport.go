package oauth

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
)

// Transport gives a RoundTripper that adds the headers of Prepare to each request and sends it with
// base; nil means http.DefaultTransport. It refuses requests outside Config.TokenDestinations, and
// requests that follow a redirect: a response must not decide where a token goes.
//
// If the resource refuses the token (RFC 6750 section 3.1), the request is sent once more with a
// newer token, if there is one; and once more if the resource wants its nonce in the proof (RFC
// 9449 section 9). See Answered. That needs a request without a body or with GetBody. Otherwise, or
// if the resource refuses again, the caller gets the refusal, and ChallengeOf says what the
// resource asks for.
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

var errRedirected = errors.New("oauth2: redirects are not followed with a token")

func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	headers, err := t.prepare(req)
	if err != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, err
	}
	own, retried := with(req, headers), ""
	for { // it ends, because there are two reasons to send again, and the engine accepts each once
		res, err := t.base.RoundTrip(own)
		if err != nil || !telling(res) {
			return res, err
		}
		retry, err := t.client.answered(req.Context(), own, res, retried)
		if err != nil {
			return res, nil // the resource's own answer is more useful
		}
		again := renewed(req, retry.Header)
		if again == nil {
			if retry.Challenge != nil {
				res.Request = own.WithContext(context.WithValue(own.Context(), challengeKey{}, retry.Challenge))
			}
			return res, nil
		}
		io.CopyN(io.Discard, res.Body, 4<<10) // so that the connection can be reused
		res.Body.Close()
		own, retried = again, retry.Retried
	}
}

// telling reports whether the engine should see an answer.
func telling(res *http.Response) bool {
	return res.StatusCode == http.StatusUnauthorized || res.Header.Get("DPoP-Nonce") != "" || res.Header.Get("WWW-Authenticate") != ""
}

func (t *transport) prepare(req *http.Request) (http.Header, error) {
	if req.Response != nil { // net/http: set only where a redirect caused the request
		return nil, errRedirected
	}
	return t.client.prepared(req.Context(), request{req.Method, req.URL.String()})
}

// repeatable reports whether a request has no body, or one that can be read again.
func repeatable(req *http.Request) bool {
	return req.Body == nil || req.Body == http.NoBody || req.GetBody != nil
}

// renewed is req with new headers, or nil if there are none or it cannot be sent again.
func renewed(req *http.Request, headers http.Header) *http.Request {
	if headers == nil || !repeatable(req) {
		return nil
	}
	again := with(req, headers)
	if req.Body != nil && req.Body != http.NoBody {
		body, err := req.GetBody()
		if err != nil {
			return nil
		}
		again.Body = body
	}
	return again
}

func with(req *http.Request, headers http.Header) *http.Request {
	own := req.Clone(req.Context())
	if own.Header == nil {
		own.Header = http.Header{}
	}
	for name, values := range headers {
		own.Header[name] = slices.Clone(values) // the cached headers must not change
	}
	return own
}
