package authserver

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"
)

// token is the token endpoint (RFC 6749 section 3.2).
func (s *Server) token(c *call) (Response, error) {
	p, err := c.form()
	if err != nil {
		return Response{}, err
	}
	client, err := s.authenticateClient(c, p)
	if err != nil {
		return Response{}, err
	}
	grantType := p["grant_type"]
	switch {
	case grantType == "":
		return Response{}, invalidRequest("grant_type is missing")
	case !slices.Contains(s.grantTypes(), grantType):
		return Response{}, badRequest("unsupported_grant_type", "the grant type is not supported")
	}
	s.count(func(st *Stats) { st.TokenRequests[grantType]++ })
	if !client.CheckGrantType(grantType) {
		return Response{}, badRequest("unauthorized_client", "the client may not use this grant type")
	}
	sent, err := s.bindingProof(c, client)
	if err != nil {
		return Response{}, err
	}
	r := tokenRequest{call: c, now: c.Now, client: client, params: p, proof: sent}
	if client.TLSClientCertificateBoundAccessTokens {
		if r.x5t = c.CertificateThumbprint; r.x5t == "" || s.cfg.MutualTLSOrigin == "" {
			return Response{}, invalidRequest("the client must connect with a certificate")
		}
	}
	var issued Token
	switch grantType {
	case GrantAuthorizationCode:
		issued, err = s.redeem(r)
	case GrantRefreshToken:
		issued, err = s.refresh(r)
	case GrantClientCredentials:
		issued, err = s.clientCredentials(r)
	case GrantDeviceCode:
		issued, err = s.redeemDevice(r)
	case GrantPassword:
		issued, err = s.passwordGrant(r)
	case GrantJWTBearer:
		issued, err = s.jwtBearer(r)
	case GrantTokenExchange:
		issued, err = s.tokenExchange(r)
	}
	if err != nil {
		return Response{}, err
	}
	answer := tokenResponse{
		AccessToken:  issued.AccessToken,
		TokenType:    issued.TokenType,
		ExpiresIn:    int64(issued.ExpiresIn / time.Second),
		RefreshToken: issued.RefreshToken,
		Scope:        issued.Scope,
		IDToken:      issued.IDToken,
		Details:      json.RawMessage(issued.AuthorizationDetails),
	}
	if grantType == GrantTokenExchange {
		answer.IssuedTokenType = typeAccessToken
	}
	return jsonResponse(http.StatusOK, answer), nil
}

// tokenRequest is a request to the token endpoint of an authenticated client.
type tokenRequest struct {
	call   *call
	now    time.Time
	client Client
	params
	// proof is the request's DPoP proof, to whose key what is issued will be bound.
	proof proof
	// x5t is the certificate's, where tokens are to be bound to that.
	x5t string
}

// tokenResponse is the successful response of RFC 6749 section 5.1.
type tokenResponse struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"` // seconds
	RefreshToken string `json:"refresh_token,omitempty"`
	Scope        string `json:"scope,omitempty"`
	// OpenID Connect Core section 3.1.3.3.
	IDToken string `json:"id_token,omitempty"`
	// RFC 9396 section 7.
	Details json.RawMessage `json:"authorization_details,omitempty"`
	// RFC 8693 section 2.2.1.
	IssuedTokenType string `json:"issued_token_type,omitempty"`
}

// redeem exchanges an authorization code (RFC 6749 section 4.1.3).
func (s *Server) redeem(r tokenRequest) (Token, error) {
	p := r.params
	if p["code"] == "" {
		return Token{}, invalidRequest("code is missing")
	}
	code, err := s.cfg.Store.Code(DigestOf(p["code"]))
	if errors.Is(err, ErrNotFound) {
		return Token{}, invalidGrant("the code is not valid")
	}
	if err != nil {
		return Token{}, err
	}
	// All that binds the code is checked before its use is: someone who only saw the code can neither
	// use it up nor have the client's tokens revoked.
	switch {
	case code.ClientID != r.client.ClientID:
		return Token{}, invalidGrant("the code is not valid")
	case code.RedirectURI != p["redirect_uri"] && !(code.RedirectURI == "" && r.client.CheckRedirectURI(p["redirect_uri"])):
		return Token{}, invalidGrant("redirect_uri is not the one of the authorization request")
	case !code.CheckCodeChallenge(p["code_verifier"]):
		return Token{}, invalidGrant("code_verifier does not answer the code challenge")
	case code.JKT != "" && code.JKT != r.proof.jkt:
		// RFC 9449 section 10.
		return Token{}, invalidGrant("the DPoP proof is not of the key that the authorization request named")
	case !code.Used && code.IsExpired(r.now):
		return Token{}, invalidGrant("the code has expired")
	}
	if code.Used {
		// Nothing is made, and kept, for a code that comes again.
		return Token{}, s.replayedCode(s.cfg.Store.RedeemCode(code.Digest, TokenRecord{}))
	}
	resources, err := s.resources(p, code.Resources)
	if err == nil {
		err = s.sameDetails(p, code.AuthorizationDetails)
	}
	if err != nil {
		return Token{}, err
	}
	issued, record, err := s.newToken(r, grant{scope: code.Scope, user: code.User, name: code.Grant, authTime: code.AuthTime, acr: code.ACR,
		sid: code.SID, nonce: code.Nonce, resources: resources, details: code.AuthorizationDetails})
	if err != nil {
		return Token{}, err
	}
	record.GrantResources = code.Resources
	if err := s.cfg.Store.RedeemCode(code.Digest, record); err != nil {
		return Token{}, s.replayedCode(err)
	}
	return issued, nil
}

// replayedCode says an error of a Store that was to redeem a code in the protocol's words.
func (s *Server) replayedCode(err error) error {
	switch {
	case errors.Is(err, ErrReplayed):
		s.count(func(st *Stats) { st.CodeReplays++ })
		return invalidGrant("the code was used before")
	case errors.Is(err, ErrNotFound):
		return invalidGrant("the code is not valid")
	}
	return err
}

// refresh exchanges a refresh token for its successor (RFC 6749 section 6, RFC 9700 section 4.14.2).
func (s *Server) refresh(r tokenRequest) (Token, error) {
	p := r.params
	if p["refresh_token"] == "" {
		return Token{}, invalidRequest("refresh_token is missing")
	}
	digest := DigestOf(p["refresh_token"])
	old, err := s.cfg.Store.Token(digest)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Token{}, err
	}
	if err != nil || old.Refresh != digest || old.ClientID != r.client.ClientID || old.Revoked || old.RefreshTokenExpired(r.now) {
		return Token{}, invalidGrant("the refresh token is not valid")
	}
	if old.JKT != "" && (r.proof.jkt == "" || r.client.IsPublic() && r.proof.jkt != old.JKT) {
		// RFC 9449 section 5: the refresh token of a public client is bound to the key. Another client proves by its authentication who
		// it is, and may take a new key, but not go back to bearer tokens.
		return Token{}, invalidGrant("the refresh token needs a DPoP proof of its key")
	}
	if old.X5T != "" && r.client.IsPublic() && r.x5t != old.X5T {
		// RFC 8705 section 4.
		return Token{}, invalidGrant("the refresh token is bound to another certificate")
	}
	if s.usedUp(r.now, old) {
		return Token{}, s.replayedRefresh(s.cfg.Store.RotateRefreshToken(digest, TokenRecord{Token: Token{IssuedAt: r.now}}, s.cfg.RotationGrace))
	}
	scope, ok := narrowScope(p["scope"], old.GrantScope)
	if !ok {
		return Token{}, badRequest("invalid_scope", "the scope goes beyond what was granted")
	}
	resources, err := s.resources(p, old.GrantResources)
	if err == nil {
		err = s.sameDetails(p, old.AuthorizationDetails)
	}
	if err != nil {
		return Token{}, err
	}
	issued, record, err := s.newToken(r, grant{scope: scope, user: old.User, name: old.Grant, authTime: old.AuthTime, acr: old.ACR,
		sid: old.SID, resources: resources, details: old.AuthorizationDetails})
	if err != nil {
		return Token{}, err
	}
	// RFC 6749 section 6: the scope of the new refresh token is that of the old one, however narrow
	// the access token was asked to be.
	record.GrantScope, record.GrantResources = old.GrantScope, old.GrantResources
	if err := s.cfg.Store.RotateRefreshToken(digest, record, s.cfg.RotationGrace); err != nil {
		return Token{}, s.replayedRefresh(err)
	}
	return issued, nil
}

// replayedRefresh is replayedCode for a refresh token.
func (s *Server) replayedRefresh(err error) error {
	switch {
	case errors.Is(err, ErrReplayed):
		s.count(func(st *Stats) { st.RefreshReplays++ })
		return invalidGrant("the refresh token was used before")
	case errors.Is(err, ErrNotFound):
		return invalidGrant("the refresh token is not valid")
	}
	return err
}

// grant is what tokens are issued for.
type grant struct {
	// scope is that of the access token; user is empty where the client acts for itself.
	scope, user string
	// name is what revokes them all.
	name     string
	authTime time.Time
	// acr is the class of the sign-in.
	acr string
	// sid is that of the session it was granted in.
	sid string
	// nonce of the authorization request; the ID token of a refresh has none (OpenID Connect Core section 12.2).
	nonce string
	// resources the access token is for, and details that come with it.
	resources []string
	details   string
}

// newGrant is what a request asks for that no code or token stands behind.
func (s *Server) newGrant(r tokenRequest) (g grant, err error) {
	if g.scope, err = s.requestedScope(r.client, r.params); err != nil {
		return grant{}, err
	}
	if g.resources, err = s.resources(r.params, nil); err != nil {
		return grant{}, err
	}
	if g.details, err = s.authorizationDetails(r.params); err != nil {
		return grant{}, err
	}
	g.name, err = s.secret()
	return g, err
}

// newToken makes a token with its values for the client, and the record of it for the store. Without a user
// the client acts for itself and gets no refresh token (RFC 6749 section 4.4.3).
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
		if t.RefreshToken, err = s.secret(); err != nil {
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

// newAccessToken makes a token that nothing comes with.
func (s *Server) newAccessToken(r tokenRequest, g grant) (Token, TokenRecord, error) {
	return s.newKeptToken(r, g, s.cfg.AccessTokenLifetime)
}

// admitToken counts a token or a code of the grant, which is kept for the lifetime.
func (s *Server) admitToken(now time.Time, g grant, client Client, lifetime time.Duration) error {
	return s.counts.admit(now, false, share{countToken, ownerOf(g.user, client.ClientID), s.cfg.Limits.Tokens.Owner, 1, lifetime})
}

// newKeptToken makes a token whose record is kept for the lifetime. The request is good in all else by now, and so its proof is spent.
func (s *Server) newKeptToken(r tokenRequest, g grant, lifetime time.Duration) (Token, TokenRecord, error) {
	if err := s.admitToken(r.now, g, r.client, lifetime); err != nil {
		return Token{}, TokenRecord{}, err
	}
	if err := s.spendProof(r.now, r.proof, ownerOf(g.user, r.client.ClientID)); err != nil {
		return Token{}, TokenRecord{}, err
	}
	access, err := s.secret()
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
