package authserver

import (
	"errors"
	"net/http"
)

// revoke is the revocation endpoint (RFC 7009 section 2). It ignores token_type_hint: one look-up
// finds both kinds of token, and a wrong hint must not change the answer (section 2.2).
func (s *Server) revoke(c *call) (Response, error) {
	p, err := c.form()
	if err != nil {
		return Response{}, err
	}
	client, err := s.authenticateClient(c, p)
	if err != nil {
		return Response{}, err
	}
	if p["token"] == "" {
		return Response{}, invalidRequest("token is missing")
	}
	if err := s.revokeToken(client, DigestOf(p["token"])); err != nil {
		return Response{}, err
	}
	return Response{Status: http.StatusOK, Header: newHeader("")}, nil
}

func (s *Server) revokeToken(client Client, digest Digest) error {
	code, err := s.cfg.Store.Code(digest)
	if err == nil && code.ClientID == client.ClientID {
		// A code is not a token, so it cannot be revoked here (RFC 7009 section 2.2.1).
		return badRequest("unsupported_token_type", "only access tokens and refresh tokens can be revoked")
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	t, err := s.cfg.Store.Token(digest)
	if errors.Is(err, ErrNotFound) {
		return nil // an unknown token counts as revoked (RFC 7009 section 2.2)
	}
	if err != nil {
		return err
	}
	if t.ClientID != client.ClientID {
		// RFC 7009 section 2.1 refuses this, with an error of RFC 6749 section 5.2.
		return invalidGrant("the token was issued to another client")
	}
	if t.Access == digest {
		err = s.cfg.Store.RevokeAccessToken(digest)
	} else {
		// RFC 7009 section 2.1: to revoke a refresh token also revokes the access tokens of the
		// same grant.
		err = s.cfg.Store.RevokeGrant(t.Grant)
	}
	if err == nil {
		s.count(func(st *Stats) { st.Revocations++ })
	}
	return err
}
