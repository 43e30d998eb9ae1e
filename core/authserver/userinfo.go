package authserver

import (
	"errors"
	"net/http"
	"strings"
)

// userinfo answers with the claims of the user that the token's scope covers (OpenID Connect Core
// sections 5.3 and 5.4). The token comes in the Authorization header only (RFC 6750 section 2.1).
func (s *Server) userinfo(c *call) (Response, error) {
	header := c.Header.Values("Authorization")
	if len(header) == 0 {
		// RFC 6750 section 3.1: no error code for a request without authentication.
		return Response{}, s.bearerError("", "an access token is needed")
	}
	scheme, value, _ := strings.Cut(header[0], " ")
	if len(header) > 1 || !strings.EqualFold(scheme, "Bearer") {
		return Response{}, s.bearerError("", "an access token is needed")
	}
	t, err := s.accessToken(c.Now, strings.TrimSpace(value))
	if errors.Is(err, ErrNotFound) {
		return Response{}, s.bearerError("invalid_token", "the access token is not valid")
	}
	if err != nil {
		return Response{}, err
	}
	user, ok := s.cfg.Users[t.User]
	if !ok {
		return Response{}, s.bearerError("invalid_token", "the access token is not valid")
	}
	claims := map[string]any{"sub": user.subject(t.User)}
	if t.HasScope("profile") && user.Name != "" {
		claims["name"] = user.Name
	}
	if t.HasScope("email") && user.Email != "" {
		claims["email"] = user.Email
		claims["email_verified"] = user.EmailVerified
	}
	return jsonResponse(http.StatusOK, claims), nil
}

// bearerError is the challenge of RFC 6750 section 3.
func (s *Server) bearerError(code, description string) error {
	challenge := `Bearer realm="` + s.cfg.Issuer + `"`
	if code == "" {
		return &protocolError{status: http.StatusUnauthorized, code: "invalid_request", description: description, challenge: challenge}
	}
	challenge += `, error="` + code + `", error_description="` + description + `"`
	return &protocolError{status: http.StatusUnauthorized, code: code, description: description, challenge: challenge}
}
