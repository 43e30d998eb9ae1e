package authserver

import "time"

// clientCredentials issues a token to a client that acts for itself (RFC 6749 section 4.4).
func (s *Server) clientCredentials(now time.Time, client Client, p params) (Token, error) {
	if client.IsPublic() {
		// Client.Validate refuses such a client, but a Store may hold one nevertheless.
		return Token{}, badRequest("unauthorized_client", "a client without a secret cannot act for itself")
	}
	scope, err := s.requestedScope(client, p)
	if err != nil {
		return Token{}, err
	}
	name, err := s.secret()
	if err != nil {
		return Token{}, err
	}
	issued, record, err := s.newToken(now, client, grant{scope: scope, name: name})
	if err != nil {
		return Token{}, err
	}
	return issued, s.cfg.Store.SaveToken(record)
}
