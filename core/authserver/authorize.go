package authserver

import (
	"errors"
	"net/http"
	"net/url"
)

// authorize is the authorization endpoint (RFC 6749 section 3.1). GET takes the authorization
// request; POST takes the forms of its pages.
func (s *Server) authorize(c *call) (Response, error) {
	query, err := url.ParseQuery(c.target.RawQuery)
	if err != nil {
		return s.errorPage(invalidRequest("The request's parameters cannot be read.")), nil
	}
	address, stored := query, query.Has("request_uri")
	client := address.Get("client_id")
	if query.Has("request") && !stored {
		return s.openRequestObject(c, query), nil
	}
	if stored {
		var opened url.Values
		if query, opened, err = s.pushedRequest(c, address); err != nil {
			return s.errorPageFor(client, err), nil
		}
		if opened != nil {
			return seeOther(s.pageURL(opened)), nil
		}
	}
	req, err := s.trustedRequest(c, query)
	if err != nil {
		return s.errorPageFor(client, err), nil
	}
	req.address, req.now = address, c.Now
	// From here on the redirect URI is known to be the client's, so errors are sent there.
	err = s.readAuthorization(req)
	if err == nil && !stored {
		err = s.mustBeStored(req.client)
	}
	if err != nil {
		return s.errorRedirect(req, err), nil
	}
	var resp Response
	if c.Method == http.MethodPost {
		resp, err = s.interact(c, req)
	} else {
		resp, err = s.begin(c, req)
	}
	if err != nil {
		return s.errorRedirect(req, err), nil
	}
	return resp, nil
}

// mustBeStored returns the reason why the client may not send its request as plain parameters.
func (s *Server) mustBeStored(client Client) error {
	switch {
	case s.mustPush(client):
		return invalidRequest("the authorization request has to be pushed")
	case client.RequireSignedRequestObject:
		return invalidRequest("the authorization request has to be signed")
	}
	return nil
}

// errorRedirect sends an error to the client (RFC 6749 section 4.1.2.1).
func (s *Server) errorRedirect(req *authorizationRequest, err error) Response {
	e := asProtocolError(err)
	if e.retryAfter > 0 {
		// The user may retry the same request by hand. A client that got the error might retry at
		// once.
		return s.errorPageFor(req.client.ClientID, e)
	}
	// An error also uses up a stored request. If that fails, the request expires by itself.
	_ = s.spend(req)
	return s.answer(req, url.Values{"error": {e.code}, "error_description": {e.description}})
}

// openRequestObject replaces a request object in the address by the stored request. Otherwise the
// pages would have to repeat the object.
func (s *Server) openRequestObject(c *call, query url.Values) Response {
	if len(query["request"]) > 1 || len(query["client_id"]) != 1 || c.Method == http.MethodPost {
		return s.errorPage(invalidRequest("The request's parameters cannot be read."))
	}
	client, err := s.client(c, query.Get("client_id"))
	if errors.Is(err, ErrNotFound) {
		return s.errorPage(badRequest("invalid_client", "The application that sent you here is not registered."))
	}
	if err != nil {
		return s.errorPage(err)
	}
	if s.mustPush(client) {
		return s.errorPage(invalidRequest("The application must push its requests."))
	}
	params, err := s.requestObject(c, client, query.Get("request"))
	if err != nil {
		return s.errorPage(err)
	}
	opened, err := s.openRequest(c, client.ClientID, params)
	if err != nil {
		return s.errorPage(err)
	}
	return seeOther(s.pageURL(opened))
}
