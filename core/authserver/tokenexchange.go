package authserver

import (
	"errors"
	"slices"
	"time"
)

// typeAccessToken is the one type of token that can be exchanged, and that comes of it (RFC 8693 section 3).
const typeAccessToken = "urn:ietf:params:oauth:token-type:access_token"

// tokenExchange issues a token for the user of another (RFC 8693 section 2), with the same or less scope, no longer life, and revoked
// together with it. A client may exchange what was issued to it, and a resource server what was sent to it.
func (s *Server) tokenExchange(r tokenRequest) (Token, error) {
	p := r.params
	if r.client.IsPublic() {
		return Token{}, badRequest("unauthorized_client", "a client without authentication cannot exchange tokens")
	}
	switch {
	case p["subject_token"] == "" || p["subject_token_type"] == "":
		return Token{}, invalidRequest("subject_token or subject_token_type is missing")
	case p["subject_token_type"] != typeAccessToken, p["requested_token_type"] != "" && p["requested_token_type"] != typeAccessToken:
		return Token{}, invalidRequest("only access tokens can be exchanged, for access tokens")
	case p["actor_token"] != "" || p["actor_token_type"] != "":
		return Token{}, invalidRequest("actor_token is not supported")
	case p["audience"] != "" && !slices.Contains(s.cfg.Resources, p["audience"]):
		return Token{}, badRequest("invalid_target", "the audience is not one that tokens are issued for")
	}
	digest := DigestOf(p["subject_token"])
	subject, err := s.cfg.Store.Token(digest)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Token{}, err
	}
	own := subject.ClientID == r.client.ClientID
	if err != nil || subject.Access != digest || subject.Revoked || subject.IsExpired(r.now) || !own && !r.client.ResourceServer {
		// RFC 8693 section 2.2.2.
		return Token{}, invalidRequest("the subject token is not valid")
	}
	if own && (subject.JKT != "" && subject.JKT != r.jkt || subject.X5T != "" && subject.X5T != r.x5t) {
		return Token{}, invalidRequest("the subject token is bound to another key")
	}
	scope, ok := narrowScope(p["scope"], subject.Scope)
	if !ok {
		return Token{}, badRequest("invalid_scope", "the scope goes beyond that of the subject token")
	}
	resources, err := s.resources(p, nil)
	if err != nil {
		return Token{}, err
	}
	if p["audience"] != "" && !slices.Contains(resources, p["audience"]) {
		resources = append(slices.Clone(resources), p["audience"])
	}
	if len(resources) == 0 {
		resources = subject.Resources
	}
	issued, record, err := s.newAccessToken(r, grant{scope: scope, user: subject.User, name: subject.Grant, authTime: subject.AuthTime,
		acr: subject.ACR, sid: subject.SID, resources: resources, details: subject.AuthorizationDetails})
	if err != nil {
		return Token{}, err
	}
	left := subject.IssuedAt.Add(subject.ExpiresIn).Sub(r.now).Truncate(time.Second)
	issued.ExpiresIn = max(min(issued.ExpiresIn, left), 0)
	record.ExpiresIn = issued.ExpiresIn
	return issued, s.cfg.Store.SaveToken(record)
}
