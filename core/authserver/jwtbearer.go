package authserver

import "errors"

// jwtBearer exchanges another server's assertion about a user (RFC 7523 section 2.1). It issues no
// refresh token, so the client needs a new assertion for a new token (RFC 7521 section 4.1).
func (s *Server) jwtBearer(r tokenRequest) (Token, error) {
	assertion := r.params["assertion"]
	if assertion == "" {
		return Token{}, invalidRequest("assertion is missing")
	}
	_, header, err := jwtHeader(assertion, asymmetricAlgs)
	switch {
	case err == nil && headerType(header) == jwtIDJAG:
		return s.takeIDJAG(r)
	case r.client.ofDocument:
		// An assertion that names no client is only for clients that somebody registered for this
		// grant.
		return Token{}, badRequest("unauthorized_client", "the client may use an ID-JAG only")
	}
	notValid := invalidGrant("the assertion is not valid")
	var claims assertionClaims
	if unverifiedClaims(assertion, asymmetricAlgs, &claims) != nil {
		return Token{}, notValid
	}
	issuer := claims.Issuer
	header, err = verifyJWT(assertion, asymmetricAlgs, s.cfg.AssertionIssuers[issuer].Keys, &claims)
	if typ := headerType(header); err != nil || typ != "" && typ != "jwt" || !claims.inForce(r.now) ||
		!claims.Audience.isFor(s.cfg.Issuer, s.cfg.Issuer+tokenPath) {
		return Token{}, notValid
	}
	username, ok := s.usernameOf(claims.Subject)
	if !ok {
		return Token{}, notValid
	}
	g, err := s.newGrant(r)
	if err != nil {
		return Token{}, err
	}
	if claims.ID != "" {
		err := s.useAssertion(r.now, "issuer\x00"+issuer, claims)
		if errors.Is(err, ErrReplayed) {
			return Token{}, invalidGrant("the assertion was used before")
		}
		if err != nil {
			return Token{}, err
		}
	}
	g.user = username
	issued, record, err := s.newAccessToken(r, g)
	if err != nil {
		return Token{}, err
	}
	return issued, s.cfg.Store.SaveToken(record)
}

// usernameOf returns the user with the subject.
func (s *Server) usernameOf(subject string) (string, bool) {
	for name, u := range s.cfg.Users {
		if subject != "" && u.subject(name) == subject {
			return name, true
		}
	}
	return "", false
}
