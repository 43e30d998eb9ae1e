package authserver

import (
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"strings"
	"time"
)

// introspect is the introspection endpoint (RFC 7662 section 2). It ignores token_type_hint: one
// look-up finds both kinds of token.
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
		// RFC 7662 section 2.1: a caller without a secret could try tokens of others.
		return Response{}, &protocolError{status: http.StatusUnauthorized, code: "invalid_client",
			description: "introspection needs client authentication, which a public client has not"}
	}
	if p["token"] == "" {
		return Response{}, invalidRequest("token is missing")
	}
	answer, err := s.introspectToken(c.Now, client, DigestOf(p["token"]))
	if errors.Is(err, ErrNotFound) {
		// RFC 7662 section 2.2: the answer does not say why a token is inactive.
		answer, err = introspection{}, nil
	}
	if err != nil {
		return Response{}, err
	}
	if !wantsSignedIntrospection(c.Header) {
		return jsonResponse(http.StatusOK, answer), nil
	}
	// RFC 9701 section 5. The audience prevents that one resource server's answer is shown to
	// another.
	signed, err := s.keys.sign("token-introspection+jwt", signedIntrospection{s.cfg.Issuer, client.ClientID, c.Now.Unix(), answer})
	return Response{Status: http.StatusOK, Header: newHeader(introspectionMediaType), Body: []byte(signed)}, err
}

const introspectionMediaType = "application/token-introspection+jwt"

// wantsSignedIntrospection reports whether the caller names the media type. Wildcards do not count
// (RFC 9701 section 4).
func wantsSignedIntrospection(h http.Header) bool {
	for part := range strings.SplitSeq(strings.Join(h.Values("Accept"), ","), ",") {
		if mediaType, _, err := mime.ParseMediaType(part); err == nil && mediaType == introspectionMediaType {
			return true
		}
	}
	return false
}

// signedIntrospection are the claims of RFC 9701 section 5.
type signedIntrospection struct {
	Issuer        string        `json:"iss"`
	Audience      string        `json:"aud"`
	IssuedAt      int64         `json:"iat"`
	Introspection introspection `json:"token_introspection"`
}

// introspection is the response of RFC 7662 section 2.2.
type introspection struct {
	Active    bool     `json:"active"`
	Scope     string   `json:"scope,omitempty"`
	ClientID  string   `json:"client_id,omitempty"`
	Username  string   `json:"username,omitempty"`
	TokenType string   `json:"token_type,omitempty"`
	ExpiresAt int64    `json:"exp,omitempty"` // seconds since 1970
	IssuedAt  int64    `json:"iat,omitempty"` // seconds since 1970
	Subject   string   `json:"sub,omitempty"`
	Issuer    string   `json:"iss,omitempty"`
	AuthTime  int64    `json:"auth_time,omitempty"` // seconds since 1970
	ACR       string   `json:"acr,omitempty"`       // RFC 9470 section 6.2
	Audience  []string `json:"aud,omitempty"`
	// RFC 9396 section 9.2.
	Details json.RawMessage `json:"authorization_details,omitempty"`
	// Confirmation names the key to which the access token is bound (RFC 9449 section 6.2, RFC 8705
	// section 3.2).
	Confirmation *confirmation `json:"cnf,omitempty"`
}

// confirmation is the claim cnf (RFC 7800 section 3.1).
type confirmation struct {
	JKT string `json:"jkt,omitempty"`
	X5T string `json:"x5t#S256,omitempty"`
}

// introspectToken returns ErrNotFound for a token that is not active, or that the client may not
// see.
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
		alive, visible = !t.IsExpired(now), own || client.isFor(t)
		answer.Audience, answer.ACR, answer.Details = t.Resources, t.ACR, json.RawMessage(t.AuthorizationDetails)
		if !t.AuthTime.IsZero() {
			answer.AuthTime = t.AuthTime.Unix()
		}
		answer.Scope, answer.TokenType, answer.ExpiresAt = t.Scope, t.TokenType, t.IssuedAt.Add(t.ExpiresIn).Unix()
		if t.JKT != "" || t.X5T != "" {
			answer.Confirmation = &confirmation{JKT: t.JKT, X5T: t.X5T}
		}
	} else {
		// A resource server sees no refresh tokens, because it must not accept one as an access
		// token. token_type says how an access token is used (RFC 6749 section 7.1); a refresh
		// token has none.
		alive, visible = !t.RefreshTokenExpired(now) && !s.usedUp(now, t), own
		answer.Scope, answer.ExpiresAt = t.GrantScope, t.IssuedAt.Add(t.RefreshTokenExpiresIn).Unix()
	}
	if t.Revoked || !alive || !visible {
		return introspection{}, ErrNotFound
	}
	// A token that a client got for itself has no sub: its client_id could equal some user's
	// subject (RFC 9700 section 4.15).
	if t.User != "" {
		user, known := s.cfg.Users[t.User]
		if !known {
			return introspection{}, ErrNotFound
		}
		answer.Subject = user.subject(t.User)
	}
	return answer, nil
}

// usedUp reports whether the refresh token was rotated and is not accepted any more.
func (s *Server) usedUp(now time.Time, t TokenRecord) bool {
	return !t.RotatedAt.IsZero() && (s.cfg.RotationGrace <= 0 || now.Sub(t.RotatedAt) > s.cfg.RotationGrace)
}
