package authserver

import (
	"errors"
	"net/http"
	"time"
)

// introspect is the introspection endpoint (RFC 7662 section 2). token_type_hint is not looked at: one
// look-up finds either kind.
func (s *Server) introspect(c *call) (Response, error) {
	p, err := c.form()
	if err != nil {
		return Response{}, err
	}
	client, err := s.authenticateClient(c, p)
	if err != nil {
		return Response{}, err
	}
	if client.IsPublic() {
		// RFC 7662 section 2.1: whoever could ask without a secret could try tokens that are not theirs.
		return Response{}, &protocolError{status: http.StatusUnauthorized, code: "invalid_client",
			description: "introspection needs client authentication, which a public client has not"}
	}
	if p["token"] == "" {
		return Response{}, invalidRequest("token is missing")
	}
	answer, err := s.introspectToken(c.Now, client, DigestOf(p["token"]))
	if errors.Is(err, ErrNotFound) {
		// RFC 7662 section 2.2: why it is not active is not said.
		answer, err = introspection{}, nil
	}
	if err != nil {
		return Response{}, err
	}
	return jsonResponse(http.StatusOK, answer), nil
}

// introspection is the response of RFC 7662 section 2.2.
type introspection struct {
	Active    bool   `json:"active"`
	Scope     string `json:"scope,omitempty"`
	ClientID  string `json:"client_id,omitempty"`
	Username  string `json:"username,omitempty"`
	TokenType string `json:"token_type,omitempty"`
	ExpiresAt int64  `json:"exp,omitempty"` // seconds since 1970
	IssuedAt  int64  `json:"iat,omitempty"` // seconds since 1970
	Subject   string `json:"sub,omitempty"`
	Issuer    string `json:"iss,omitempty"`
	// Confirmation names the key that the access token is bound to (RFC 9449 section 6.2, RFC 8705 section 3.2).
	Confirmation *confirmation `json:"cnf,omitempty"`
}

// confirmation is the claim cnf (RFC 7800 section 3.1).
type confirmation struct {
	JKT string `json:"jkt,omitempty"`
	X5T string `json:"x5t#S256,omitempty"`
}

// introspectToken returns ErrNotFound for what is not active, or not for the client to see.
func (s *Server) introspectToken(now time.Time, client Client, digest Digest) (introspection, error) {
	t, err := s.cfg.Store.Token(digest)
	if err != nil {
		return introspection{}, err
	}
	answer := introspection{
		Active:   true,
		ClientID: t.ClientID,
		Username: t.User,
		IssuedAt: t.IssuedAt.Unix(),
		Issuer:   s.cfg.Issuer,
	}
	own := t.ClientID == client.ClientID
	var alive, visible bool
	if t.Access == digest {
		alive, visible = !t.IsExpired(now), own || client.ResourceServer
		answer.Scope, answer.TokenType, answer.ExpiresAt = t.Scope, t.TokenType, t.IssuedAt.Add(t.ExpiresIn).Unix()
		if t.JKT != "" || t.X5T != "" {
			answer.Confirmation = &confirmation{JKT: t.JKT, X5T: t.X5T}
		}
	} else {
		// A resource server that took a refresh token for an access token would be wrong, so it sees none.
		// token_type says how an access token is used (RFC 6749 section 7.1); a refresh token has none.
		alive, visible = !t.RefreshTokenExpired(now) && !s.usedUp(now, t), own
		answer.Scope, answer.ExpiresAt = t.GrantScope, t.IssuedAt.Add(t.RefreshTokenExpiresIn).Unix()
	}
	if t.Revoked || !alive || !visible {
		return introspection{}, ErrNotFound
	}
	// A token that a client got for itself has no sub: its client_id could be some user's subject
	// (RFC 9700 section 4.15).
	if t.User != "" {
		user, known := s.cfg.Users[t.User]
		if !known {
			return introspection{}, ErrNotFound
		}
		answer.Subject = user.subject(t.User)
	}
	return answer, nil
}

// usedUp tells whether the refresh token was rotated and may not come again.
func (s *Server) usedUp(now time.Time, t TokenRecord) bool {
	return !t.RotatedAt.IsZero() && (s.cfg.RotationGrace <= 0 || now.Sub(t.RotatedAt) > s.cfg.RotationGrace)
}
