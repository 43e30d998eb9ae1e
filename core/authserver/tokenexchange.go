package authserver

import (
	"errors"
	"strings"
	"time"
)

// typeAccessToken is the only type of token that can be exchanged, and that is issued in exchange
// (RFC 8693 section 3).
const typeAccessToken = "urn:ietf:params:oauth:token-type:access_token"

// tokenExchange issues a token for the user of another token (RFC 8693 section 2). The new token
// has the same or less scope, expires no later, and is revoked together with the other. A client
// may exchange tokens that were issued to it, for the resources of its grant. A resource server may
// exchange tokens that were sent to it, but only for resources that its registration names: the
// user was not asked about them, so the registration has to allow them.
func (s *Server) tokenExchange(r tokenRequest) (Token, error) {
	p := r.params
	if r.client.IsPublic() {
		return Token{}, badRequest("unauthorized_client", "a client without authentication cannot exchange tokens")
	}
	switch {
	case p["subject_token"] == "" || p["subject_token_type"] == "":
		return Token{}, invalidRequest("subject_token or subject_token_type is missing")
	case p["actor_token"] != "" || p["actor_token_type"] != "":
		return Token{}, invalidRequest("actor_token is not supported")
	case p["requested_token_type"] == typeIDJAG && (p["subject_token_type"] == typeIDToken || p["subject_token_type"] == typeRefreshToken) && len(s.cfg.CrossAppAccess) > 0:
		return s.exchangeForIDJAG(r)
	case !s.cfg.TokenExchange:
		return Token{}, invalidRequest("only ID tokens and refresh tokens can be exchanged, for ID-JAGs")
	case p["subject_token_type"] != typeAccessToken, p["requested_token_type"] != "" && p["requested_token_type"] != typeAccessToken:
		return Token{}, invalidRequest("only access tokens can be exchanged, for access tokens")
	}
	digest := DigestOf(p["subject_token"])
	subject, err := s.cfg.Store.Token(digest)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Token{}, err
	}
	own := subject.ClientID == r.client.ClientID
	if err != nil || subject.Access != digest || subject.Revoked || subject.IsExpired(r.now) || !own && !r.client.isFor(subject) {
		// RFC 8693 section 2.2.2.
		return Token{}, invalidRequest("the subject token is not valid")
	}
	if own && (subject.JKT != "" && subject.JKT != r.proof.jkt || subject.X5T != "" && subject.X5T != r.x5t) {
		return Token{}, invalidRequest("the subject token is bound to another key")
	}
	scope, ok := narrowScope(p["scope"], subject.Scope)
	if !ok {
		return Token{}, badRequest("invalid_scope", "the scope goes beyond that of the subject token")
	}
	resources, err := s.exchangedResources(r, subject, own)
	if err != nil {
		return Token{}, err
	}
	issued, record, err := s.newAccessToken(r, grant{scope: scope, user: subject.User, name: subject.Grant, authTime: subject.AuthTime,
		acr: subject.ACR, sid: subject.SID, resources: resources, details: subject.AuthorizationDetails})
	if err != nil {
		return Token{}, err
	}
	left := subject.IssuedAt.Add(subject.ExpiresIn).Sub(r.now).Truncate(time.Second)
	issued.ExpiresIn = max(min(issued.ExpiresIn, left), 0)
	record.ExpiresIn, record.Subject = issued.ExpiresIn, digest
	if err := s.cfg.Store.SaveToken(record); err != nil {
		if errors.Is(err, ErrNotFound) {
			err = invalidRequest("the subject token is not valid") // the token has been revoked meanwhile
		}
		return Token{}, err
	}
	return issued, nil
}

// exchangedResources are those that an exchanged token is for (RFC 8693 section 2.1, RFC 8707
// section 2.2). A resource server that names none gets all that it may have, but never a token
// without a limit.
func (s *Server) exchangedResources(r tokenRequest, subject TokenRecord, own bool) ([]string, error) {
	asked := strings.Fields(r.params["audience"])
	if s.cfg.Resources != nil {
		asked = append(asked, strings.Fields(r.params["resource"])...)
	}
	switch {
	case own && len(asked) == 0:
		return subject.Resources, nil
	case own:
		return s.within(asked, subject.GrantResources)
	case len(r.client.ExchangeTargets) == 0:
		return nil, badRequest("invalid_target", "the client is registered for no resource to exchange tokens for")
	}
	return s.within(asked, r.client.ExchangeTargets)
}
