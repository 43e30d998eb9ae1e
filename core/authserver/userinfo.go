package authserver

import "net/http"

// userinfo answers with the claims of the user that the token's scope covers (OpenID Connect Core
// sections 5.3 and 5.4). The token comes in the Authorization header only (RFC 6750 section 2.1, RFC 9449 section 7.1).
func (s *Server) userinfo(c *call) (Response, error) {
	t, err := s.checkAccess(c.Request, Access{Resource: s.cfg.Issuer})
	if err != nil {
		return Response{}, err
	}
	user, ok := s.cfg.Users[t.User]
	if !ok {
		return Response{}, s.accessError(Access{}, t.JKT != "", http.StatusUnauthorized, "invalid_token", "the access token is not a user's")
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
