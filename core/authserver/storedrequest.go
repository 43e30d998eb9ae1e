package authserver

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// requestURIPrefix is the prefix of RFC 9126 section 2.2.
const requestURIPrefix = "urn:ietf:params:oauth:request_uri:"

// mustPush reports whether the client has to push its requests (RFC 9126 sections 5 and 6).
func (s *Server) mustPush(client Client) bool {
	return s.cfg.RequirePAR || client.RequirePushedAuthorizationRequests
}

// admitRequest counts a request that will be stored (RFC 9126 section 2.3), by its size.
func (s *Server) admitRequest(c *call, r PushedRequest) error {
	return s.limiter.admit(c, countPushed, r.ClientID, s.cfg.Limits.PushedRequests, 1+len(r.Params)>>10, r.ExpiresAt.Sub(c.Now))
}

// saveRequest stores the request under a new request_uri.
func (s *Server) saveRequest(r PushedRequest, now time.Time) (uri string, err error) {
	id, err := s.random.secret()
	if err != nil {
		return "", err
	}
	uri = requestURIPrefix + id
	r.Digest = DigestOf(uri)
	return uri, s.cfg.Store.SavePushed(r, now)
}

// openRequest stores a request for as long as its pages may stay open, and returns their address.
// It is for requests that are not in the address, or should not be readable there. The first visit
// uses up the client's request_uri (RFC 9126 section 4), but the user can still reload a page.
func (s *Server) openRequest(c *call, clientID string, params url.Values) (url.Values, error) {
	r := PushedRequest{ClientID: clientID, Params: params.Encode(), ExpiresAt: c.Now.Add(interactionLifetime), Opened: true}
	if err := s.admitRequest(c, r); err != nil {
		return nil, err
	}
	uri, err := s.saveRequest(r, c.Now)
	return url.Values{"client_id": {clientID}, "request_uri": {uri}}, err
}

// pushedRequest finds the request of a request_uri. On the first visit it also returns opened, the
// address of the pages.
func (s *Server) pushedRequest(c *call, address url.Values) (params, opened url.Values, err error) {
	notValid := badRequest("invalid_request_uri", "The request was used before, is too old, or is not this application's.")
	uri := address.Get("request_uri")
	if len(address["request_uri"]) > 1 || !strings.HasPrefix(uri, requestURIPrefix) {
		// The server fetches nothing (RFC 9101 section 10.4.1): only pushed requests have such an
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
	// RFC 9126 section 4: only the client that pushed the request may use its request_uri.
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
	// A limit may be reached only for now, so the request is opened first and the client's
	// request_uri is used up afterwards.
	if opened, err = s.openRequest(c, r.ClientID, params); err != nil {
		return nil, nil, err
	}
	if err := s.takeRequest(r.Digest); err != nil {
		// Another visit took the request first.
		_ = s.takeRequest(DigestOf(opened.Get("request_uri")))
		return nil, nil, err
	}
	return params, opened, nil
}

// takeRequest uses a request up. If several try at once, exactly one succeeds.
func (s *Server) takeRequest(d Digest) error {
	err := s.cfg.Store.TakePushed(d)
	if errors.Is(err, ErrNotFound) {
		return badRequest("invalid_request_uri", "The request was used before.")
	}
	return err
}

// spend uses up the stored request, if there is one: a request is answered once (RFC 9126 section
// 4).
func (s *Server) spend(req *authorizationRequest) error {
	if !req.address.Has("request_uri") {
		return nil
	}
	return s.takeRequest(DigestOf(req.address.Get("request_uri")))
}
