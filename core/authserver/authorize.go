package authserver

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxAuthorizationRequest is the most that an authorization request may have, form-encoded, in bytes. All of it may have to be kept before
// anybody has signed in (RFC 9126 section 2.3).
const maxAuthorizationRequest = 8 << 10

// authorizationRequest is an authorization request that may be answered at its redirect URI.
type authorizationRequest struct {
	client Client
	// redirectURI is where the answer goes; requestedURI is what the request said, maybe nothing.
	redirectURI, requestedURI string

	now time.Time
	// responseType has its words sorted; mode is how the answer travels, and signed tells that it does so as a JWT.
	responseType string
	mode         string
	signed       bool

	state               string
	scope               []string
	codeChallenge       string
	codeChallengeMethod string
	nonce               string
	prompt              []string
	loginHint           string
	hintedSubject       string        // of the ID token that names the user; empty: anybody
	maxAge              time.Duration // negative: any
	acr                 string        // empty: any
	resources           []string
	details             string

	// jkt is the thumbprint of the key that the token request has to prove (RFC 9449 section 10).
	jkt string

	// query is the request in canonical form.
	query url.Values
	// address is the query of the pages' address and all the state a sign-in has: forms post back to it, and every post checks it from the
	// start. It is the request itself, or names the stored one.
	address url.Values
}

// authorize is the authorization endpoint (RFC 6749 section 3.1). GET takes the authorization request; POST
// takes the forms of its pages.
func (s *Server) authorize(c *call) (Response, error) {
	query, err := url.ParseQuery(c.target.RawQuery)
	if err != nil {
		return s.errorPage(invalidRequest("The request's parameters cannot be read.")), nil
	}
	address, stored := query, query.Has("request_uri")
	if query.Has("request") && !stored {
		return s.openRequestObject(c, query), nil
	}
	if stored {
		var opened url.Values
		if query, opened, err = s.pushedRequest(c, address); err != nil {
			return s.errorPage(err), nil
		}
		if opened != nil {
			return seeOther(s.pageURL(opened)), nil
		}
	}
	req, err := s.trustedRequest(query)
	if err != nil {
		return s.errorPage(err), nil
	}
	req.address, req.now = address, c.Now
	// From here on the redirect URI is known to be the client's, and errors go there.
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

// mustBeStored tells why a request as plain parameters will not do for the client.
func (s *Server) mustBeStored(client Client) error {
	switch {
	case s.mustPush(client):
		return invalidRequest("the authorization request has to be pushed")
	case client.RequireSignedRequestObject:
		return invalidRequest("the authorization request has to be signed")
	}
	return nil
}

// trustedRequest finds the client and checks the redirect URI. What fails here must not be told by a
// redirect, which would go wherever a stranger wishes (RFC 6749 section 4.1.2.1).
func (s *Server) trustedRequest(query url.Values) (*authorizationRequest, error) {
	if len(query.Encode()) > maxAuthorizationRequest {
		return nil, &protocolError{status: http.StatusRequestEntityTooLarge, code: "invalid_request",
			description: "The request is larger than 8 KiB."}
	}
	if len(query["client_id"]) > 1 || len(query["redirect_uri"]) > 1 {
		return nil, invalidRequest("The request names its application or its return address twice.")
	}
	clientID := query.Get("client_id")
	if clientID == "" {
		return nil, invalidRequest("The request does not say which application it comes from.")
	}
	client, err := s.cfg.Store.Client(clientID)
	if errors.Is(err, ErrNotFound) {
		return nil, badRequest("invalid_client", "The application that sent you here is not registered.")
	}
	if err != nil {
		return nil, err
	}
	req := &authorizationRequest{client: client, query: query, requestedURI: query.Get("redirect_uri")}
	req.redirectURI = req.requestedURI
	if req.requestedURI == "" {
		// RFC 6749 section 3.1.2.3: it may be left out where there is only one.
		if len(client.RedirectURIs) != 1 {
			return nil, invalidRequest("The request does not say where to return to.")
		}
		req.redirectURI = client.RedirectURIs[0]
	}
	if !client.CheckRedirectURI(req.redirectURI) {
		return nil, invalidRequest("The return address is not registered for this application.")
	}
	return req, nil
}

// readAuthorization checks the rest of the request (RFC 6749 section 4.1.1, RFC 7636 section 4.3).
func (s *Server) readAuthorization(req *authorizationRequest) error {
	if states := req.query["state"]; len(states) == 1 {
		req.state = states[0]
	}
	wrongMode := req.setMode()
	p, err := readParams(req.query)
	if err != nil {
		return err
	}
	if wrongMode != nil {
		return wrongMode
	}
	if err := s.readResponseType(req, p); err != nil {
		return err
	}
	if err := s.readChallenge(req, p); err != nil {
		return err
	}
	scope, err := s.requestedScope(req.client, p)
	if err != nil {
		return err
	}
	req.scope = strings.Fields(scope)
	req.nonce, req.loginHint = p["nonce"], p["login_hint"]
	if req.jkt = p["dpop_jkt"]; req.jkt != "" && !isS256Challenge(req.jkt) {
		return invalidRequest("dpop_jkt is not a thumbprint")
	}
	// OpenID Connect Core section 3.1.2.1. What is no ID token of this server names nobody.
	if hint := (hintClaims{}); s.verifyOwn(p["id_token_hint"], "jwt", &hint) == nil && hint.Issuer == s.cfg.Issuer {
		req.hintedSubject = hint.Subject
	}
	req.prompt = strings.Fields(p["prompt"])
	if len(req.prompt) > 1 && slices.Contains(req.prompt, "none") {
		return invalidRequest("prompt none stands alone")
	}
	if req.acr, err = s.readACR(p); err != nil {
		return err
	}
	if req.resources, err = s.resources(p, nil); err != nil {
		return err
	}
	if req.details, err = s.authorizationDetails(p); err != nil {
		return err
	}
	req.maxAge = -1
	if p["max_age"] != "" {
		seconds, err := strconv.ParseUint(p["max_age"], 10, 31)
		if err != nil {
			return invalidRequest("max_age is not a number of seconds")
		}
		req.maxAge = time.Duration(seconds) * time.Second
	}
	return nil
}

func (s *Server) readChallenge(req *authorizationRequest, p params) error {
	challenge, method := p["code_challenge"], p["code_challenge_method"]
	if challenge == "" {
		switch {
		case method != "":
			return invalidRequest("code_challenge is missing")
		case !req.gives(ResponseTypeCode):
			return nil
		case req.client.IsPublic(), s.cfg.RequirePKCE:
			// RFC 9700 section 2.1.1.
			return invalidRequest("code_challenge is required")
		}
		return nil
	}
	if method == "" {
		// RFC 7636 section 4.3; never as if there were no challenge.
		method = ChallengePlain
	}
	switch {
	case method == ChallengePlain && !s.cfg.InsecurePlainPKCE:
		return invalidRequest("code_challenge_method must be S256")
	case method != ChallengePlain && method != ChallengeS256:
		return invalidRequest("code_challenge_method is not supported")
	case method == ChallengeS256 && !isS256Challenge(challenge), !isCodeVerifier(challenge):
		return invalidRequest("code_challenge is malformed")
	}
	req.codeChallenge, req.codeChallengeMethod = challenge, method
	return nil
}

// errorRedirect tells the client of an error (RFC 6749 section 4.1.2.1).
func (s *Server) errorRedirect(req *authorizationRequest, err error) Response {
	e := asProtocolError(err)
	if e.retryAfter > 0 {
		// The user may try the same request again, by hand; a client that got it back might do so at once.
		return s.errorPage(e)
	}
	// What was stored is spent by an error too; where that fails, it expires.
	_ = s.spend(req)
	return s.answer(req, url.Values{"error": {e.code}, "error_description": {e.description}})
}

// spend uses the stored request up, if it is one: a request is answered once (RFC 9126 section 4).
func (s *Server) spend(req *authorizationRequest) error {
	if !req.address.Has("request_uri") {
		return nil
	}
	return s.takeRequest(DigestOf(req.address.Get("request_uri")))
}
