package authserver

import (
	"slices"
	"strings"
)

// responseTypes are those the server knows (RFC 6749 section 3.1.1, OAuth 2.0 Multiple Response Type Encoding Practices). The order of
// the words of one is of no account; here they are sorted.
var responseTypes = []string{
	ResponseTypeCode, ResponseTypeToken, ResponseTypeIDToken, ResponseTypeNone, "code id_token", "code token", "id_token token", "code id_token token",
}

func sortedResponseType(responseType string) string {
	words := strings.Fields(responseType)
	slices.Sort(words)
	return strings.Join(words, " ")
}

// readResponseType checks the response type against what is switched on, what the client may have, and what it needs.
func (s *Server) readResponseType(req *authorizationRequest, p params) error {
	if p["response_type"] == "" {
		return invalidRequest("response_type is missing")
	}
	req.responseType = sortedResponseType(p["response_type"])
	if !slices.Contains(s.responseTypes(), req.responseType) {
		return badRequest("unsupported_response_type", "the response type is not supported")
	}
	bound := req.client.DPoPBoundAccessTokens || req.client.TLSClientCertificateBoundAccessTokens
	switch {
	case !req.client.CheckResponseType(req.responseType), req.gives(ResponseTypeCode) && !req.client.CheckGrantType(GrantAuthorizationCode),
		// A token in an address cannot be bound to anything.
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

// responseTypes are those that are switched on.
func (s *Server) responseTypes() []string {
	on := []string{ResponseTypeCode}
	for _, t := range s.cfg.InsecureResponseTypes {
		if t = sortedResponseType(t); !slices.Contains(on, t) {
			on = append(on, t)
		}
	}
	return on
}

// gives tells whether the response type has the word.
func (req *authorizationRequest) gives(word string) bool {
	return slices.Contains(strings.Fields(req.responseType), word)
}
