package authserver

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
)

// Types and profiles of draft-ietf-oauth-identity-assertion-authz-grant. In an ID-JAG an identity
// provider vouches at another authorization server for a client and a user.
const (
	typeIDJAG        = "urn:ietf:params:oauth:token-type:id-jag"
	typeIDToken      = "urn:ietf:params:oauth:token-type:id_token"
	typeRefreshToken = "urn:ietf:params:oauth:token-type:refresh_token"
	jwtIDJAG         = "oauth-id-jag+jwt"
	profileIDJAG     = "urn:ietf:params:oauth:grant-profile:id-jag"
	tokenTypeNA      = "N_A"
)

// idJAGLifetime is how long an ID-JAG is valid. Its client must use it within this time.
const idJAGLifetime = 5 * time.Minute

// idJAGClaims are the claims of draft-ietf-oauth-identity-assertion-authz-grant section 3.1.
type idJAGClaims struct {
	assertionClaims
	ClientID string          `json:"client_id"`
	Resource audience        `json:"resource"`
	Scope    *string         `json:"scope"`
	Details  json.RawMessage `json:"authorization_details"`
	AuthTime *float64        `json:"auth_time"`
	ACR      string          `json:"acr"`
	// Confirmation names the key to which the ID-JAG is bound (RFC 7800).
	Confirmation map[string]string `json:"cnf"`
}

// issuedIDJAG holds the claims of an ID-JAG of this server; times are Unix seconds.
type issuedIDJAG struct {
	Issuer       string            `json:"iss"`
	Subject      string            `json:"sub"`
	Audience     string            `json:"aud"`
	ClientID     string            `json:"client_id"`
	ID           string            `json:"jti"`
	Expires      int64             `json:"exp"`
	IssuedAt     int64             `json:"iat"`
	AuthTime     int64             `json:"auth_time,omitempty"`
	ACR          string            `json:"acr,omitempty"`
	Resources    any               `json:"resource,omitempty"`
	Scope        string            `json:"scope,omitempty"`
	Email        string            `json:"email,omitempty"`
	Verified     *bool             `json:"email_verified,omitempty"`
	Confirmation map[string]string `json:"cnf,omitempty"`
}

// exchangeForIDJAG answers a token exchange with an ID-JAG
// (draft-ietf-oauth-identity-assertion-authz-grant section 4.3). Nothing is stored.
func (s *Server) exchangeForIDJAG(r tokenRequest) (Token, error) {
	p := r.params
	user, err := s.exchangedUser(r)
	if err != nil {
		return Token{}, err
	}
	access, ok := s.crossAppAccess(r.client.ClientID, p["audience"])
	if !ok {
		return Token{}, badRequest("invalid_target", "the client may not have an ID-JAG for this audience")
	}
	scope, ok := narrowScope(p["scope"], access.Scope)
	if !ok {
		return Token{}, badRequest("invalid_scope", "the client may not have this scope at the audience")
	}
	resources := access.Resources
	if asked := strings.Fields(p["resource"]); len(asked) > 0 {
		for _, a := range asked {
			if !slices.Contains(access.Resources, a) {
				return Token{}, badRequest("invalid_target", "the client may not have this resource at the audience")
			}
		}
		resources = slices.Compact(slices.Sorted(slices.Values(asked)))
	}
	if p["authorization_details"] != "" {
		return Token{}, badRequest("invalid_authorization_details", "an ID-JAG of this server has no authorization_details")
	}
	if err := s.spendProof(r.now, r.proof, ownerOf(user.name, r.client.ClientID)); err != nil {
		return Token{}, err
	}
	id, err := s.random.secret()
	if err != nil {
		return Token{}, err
	}
	claims := issuedIDJAG{
		Issuer:   s.cfg.Issuer,
		Subject:  s.cfg.Users[user.name].subject(user.name),
		Audience: access.Audience,
		ClientID: cmp.Or(access.AudienceClientID, access.ClientID),
		ID:       id,
		Expires:  r.now.Add(idJAGLifetime).Unix(),
		IssuedAt: r.now.Unix(),
		AuthTime: user.authTime,
		ACR:      user.acr,
		Scope:    scope,
	}
	switch len(resources) {
	case 0:
	case 1:
		claims.Resources = resources[0]
	default:
		claims.Resources = resources
	}
	registered := strings.Fields(r.client.Scope)
	if u := s.cfg.Users[user.name]; u.EmailVerified && u.Email != "" && slices.Contains(registered, "email") {
		claims.Email, claims.Verified = u.Email, &u.EmailVerified
	}
	if r.proof.jkt != "" {
		claims.Confirmation = map[string]string{"jkt": r.proof.jkt}
	}
	signed, err := s.keys.sign(jwtIDJAG, claims)
	return Token{AccessToken: signed, TokenType: tokenTypeNA, ExpiresIn: idJAGLifetime, Scope: scope}, err
}

// crossAppAccess is what the client may have at the audience. The server never vouches at itself:
// here the user is asked.
func (s *Server) crossAppAccess(clientID, audience string) (CrossAppAccess, bool) {
	for _, a := range s.cfg.CrossAppAccess {
		if a.ClientID == clientID && a.Audience == audience {
			return a, true
		}
	}
	return CrossAppAccess{}, false
}

// subjectUser is the user of a subject token.
type subjectUser struct {
	name     string
	authTime int64
	acr      string
}

// exchangedUser returns the user of an ID token or refresh token that was issued to this client.
func (s *Server) exchangedUser(r tokenRequest) (subjectUser, error) {
	notValid := invalidGrant("the subject token is not valid")
	if r.params["subject_token_type"] == typeRefreshToken {
		// As for a refresh, but the token is not used up.
		digest := DigestOf(r.params["subject_token"])
		t, err := s.cfg.Store.Token(digest)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return subjectUser{}, err
		}
		if err != nil || t.Refresh != digest || t.ClientID != r.client.ClientID || t.Revoked || t.RefreshTokenExpired(r.now) || s.usedUp(r.now, t) ||
			!slices.Contains(strings.Fields(t.GrantScope), scopeOpenID) || t.JKT != "" && r.proof.jkt == "" {
			return subjectUser{}, notValid
		}
		user := subjectUser{name: t.User, acr: t.ACR}
		if !t.AuthTime.IsZero() {
			user.authTime = t.AuthTime.Unix()
		}
		if _, ok := s.cfg.Users[t.User]; !ok {
			return subjectUser{}, notValid
		}
		return user, nil
	}
	var claims struct {
		Issuer   string   `json:"iss"`
		Subject  string   `json:"sub"`
		Audience audience `json:"aud"`
		Expires  *int64   `json:"exp"`
		IssuedAt *int64   `json:"iat"`
		AuthTime int64    `json:"auth_time"`
		ACR      string   `json:"acr"`
	}
	err := s.keys.verify(r.params["subject_token"], "jwt", &claims)
	if err != nil || claims.Issuer != s.cfg.Issuer || !claims.Audience.isFor(r.client.ClientID) || claims.IssuedAt == nil ||
		claims.Expires == nil || r.now.Unix() >= *claims.Expires {
		return subjectUser{}, notValid
	}
	name, ok := s.usernameOf(claims.Subject)
	if !ok {
		return subjectUser{}, notValid
	}
	return subjectUser{name, claims.AuthTime, claims.ACR}, nil
}

// takeIDJAG exchanges an ID-JAG, which its typ identifies, for an access token
// (draft-ietf-oauth-identity-assertion-authz-grant section 4.4). An ID-JAG can be used once. There
// is no refresh token: the client gets another ID-JAG from the identity provider.
func (s *Server) takeIDJAG(r tokenRequest) (Token, error) {
	notValid := invalidGrant("the ID-JAG is not valid")
	if r.client.IsPublic() {
		return Token{}, badRequest("unauthorized_client", "a client without authentication cannot use an ID-JAG")
	}
	var claims idJAGClaims
	if unverifiedClaims(r.params["assertion"], asymmetricAlgs, &claims) != nil {
		return Token{}, notValid
	}
	issuer := claims.Issuer
	provider, ok := s.cfg.IdentityProviders[issuer]
	if !ok {
		return Token{}, notValid
	}
	keys := provider.Keys.Keys
	if provider.JWKSURI != "" {
		var err error
		if keys, err = s.keysAt(r.call, provider.JWKSURI, r.params["assertion"]); err != nil {
			return Token{}, err
		}
	}
	claims = idJAGClaims{}
	_, err := verifyJWT(r.params["assertion"], asymmetricAlgs, keys, &claims)
	switch {
	case err != nil, !claims.inForce(r.now), claims.IssuedAt == nil, claims.ID == "", claims.Subject == "":
		return Token{}, notValid
	case !claims.Audience.isFor(s.cfg.Issuer):
		return Token{}, invalidGrant("the ID-JAG is for another server")
	case claims.ClientID != r.client.ClientID:
		return Token{}, invalidGrant("the ID-JAG is for another client")
	}
	if claims.Confirmation != nil && (len(claims.Confirmation) != 1 || claims.Confirmation["jkt"] == "" || claims.Confirmation["jkt"] != r.proof.jkt) {
		return Token{}, invalidGrant("the ID-JAG needs a DPoP proof of the key that it is bound to")
	}
	g := grant{}
	if g.user, ok = s.userAt(provider, claims.Subject); !ok {
		return Token{}, notValid
	}
	if claims.AuthTime != nil {
		g.authTime = time.Unix(int64(*claims.AuthTime), 0)
	}
	if slices.Contains(s.cfg.ACRValues, claims.ACR) {
		g.acr = claims.ACR
	}
	if err := s.withinIDJAG(r, claims, &g); err != nil {
		return Token{}, err
	}
	if g.name, err = s.random.secret(); err != nil {
		return Token{}, err
	}
	err = s.useAssertion(r.now, "issuer\x00"+issuer, claims.assertionClaims)
	if errors.Is(err, ErrReplayed) {
		return Token{}, invalidGrant("the ID-JAG was used before")
	}
	if err != nil {
		return Token{}, err
	}
	issued, record, err := s.newAccessToken(r, g)
	if err != nil {
		return Token{}, err
	}
	return issued, s.cfg.Store.SaveToken(record)
}

// userAt returns the user who has the subject at the provider.
func (s *Server) userAt(provider IdentityProvider, subject string) (string, bool) {
	if provider.Users == nil {
		return s.usernameOf(subject)
	}
	name, ok := provider.Users[subject]
	if _, known := s.cfg.Users[name]; !known {
		return "", false
	}
	return name, ok
}

// withinIDJAG sets what the token is for: what the request asks for, or else what the ID-JAG has.
// Both are limited by the ID-JAG and by the client's registration.
func (s *Server) withinIDJAG(r tokenRequest, claims idJAGClaims, g *grant) (err error) {
	allowed := r.client.Scope
	if claims.Scope != nil {
		if _, ok := splitScope(*claims.Scope); !ok {
			return invalidGrant("the ID-JAG is not valid")
		}
		registered := strings.Fields(r.client.Scope)
		allowed = strings.Join(slices.DeleteFunc(strings.Fields(*claims.Scope), func(name string) bool { return !slices.Contains(registered, name) }), " ")
	}
	if g.scope, err = s.scopes.requested(r.params["scope"], allowed); err != nil {
		return err
	}
	if g.resources, err = s.resources(r.params, nil); err != nil {
		return err
	}
	if len(claims.Resource) > 0 {
		// The ID-JAG's resources are respected even if the server has no list of its own.
		known := slices.DeleteFunc(slices.Clone(claims.Resource), func(name string) bool {
			return name == "" || s.cfg.Resources != nil && name != s.cfg.Issuer && !slices.Contains(s.cfg.Resources, name)
		})
		if len(g.resources) == 0 {
			g.resources = known
		}
		outside := slices.ContainsFunc(g.resources, func(name string) bool { return !slices.Contains(known, name) })
		if outside || len(g.resources) == 0 || len(g.resources) > maxIDJAGResources {
			return badRequest("invalid_target", "the ID-JAG is not for a resource that tokens are issued for")
		}
	}
	if len(claims.Details) > 0 {
		details := params{"authorization_details": string(claims.Details)}
		if g.details, err = s.authorizationDetails(details); err != nil {
			return err
		}
		return s.sameDetails(r.params, g.details)
	}
	g.details, err = s.authorizationDetails(r.params)
	return err
}
