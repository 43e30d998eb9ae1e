package authserver

import (
	"net/http"
	"net/url"
	"time"
)

// requestURILifetime is how long a client has to send the user here. RFC 9126 section 2.2 wants a
// short time.
const requestURILifetime = time.Minute

// pushedAuthorization is the pushed authorization request endpoint (RFC 9126 section 2). It makes
// all checks of the authorization endpoint, so that the client gets errors at once.
func (s *Server) pushedAuthorization(c *call) (Response, error) {
	values, err := c.formValues()
	if err != nil {
		return Response{}, err
	}
	p, err := readParams(values)
	if err != nil {
		return Response{}, err
	}
	client, err := s.authenticateClient(c, p)
	if err != nil {
		return Response{}, err
	}
	sent, err := s.proof(c)
	if err != nil {
		return Response{}, err
	}
	params := url.Values{}
	for name, v := range values {
		switch name {
		case "client_secret", "client_assertion", "client_assertion_type":
			// These authenticate this request and are not part of what is pushed.
		default:
			params[name] = v
		}
	}
	params.Set("client_id", client.ClientID)
	switch {
	case p["request"] != "":
		// RFC 9126 section 3: parameters outside the object are ignored.
		if params, err = s.requestObject(c, client, p["request"]); err != nil {
			return Response{}, err
		}
	case client.RequireSignedRequestObject:
		return Response{}, invalidRequest("the authorization request has to be signed")
	}
	if p["request_uri"] != "" {
		// RFC 9126 section 2.1.
		return Response{}, invalidRequest("request_uri is not for this endpoint")
	}
	if sent.jkt != "" {
		// RFC 9449 section 10.1: the proof and the parameter must name the same key.
		if pushed := params.Get("dpop_jkt"); pushed != "" && pushed != sent.jkt {
			return Response{}, invalidRequest("dpop_jkt is not the key of the DPoP proof")
		}
		params.Set("dpop_jkt", sent.jkt)
	}
	req, err := s.trustedRequest(c, params)
	if err != nil {
		return Response{}, err
	}
	if err := s.readAuthorization(req); err != nil {
		return Response{}, err
	}
	r := PushedRequest{ClientID: client.ClientID, Params: params.Encode(), ExpiresAt: c.Now.Add(requestURILifetime)}
	if err := s.admitRequest(c, r); err != nil {
		return Response{}, err
	}
	if err := s.spendProof(c.Now, sent, holderClient+client.ClientID); err != nil {
		return Response{}, err
	}
	uri, err := s.saveRequest(r, c.Now)
	if err != nil {
		return Response{}, err
	}
	return jsonResponse(http.StatusCreated, pushedResponse{RequestURI: uri, ExpiresIn: int64(requestURILifetime / time.Second)}), nil
}

// pushedResponse is the successful response of RFC 9126 section 2.2.
type pushedResponse struct {
	RequestURI string `json:"request_uri"`
	ExpiresIn  int64  `json:"expires_in"` // seconds
}
