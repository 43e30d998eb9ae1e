package authserver

import (
	"errors"
	"net/http"
	"slices"
	"strings"
)

// userinfo answers with the user's claims that the token's scope covers (OpenID Connect Core
// sections 5.3 and 5.4). The token must be in the Authorization header (RFC 6750 section 2.1, RFC
// 9449 section 7.1).
func (s *Server) userinfo(c *call) (Response, error) {
	t, err := s.checkAccess(c.Request, Access{Resource: s.cfg.Issuer})
	if err != nil {
		return Response{}, err
	}
	user, ok := s.cfg.Users[t.User]
	if !ok {
		return Response{}, s.accessError(Access{}, t.JKT != "", http.StatusUnauthorized, "invalid_token", "the access token is not a user's")
	}
	answer := userinfo{Subject: user.subject(t.User), userClaims: user.claims(t.Scope)}
	client, err := s.cfg.Store.Client(t.ClientID)
	if err != nil && !(errors.Is(err, ErrNotFound) && documentHost(t.ClientID) != "") {
		return Response{}, err
	}
	if client.UserinfoSignedResponseAlg == "" {
		return jsonResponse(http.StatusOK, answer), nil
	}
	answer.Issuer, answer.Audience = s.cfg.Issuer, client.ClientID
	signed, err := s.keys.sign("JWT", answer)
	return Response{Status: http.StatusOK, Header: newHeader("application/jwt"), Body: []byte(signed)}, err
}

// userinfo is the response of OpenID Connect Core section 5.3.2.
type userinfo struct {
	Subject string `json:"sub"`
	// Issuer and Audience are only in a signed response.
	Issuer   string `json:"iss,omitempty"`
	Audience string `json:"aud,omitempty"`
	userClaims
}

// userClaims are the claims that scopes request (OpenID Connect Core section 5.4).
type userClaims struct {
	Name          string `json:"name,omitempty"`
	Email         string `json:"email,omitempty"`
	EmailVerified *bool  `json:"email_verified,omitempty"`
}

// claims returns the user's claims that the scope covers.
func (u User) claims(scope string) userClaims {
	var c userClaims
	names := strings.Fields(scope)
	if slices.Contains(names, "profile") {
		c.Name = u.Name
	}
	if slices.Contains(names, "email") && u.Email != "" {
		c.Email, c.EmailVerified = u.Email, &u.EmailVerified
	}
	return c
}
