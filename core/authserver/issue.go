package authserver

import (
	"errors"
	"net/url"
	"strconv"
	"time"
)

// newGrant is what a request asks for if it has no code and no token.
func (s *Server) newGrant(r tokenRequest) (g grant, err error) {
	if g.scope, err = s.scopes.requested(r.params["scope"], r.client.Scope); err != nil {
		return grant{}, err
	}
	if g.resources, err = s.resources(r.params, nil); err != nil {
		return grant{}, err
	}
	if g.details, err = s.authorizationDetails(r.params); err != nil {
		return grant{}, err
	}
	g.name, err = s.random.secret()
	return g, err
}

// newToken makes a token with its values for the client, and its record for the store. Without a
// user the client acts for itself and gets no refresh token (RFC 6749 section 4.4.3).
func (s *Server) newToken(r tokenRequest, g grant) (Token, TokenRecord, error) {
	refreshable, lifetime := g.user != "" && r.client.CheckGrantType(GrantRefreshToken), s.cfg.AccessTokenLifetime
	if refreshable {
		lifetime = max(lifetime, s.cfg.RefreshTokenLifetime)
	}
	t, record, err := s.newKeptToken(r, g, lifetime)
	if err != nil {
		return Token{}, TokenRecord{}, err
	}
	if refreshable {
		if t.RefreshToken, err = s.random.secret(); err != nil {
			return Token{}, TokenRecord{}, err
		}
		t.RefreshTokenExpiresIn = s.cfg.RefreshTokenLifetime
		record.RefreshTokenExpiresIn = t.RefreshTokenExpiresIn
		record.Refresh = DigestOf(t.RefreshToken)
	}
	if g.user != "" && t.HasScope(scopeOpenID) {
		if t.IDToken, err = s.idToken(r.now, r.client, g, t.AccessToken, ""); err != nil {
			return Token{}, TokenRecord{}, err
		}
	}
	return t, record, nil
}

// newAccessToken makes an access token without a refresh token.
func (s *Server) newAccessToken(r tokenRequest, g grant) (Token, TokenRecord, error) {
	return s.newKeptToken(r, g, s.cfg.AccessTokenLifetime)
}

// admitToken counts a token or a code of the grant, which is stored for the lifetime.
func (s *Server) admitToken(now time.Time, g grant, client Client, lifetime time.Duration) error {
	return s.limiter.counts.admit(now, false, share{countToken, ownerOf(g.user, client.ClientID), s.cfg.Limits.Tokens.Owner, 1, lifetime})
}

// newKeptToken makes a token whose record is stored for the lifetime. The request is otherwise
// valid by now, so it uses up its proof.
func (s *Server) newKeptToken(r tokenRequest, g grant, lifetime time.Duration) (Token, TokenRecord, error) {
	if err := s.admitToken(r.now, g, r.client, lifetime); err != nil {
		return Token{}, TokenRecord{}, err
	}
	if err := s.spendProof(r.now, r.proof, ownerOf(g.user, r.client.ClientID)); err != nil {
		return Token{}, TokenRecord{}, err
	}
	access, err := s.random.secret()
	if err != nil {
		return Token{}, TokenRecord{}, err
	}
	t := Token{
		Scope:     g.scope,
		IssuedAt:  r.now,
		ExpiresIn: s.cfg.AccessTokenLifetime,
		ClientID:  r.client.ClientID,
		TokenType: tokenTypeBearer,
		User:      g.user,
		AuthTime:  g.authTime,
		ACR:       g.acr,
		Resources: g.resources,

		AuthorizationDetails: g.details,
	}
	r.bind(&t)
	record := TokenRecord{Token: t, Access: DigestOf(access), Grant: g.name, GrantScope: g.scope, GrantResources: g.resources, SID: g.sid}
	t.AccessToken = access
	return t, record, nil
}

// bind records in an issued token what its client must prove when it uses the token. A token that
// is bound to a certificate still has the type Bearer (RFC 8705 section 3).
func (r tokenRequest) bind(t *Token) {
	t.JKT, t.X5T = r.proof.jkt, r.x5t
	if r.proof.jkt != "" {
		t.TokenType = tokenTypeDPoP
	}
}

// issue makes what the response type names.
func (s *Server) issue(c *call, req *authorizationRequest, g grant) (url.Values, error) {
	result := url.Values{}
	if req.gives(ResponseTypeCode) {
		code, err := s.issueCode(req, g)
		if err != nil {
			return nil, err
		}
		result.Set("code", code)
	}
	if req.gives(ResponseTypeToken) {
		t, record, err := s.newAccessToken(tokenRequest{now: c.Now, client: req.client}, g)
		if err == nil {
			err = s.cfg.Store.SaveToken(record)
		}
		if err != nil {
			return nil, err
		}
		result.Set("access_token", t.AccessToken)
		result.Set("token_type", t.TokenType)
		result.Set("expires_in", strconv.FormatInt(int64(t.ExpiresIn/time.Second), 10))
		if t.Scope != "" {
			result.Set("scope", t.Scope)
		}
	}
	if req.gives(ResponseTypeIDToken) {
		id, err := s.idToken(c.Now, req.client, g, result.Get("access_token"), result.Get("code"))
		if err != nil {
			return nil, err
		}
		result.Set("id_token", id)
	}
	return result, nil
}

func (s *Server) issueCode(req *authorizationRequest, g grant) (string, error) {
	if err := s.admitToken(req.now, g, req.client, s.cfg.CodeLifetime); err != nil {
		return "", err
	}
	value, err := s.random.secret()
	if err != nil {
		return "", err
	}
	return value, s.cfg.Store.SaveCode(CodeRecord{
		Digest: DigestOf(value),
		Grant:  g.name,
		AuthorizationCode: AuthorizationCode{
			ClientID:             req.client.ClientID,
			RedirectURI:          req.requestedURI,
			ResponseType:         req.responseType,
			Scope:                g.scope,
			AuthTime:             g.authTime,
			IssuedAt:             req.now,
			ExpiresIn:            s.cfg.CodeLifetime,
			CodeChallenge:        req.codeChallenge,
			CodeChallengeMethod:  req.codeChallengeMethod,
			Nonce:                g.nonce,
			SID:                  g.sid,
			ACR:                  g.acr,
			Resources:            g.resources,
			AuthorizationDetails: g.details,
			JKT:                  req.jkt,
			User:                 g.user,
		},
	})
}

func codeReplays(st *Stats)    { st.CodeReplays++ }
func refreshReplays(st *Stats) { st.RefreshReplays++ }

// replayed converts the error of a Store that should use something up to one of the protocol. It
// counts the error if that thing was used before.
func (s *Server) replayed(what string, count func(*Stats), err error) error {
	switch {
	case errors.Is(err, ErrReplayed):
		s.count(count)
		return invalidGrant(what + " was used before")
	case errors.Is(err, ErrNotFound):
		return invalidGrant(what + " is not valid")
	}
	return err
}
