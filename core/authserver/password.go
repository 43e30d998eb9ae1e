package authserver

// passwordGrant exchanges a password that a user told the client (RFC 6749 section 4.3).
func (s *Server) passwordGrant(r tokenRequest) (Token, error) {
	if r.params["username"] == "" || r.params["password"] == "" {
		return Token{}, invalidRequest("username or password is missing")
	}
	g, err := s.newGrant(r)
	if err != nil {
		return Token{}, err
	}
	right, err := s.checkPassword(r.call, r.params)
	if err != nil {
		return Token{}, err
	}
	if !right {
		return Token{}, invalidGrant("username and password do not match")
	}
	g.user, g.authTime, g.acr = r.params["username"], r.now, s.standardACR()
	issued, record, err := s.newToken(r, g)
	if err != nil {
		return Token{}, err
	}
	return issued, s.cfg.Store.SaveToken(record)
}
