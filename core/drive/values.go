package drive

import (
	"encoding/json"
	"time"
)

// AuthorizeParams are what Authorize may be told. Every member may be left empty.
type AuthorizeParams struct {
	// Scope is requested in place of that of the configuration.
	Scope string `json:"scope,omitempty"`
	// RedirectURI is used in place of that of the configuration.
	RedirectURI string `json:"redirect_uri,omitempty"`
	// State is kept with the attempt and comes back with the callback. It is not sent: the state on the wire is the engine's own.
	State string `json:"state,omitempty"`
	// Parameters are added to the authorization request, as [name, value].
	Parameters [][2]string `json:"parameters,omitempty"`
	// Prompt, LoginHint, IDTokenHint and UILocales are those of OpenID Connect Core section 3.1.2.1.
	Prompt      string `json:"prompt,omitempty"`
	LoginHint   string `json:"login_hint,omitempty"`
	IDTokenHint string `json:"id_token_hint,omitempty"`
	UILocales   string `json:"ui_locales,omitempty"`
	// MaxAge is how long ago, in seconds, the user may have signed in at the server; nil leaves that to the server. The ID token has to
	// keep it.
	MaxAge *int64 `json:"max_age,omitempty"`
	// ACRValues are the ways to sign in that will do, separated by spaces. The ID token has to say one of them (RFC 9470 section 4).
	ACRValues string `json:"acr_values,omitempty"`
	// Claims marshals to an object that asks for single claims (OpenID Connect Core section 5.5).
	Claims any `json:"claims,omitempty"`
	// AuthorizationDetails marshals to an array that says in detail what the token is to be good for (RFC 9396 section 2).
	AuthorizationDetails any `json:"authorization_details,omitempty"`
	// ResponseMode is query, form_post, or with a response that the server signs jwt, query.jwt or form_post.jwt (JWT Secured Authorization
	// Response Mode section 2.3).
	ResponseMode string `json:"response_mode,omitempty"`
	// InsecureState is sent as the state on the wire. A state that can be guessed does not protect against CSRF (RFC 6749
	// section 10.12).
	InsecureState string `json:"insecure_state,omitempty"`
	// InsecureNonce and InsecureCodeVerifier are used in place of random ones (OpenID Connect Core section 15.5.2, RFC 7636 section 4.1).
	InsecureNonce        string `json:"insecure_nonce,omitempty"`
	InsecureCodeVerifier string `json:"insecure_code_verifier,omitempty"`
}

// Authorization is a sign-in that has begun.
type Authorization struct {
	// URL is where the user's browser goes.
	URL string `json:"url"`
	// State is the one in that URL.
	State string `json:"state"`
}

// ExchangeParams are a code that was obtained elsewhere and what it is bound to.
type ExchangeParams struct {
	Code         string `json:"code"`
	CodeVerifier string `json:"code_verifier,omitempty"`
	// Nonce is the one of the authorization request, which the ID token has to repeat (OpenID Connect Core section 3.1.3.7).
	Nonce       string `json:"nonce,omitempty"`
	RedirectURI string `json:"redirect_uri,omitempty"`
	Scope       string `json:"scope,omitempty"`
}

// Token is an access token.
type Token struct {
	AccessToken string
	// TokenType is Bearer, DPoP, or another, in the server's own spelling (RFC 6749 section 7.1).
	TokenType string
	// Expiry is zero where the server did not say.
	Expiry time.Time
	// Scope is the granted scope, separated by spaces.
	Scope string
}

// UnmarshalJSON reads the ok of the command token.
func (t *Token) UnmarshalJSON(raw []byte) error {
	var w struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
		ExpiresAt   int64  `json:"expires_at"`
		Scope       string `json:"scope"`
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return err
	}
	*t = Token{w.AccessToken, w.TokenType, atMilli(w.ExpiresAt), w.Scope}
	return nil
}

// String keeps a token that is printed out of logs.
func (t Token) String() string { return t.TokenType + " (secret)" }

// GoString does the same for %#v.
func (t Token) GoString() string { return t.String() }

// Status is what a session holds, without the tokens but for the ID token.
type Status struct {
	// Name is that of the configuration.
	Name string `json:"name"`
	// Status is not_authenticated, temporary_credentials_received, granted or refreshing.
	Status string `json:"status"`
	// Scope was granted, RequestedScope was asked for, each separated by spaces.
	Scope          string `json:"scope"`
	RequestedScope string `json:"requested_scope"`
	TokenType      string `json:"token_type"`
	// ExpiresAt is when the access token ends; zero where that is not known.
	ExpiresAt time.Time `json:"-"`
	Expired   bool      `json:"expired"`
	// Refreshable: a refresh token is held and the server has an endpoint for it.
	Refreshable bool `json:"refreshable"`
	// NotPersisted: the tokens are held in memory only, because the store failed.
	NotPersisted bool `json:"not_persisted"`
	// IDToken is the raw ID token (OpenID Connect Core section 2).
	IDToken string `json:"id_token"`
	// Claims are those of the ID token as its issuer wrote them, an object; nil without an ID token that was verified.
	Claims json.RawMessage `json:"claims"`
	// Extra are members of the server's answers that RFC 6749 does not name, as raw JSON.
	Extra map[string]json.RawMessage `json:"extra"`
	// PKCEMethod is S256, plain or none, PKCEVerifierLength that of its verifiers in characters.
	PKCEMethod         string `json:"pkce_method"`
	PKCEVerifierLength int    `json:"pkce_verifier_length"`
	// Device is the device flow that has begun, nil where there is none.
	Device *DeviceAuthorization `json:"device"`
}

// UnmarshalJSON reads the ok of the command status.
func (s *Status) UnmarshalJSON(raw []byte) error {
	type plain Status
	w := struct {
		*plain
		ExpiresAt int64 `json:"expires_at"`
	}{plain: (*plain)(s)}
	if err := json.Unmarshal(raw, &w); err != nil {
		return err
	}
	s.ExpiresAt = atMilli(w.ExpiresAt)
	return nil
}

// CallbackResult is a sign-in that is finished.
type CallbackResult struct {
	Status
	// State is what the caller gave Authorize.
	State string
}

// UnmarshalJSON reads the ok of the command callback.
func (r *CallbackResult) UnmarshalJSON(raw []byte) error {
	if err := json.Unmarshal(raw, &r.Status); err != nil {
		return err
	}
	var w struct {
		State string `json:"state"`
	}
	err := json.Unmarshal(raw, &w)
	r.State = w.State
	return err
}

// Profile is who signed in, by the word of the provider.
type Profile struct {
	// Issuer is that of the configuration; with it, ID tells a user from all others (OpenID Connect Core section 5.7).
	Issuer string `json:"issuer"`
	ID     string `json:"id"`
	// Email is empty where the provider gives none.
	Email string `json:"email"`
	// EmailVerified: the provider says that the e-mail address is the user's.
	EmailVerified bool `json:"email_verified"`
}
