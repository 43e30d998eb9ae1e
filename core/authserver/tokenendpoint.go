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
	case !slices.Contains(s.cfg.grantTypes(), grantType):
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
		if issued.TokenType == tokenTypeNA {
			answer.IssuedTokenType = typeIDJAG
		}
	}
	return jsonResponse(http.StatusOK, answer), nil
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
	// Everything to which the code is bound is checked before its use is: somebody who only saw the
	// code can neither use it up nor have the client's tokens revoked.
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
		// For a code that is used again, no token is made or stored.
		return Token{}, s.replayed("the code", codeReplays, s.cfg.Store.RedeemCode(code.Digest, TokenRecord{}))
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
		return Token{}, s.replayed("the code", codeReplays, err)
	}
	return issued, nil
}

// refresh exchanges a refresh token for its successor (RFC 6749 section 6, RFC 9700 section
// 4.14.2).
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
		// RFC 9449 section 5: the refresh token of a public client is bound to the key. Any other
		// client authenticates, and may change to a new key, but may not return to bearer tokens.
		return Token{}, invalidGrant("the refresh token needs a DPoP proof of its key")
	}
	if old.X5T != "" && r.client.IsPublic() && r.x5t != old.X5T {
		// RFC 8705 section 4.
		return Token{}, invalidGrant("the refresh token is bound to another certificate")
	}
	if s.usedUp(r.now, old) {
		return Token{}, s.replayed("the refresh token", refreshReplays, s.cfg.Store.RotateRefreshToken(digest, TokenRecord{Token: Token{IssuedAt: r.now}}, s.cfg.RotationGrace))
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
	// RFC 6749 section 6: the new refresh token has the scope of the old one, even if the access
	// token was requested with less.
	record.GrantScope, record.GrantResources = old.GrantScope, old.GrantResources
	if err := s.cfg.Store.RotateRefreshToken(digest, record, s.cfg.RotationGrace); err != nil {
		return Token{}, s.replayed("the refresh token", refreshReplays, err)
	}
	return issued, nil
}
