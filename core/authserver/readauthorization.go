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

// maxAuthorizationRequest is the longest authorization request, form-encoded, in bytes. All of it
// may have to be stored before anybody has signed in (RFC 9126 section 2.3).
const maxAuthorizationRequest = 8 << 10

// trustedRequest finds the client and checks the redirect URI. An error here must not be sent by a
// redirect, because a stranger could choose where it goes (RFC 6749 section 4.1.2.1).
func (s *Server) trustedRequest(c *call, query url.Values) (*authorizationRequest, error) {
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
	client, err := s.client(c, clientID)
	if errors.Is(err, ErrNotFound) {
		return nil, badRequest("invalid_client", "The application that sent you here is not registered.")
	}
	if err != nil {
		return nil, err
	}
	req := &authorizationRequest{client: client, query: query, requestedURI: query.Get("redirect_uri")}
	req.redirectURI = req.requestedURI
	if req.requestedURI == "" {
		// RFC 6749 section 3.1.2.3: it may be omitted if only one is registered.
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
	scope, err := s.scopes.requested(p["scope"], req.client.askableScope(p["scope"], s.scopes))
	if err != nil {
		return err
	}
	req.scope = strings.Fields(scope)
	req.nonce, req.loginHint = p["nonce"], p["login_hint"]
	if req.jkt = p["dpop_jkt"]; req.jkt != "" && !isS256Challenge(req.jkt) {
		return invalidRequest("dpop_jkt is not a thumbprint")
	}
	// OpenID Connect Core section 3.1.2.1. An ID token that is not from this server is ignored.
	if hint := (hintClaims{}); s.keys.verify(p["id_token_hint"], "jwt", &hint) == nil && hint.Issuer == s.cfg.Issuer {
		req.hintedSubject = hint.Subject
	}
	req.prompt = strings.Fields(p["prompt"])
	if len(req.prompt) > 1 && slices.Contains(req.prompt, "none") {
		return invalidRequest("prompt none cannot be combined with another value")
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
		case req.client.IsPublic(), req.client.ofDocument, s.cfg.RequirePKCE:
			// RFC 9700 section 2.1.1.
			return invalidRequest("code_challenge is required")
		}
		return nil
	}
	if method == "" {
		// RFC 7636 section 4.3. It must never count as if there were no challenge.
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

// readResponseType checks that the response type is switched on, that the client may use it, and
// that the request has what it needs.
func (s *Server) readResponseType(req *authorizationRequest, p params) error {
	if p["response_type"] == "" {
		return invalidRequest("response_type is missing")
	}
	req.responseType = sortedResponseType(p["response_type"])
	if !slices.Contains(s.cfg.responseTypes(), req.responseType) {
		return badRequest("unsupported_response_type", "the response type is not supported")
	}
	bound := req.client.DPoPBoundAccessTokens || req.client.TLSClientCertificateBoundAccessTokens
	switch {
	case !req.client.CheckResponseType(req.responseType), req.gives(ResponseTypeCode) && !req.client.CheckGrantType(GrantAuthorizationCode),
		// A token in a URL cannot be bound to a key.
		req.gives(ResponseTypeToken) && bound:
		return badRequest("unauthorized_client", "the client may not use this response type")
	}
	if req.gives(ResponseTypeIDToken) {
		switch {
		case p["nonce"] == "":
			// OpenID Connect Core sections 3.2.2.1 and 3.3.2.11.
			return invalidRequest("nonce is required with this response type")
		case !slices.Contains(strings.Fields(p["scope"]), scopeOpenID):
			return invalidRequest("the scope openid is required with this response type")
		}
	}
	return nil
}
