package authserver

// clientCredentials issues a token to a client that acts for itself (RFC 6749 section 4.4).
func (s *Server) clientCredentials(r tokenRequest) (Token, error) {
	if r.client.IsPublic() {
		// Client.Validate refuses such a client, but a Store may still hold one.
		return Token{}, badRequest("unauthorized_client", "a client without a secret cannot act for itself")
	}
	g, err := s.newGrant(r)
	if err != nil {
		return Token{}, err
	}
	issued, record, err := s.newToken(r, g)
	if err != nil {
		return Token{}, err
	}
	return issued, s.cfg.Store.SaveToken(record)
}
