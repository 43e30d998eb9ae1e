package oauth

import (
	"context"
	"encoding/json"
)

// ClientCredentialsParams are what ClientCredentials may be told. Both members may be left empty.
type ClientCredentialsParams struct {
	// Scope is requested in place of that of the configuration.
	Scope string `json:"scope,omitempty"`
	// Parameters are added to the token request, as [name, value].
	Parameters [][2]string `json:"parameters,omitempty"`
}

// ClientCredentials gets a token for the client itself, without a user (RFC 6749 section 4.4).
// Usually there is no refresh token: call it again when Token fails with ErrExpired.
//
// A client without authentication is an error of kind client with the field client_secret. If the
// server refuses, OAuthError says why, such as unauthorized_client or invalid_scope (section 5.2).
func (c *Client) ClientCredentials(ctx context.Context, p ClientCredentialsParams) (Status, error) {
	return call[Status](c.s, ctx, "client_credentials", p)
}

// JWTBearerParams are the parameters of JWTBearer.
type JWTBearerParams struct {
	// Assertion is a JWT about the user who signs in, from an issuer that the server trusts.
	Assertion string `json:"assertion"`
	// Scope is requested in place of that of the configuration; it may be left empty.
	Scope string `json:"scope,omitempty"`
	// Parameters are added to the token request, as [name, value].
	Parameters [][2]string `json:"parameters,omitempty"`
}

// JWTBearer signs in with an assertion from another issuer (RFC 7523 section 2.1). If the server
// refuses it, OAuthError is invalid_grant (section 3.1).
func (c *Client) JWTBearer(ctx context.Context, p JWTBearerParams) (Status, error) {
	return call[Status](c.s, ctx, "jwt_bearer", p)
}

// GrantParams are a token request with a grant type for which there is no method.
type GrantParams struct {
	// GrantType is the grant_type, usually a URI (RFC 6749 section 4.5).
	GrantType string `json:"grant_type"`
	// Scope is the requested scope; empty leaves it to the server.
	Scope string `json:"scope,omitempty"`
	// Parameters are those of the grant, as [name, value]. Parameters that the engine sets itself
	// are refused: grant_type, scope, resource if Config.Resource is set, and those of client
	// authentication.
	Parameters [][2]string `json:"parameters,omitempty"`
}

// Grant gets a token with any grant type (RFC 6749 section 4.5). The token belongs to the caller:
// the session neither stores nor refreshes it.
//
// authorization_code, refresh_token and the grant type of device codes are an error of kind client
// with the code protected_parameter, because Authorize, Refresh and DeviceAuthorize make the checks
// that these need. So is a parameter that the engine sets. If the server refuses, OAuthError says
// why.
func (c *Client) Grant(ctx context.Context, p GrantParams) (ExchangedToken, error) {
	return call[ExchangedToken](c.s, ctx, "grant", p)
}

// GrantSession is Grant, but its token becomes the session, and is refreshed like others.
func (c *Client) GrantSession(ctx context.Context, p GrantParams) (Status, error) {
	return call[Status](c.s, ctx, "grant", struct {
		GrantParams
		Keep bool `json:"keep"`
	}{p, true})
}

// CrossAppAccessParams are the parameters of CrossAppAccess.
type CrossAppAccessParams struct {
	// SubjectToken says who the user is: the ID token from Config.IdentityProvider, or another
	// token, of the type SubjectTokenType; empty means TokenTypeIDToken.
	SubjectToken     string       `json:"subject_token"`
	SubjectTokenType TokenTypeURI `json:"subject_token_type,omitempty"`
	// Audience is the server for which the ID-JAG is requested; empty means Config.Issuer.
	Audience string `json:"audience,omitempty"`
	// Scope is requested instead of that of the configuration.
	Scope string `json:"scope,omitempty"`
	// Parameters are added to the token exchange request, as [name, value].
	Parameters [][2]string `json:"parameters,omitempty"`
}

// CrossAppAccess signs in with the user's identity at another server
// (draft-ietf-oauth-identity-assertion-authz-grant): Config.IdentityProvider exchanges the subject
// token for an ID-JAG (RFC 8693), and this client's server exchanges that for a token (RFC 7523
// section 2.1). No user is asked. Usually there is no refresh token: call it again when Token
// fails.
//
// If one of the servers refuses, OAuthError says why, and Host says which one it was.
func (c *Client) CrossAppAccess(ctx context.Context, p CrossAppAccessParams) (Status, error) {
	return call[Status](c.s, ctx, "cross_app_access", p)
}

// TokenExchangeParams are a token exchange request (RFC 8693 section 2.1). Every member may be
// empty, if the server allows that.
type TokenExchangeParams struct {
	// SubjectToken is the token of the user for whom the new one is issued. Empty means the
	// session's access token, which is refreshed first if it must be. SubjectTokenType is its type;
	// empty means TokenTypeAccessToken.
	SubjectToken     string       `json:"subject_token,omitempty"`
	SubjectTokenType TokenTypeURI `json:"subject_token_type,omitempty"`
	// Audience is the name and Resource the URI of the service at which the new token will be used.
	Audience string `json:"audience,omitempty"`
	Resource string `json:"resource,omitempty"`
	// Scope is the requested scope of the new token.
	Scope string `json:"scope,omitempty"`
	// RequestedTokenType is the type of the new token; empty leaves it to the server.
	RequestedTokenType TokenTypeURI `json:"requested_token_type,omitempty"`
	// Parameters are added to the token request, as [name, value]: actor_token and
	// actor_token_type, or more audiences.
	Parameters [][2]string `json:"parameters,omitempty"`
}

// ExchangedToken is a token that was issued for another one.
type ExchangedToken struct {
	// Token holds the issued token in AccessToken, whatever its type. If it is no access token,
	// TokenType is N_A (RFC 8693 section 2.2.1).
	Token
	// IssuedTokenType is its type.
	IssuedTokenType TokenTypeURI
}

func (t *ExchangedToken) read(r *reader) {
	for r.begin('{'); r.more('}'); {
		if name := r.name(); string(name) == "issued_token_type" {
			t.IssuedTokenType = TokenTypeURI(r.text())
		} else {
			t.Token.member(name, r)
		}
	}
}

// TokenExchange gets a token for use at another service (RFC 8693 section 2). The session neither
// stores nor refreshes it.
//
// Without a SubjectToken it fails as Token does. If the server refuses, OAuthError says why, such
// as invalid_request for a subject token that is not good or invalid_target (section 2.2.2). An
// answer without issued_token_type is an error of kind server.
func (c *Client) TokenExchange(ctx context.Context, p TokenExchangeParams) (ExchangedToken, error) {
	return call[ExchangedToken](c.s, ctx, "token_exchange", p)
}

// IntrospectParams are what Introspect may be told.
type IntrospectParams struct {
	// Token is the token to ask about; empty means the session's access token.
	Token string
	// TokenTypeHint is the type of Token, and may be empty.
	TokenTypeHint TokenTypeHint
}

// Introspect gives what the server knows about a token (RFC 7662 section 2): the object that it
// sent. Its member active is true or false. With false there is usually no other member, and a
// token that the server never saw looks the same.
//
// If neither Config.IntrospectionEndpoint nor the metadata names an endpoint, the error is of kind
// client with that field; without a token it has the code no_token. An answer without active is an
// error of kind server with the code bad_introspection.
func (c *Client) Introspect(ctx context.Context, p IntrospectParams) (json.RawMessage, error) {
	var r struct {
		Claims json.RawMessage `json:"claims"`
	}
	err := c.s.do(ctx, "introspect", members(nil).optional("token", p.Token).optional("token_type_hint", string(p.TokenTypeHint)), &r)
	return r.Claims, err
}
