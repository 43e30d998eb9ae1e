package authserver

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// requestURIPrefix is that of RFC 9126 section 2.2.
const requestURIPrefix = "urn:ietf:params:oauth:request_uri:"

// mustPush tells whether the client's requests have to come by way of the endpoint (RFC 9126
// sections 5 and 6).
func (s *Server) mustPush(client Client) bool {
	return s.cfg.RequirePAR || client.RequirePushedAuthorizationRequests
}

// admitRequest counts a request that is to be kept (RFC 9126 section 2.3), by its size.
func (s *Server) admitRequest(c *call, r PushedRequest) error {
	return s.limiter.admit(c, countPushed, r.ClientID, s.cfg.Limits.PushedRequests, 1+len(r.Params)>>10, r.ExpiresAt.Sub(c.Now))
}

// saveRequest keeps the request under a new request_uri.
func (s *Server) saveRequest(r PushedRequest, now time.Time) (uri string, err error) {
	id, err := s.random.secret()
	if err != nil {
		return "", err
	}
	uri = requestURIPrefix + id
	r.Digest = DigestOf(uri)
	return uri, s.cfg.Store.SavePushed(r, now)
}

// openRequest keeps a request for as long as its pages may stand open, and returns their address.
// It is how a request that is not in the address, or not to be read there, lives on: the
// request_uri of the client is spent by the first visit (RFC 9126 section 4), and a page can be
// loaded again nevertheless.
func (s *Server) openRequest(c *call, clientID string, params url.Values) (url.Values, error) {
	r := PushedRequest{ClientID: clientID, Params: params.Encode(), ExpiresAt: c.Now.Add(interactionLifetime), Opened: true}
	if err := s.admitRequest(c, r); err != nil {
		return nil, err
	}
	uri, err := s.saveRequest(r, c.Now)
	return url.Values{"client_id": {clientID}, "request_uri": {uri}}, err
}

// pushedRequest finds the request behind a request_uri. The first visit gets opened, the address of
// the pages.
func (s *Server) pushedRequest(c *call, address url.Values) (params, opened url.Values, err error) {
	notValid := badRequest("invalid_request_uri", "The request was used before, is too old, or is not this application's.")
	uri := address.Get("request_uri")
	if len(address["request_uri"]) > 1 || !strings.HasPrefix(uri, requestURIPrefix) {
		// Nothing is fetched from anywhere (RFC 9101 section 10.4.1): only what was pushed has an
		// address.
		return nil, nil, notValid
	}
	r, err := s.cfg.Store.Pushed(DigestOf(uri))
	if errors.Is(err, ErrNotFound) {
		return nil, nil, notValid
	}
	if err != nil {
		return nil, nil, err
	}
	// RFC 9126 section 4: the request_uri is for the client that pushed the request.
	if len(address["client_id"]) != 1 || address.Get("client_id") != r.ClientID || r.IsExpired(c.Now) {
		return nil, nil, notValid
	}
	if params, err = url.ParseQuery(r.Params); err != nil {
		return nil, nil, err
	}
	if r.Opened {
		return params, nil, nil
	}
	if c.Method == http.MethodPost {
		return nil, nil, notValid
	}
	// What is too much now may come again, so the request is opened first.
	if opened, err = s.openRequest(c, r.ClientID, params); err != nil {
		return nil, nil, err
	}
	if err := s.takeRequest(r.Digest); err != nil {
		// The other visit has it.
		_ = s.takeRequest(DigestOf(opened.Get("request_uri")))
		return nil, nil, err
	}
	return params, opened, nil
}

// takeRequest uses a request up. Of several at once exactly one has it.
func (s *Server) takeRequest(d Digest) error {
	err := s.cfg.Store.TakePushed(d)
	if errors.Is(err, ErrNotFound) {
		return badRequest("invalid_request_uri", "The request was used before.")
	}
	return err
}

// spend uses the stored request up, if it is one: a request is answered once (RFC 9126 section 4).
func (s *Server) spend(req *authorizationRequest) error {
	if !req.address.Has("request_uri") {
		return nil
	}
	return s.takeRequest(DigestOf(req.address.Get("request_uri")))
}
