package oauth

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"
)

// AuthorizeParams are what Authorize may be told. Every member may be left empty.
type AuthorizeParams struct {
	// Scope is requested instead of that of the configuration.
	Scope string `json:"scope,omitempty"`
	// RedirectURI is used instead of that of the configuration.
	RedirectURI string `json:"redirect_uri,omitempty"`
	// AppState is stored with the attempt, and Callback returns it. It is not sent: the engine
	// makes the state on the wire itself.
	AppState string `json:"app_state,omitempty"`
	// Parameters are added to the authorization request, as [name, value].
	Parameters [][2]string `json:"parameters,omitempty"`
	// Prompt, LoginHint, IDTokenHint and UILocales are those of OpenID Connect Core section
	// 3.1.2.1.
	Prompt      Prompt `json:"prompt,omitempty"`
	LoginHint   string `json:"login_hint,omitempty"`
	IDTokenHint string `json:"id_token_hint,omitempty"`
	UILocales   string `json:"ui_locales,omitempty"`
	// MaxAge is how long ago the user may have signed in at the server, in whole seconds (a
	// fraction is dropped). 0 asks for a new sign-in, and nil leaves it to the server. The ID
	// token's auth_time is checked against it.
	MaxAge *time.Duration `json:"max_age,omitempty"`
	// ACRValues are acceptable ways to sign in, separated by spaces. The ID token has to name one
	// of them (RFC 9470 section 4).
	ACRValues string `json:"acr_values,omitempty"`
	// Claims marshals to an object that requests single claims (OpenID Connect Core section 5.5).
	Claims any `json:"claims,omitempty"`
	// AuthorizationDetails marshals to an array that says in detail what the token is to allow (RFC
	// 9396 section 2).
	AuthorizationDetails any `json:"authorization_details,omitempty"`
	// ResponseMode is how the response comes back; empty leaves it to the server.
	ResponseMode ResponseMode `json:"response_mode,omitempty"`
	// InsecureState is sent as the state on the wire. A state that can be guessed does not protect
	// against CSRF (RFC 6749 section 10.12).
	InsecureState string `json:"insecure_state,omitempty"`
	// InsecureNonce and InsecureCodeVerifier are used in place of random ones (OpenID Connect Core
	// section 15.5.2, RFC 7636 section 4.1).
	InsecureNonce        string `json:"insecure_nonce,omitempty"`
	InsecureCodeVerifier string `json:"insecure_code_verifier,omitempty"`
}

func (p AuthorizeParams) members() (m members, err error) {
	m = m.optional("scope", p.Scope).optional("redirect_uri", p.RedirectURI).optional("app_state", p.AppState)
	if len(p.Parameters) > 0 {
		m = m.pairs("parameters", p.Parameters)
	}
	m = m.optional("prompt", string(p.Prompt)).optional("login_hint", p.LoginHint).optional("id_token_hint", p.IDTokenHint).optional("ui_locales", p.UILocales)
	if p.MaxAge != nil {
		m = m.integer("max_age", int64(math.Floor(p.MaxAge.Seconds())))
	}
	m = m.optional("acr_values", p.ACRValues)
	if m, err = m.object("claims", p.Claims); err != nil {
		return nil, err
	}
	if m, err = m.object("authorization_details", p.AuthorizationDetails); err != nil {
		return nil, err
	}
	return m.optional("response_mode", string(p.ResponseMode)).optional("insecure_state", p.InsecureState).
		optional("insecure_nonce", p.InsecureNonce).optional("insecure_code_verifier", p.InsecureCodeVerifier), nil
}

// Authorization is a sign-in that has begun.
type Authorization struct {
	// URL is where the user's browser goes.
	URL string `json:"url"`
	// State is the one in that URL.
	State string `json:"state"`
	// Life is how long the attempt is valid from now on: Config.AttemptLife.
	Life time.Duration `json:"-"`
}

func (a *Authorization) read(r *reader) {
	for r.begin('{'); r.more('}'); {
		switch string(r.name()) {
		case "url":
			a.URL = r.text()
		case "state":
			a.State = r.text()
		default:
			r.raw()
		}
	}
}

// ExchangeParams are a code that was obtained elsewhere and the values that it is bound to.
type ExchangeParams struct {
	Code         string `json:"code"`
	CodeVerifier string `json:"code_verifier,omitempty"`
	// Nonce is the one of the authorization request, which the ID token has to repeat (OpenID
	// Connect Core section 3.1.3.7).
	Nonce       string `json:"nonce,omitempty"`
	RedirectURI string `json:"redirect_uri,omitempty"`
	Scope       string `json:"scope,omitempty"`
}

// Token is an access token, with further members that only SetToken uses.
type Token struct {
	AccessToken string
	// TokenType is Bearer, DPoP, or another, in the server's own spelling (RFC 6749 section 7.1).
	TokenType string
	// ExpiresAt is when it expires; zero if the server did not say.
	ExpiresAt time.Time
	// Scope is the granted scope, separated by spaces.
	Scope string
	// RefreshToken and IDToken are for SetToken only. No method gives a refresh token, and Status
	// has the ID token.
	RefreshToken string
	IDToken      string
	// Extra, also for SetToken only, are members that RFC 6749 does not name, as raw JSON.
	// Status.Extra gives them.
	Extra map[string]json.RawMessage
}

func (t *Token) read(r *reader) {
	for r.begin('{'); r.more('}'); {
		t.member(r.name(), r)
	}
}

func (t *Token) member(name []byte, r *reader) {
	switch string(name) {
	case "access_token":
		t.AccessToken = r.text()
	case "token_type":
		t.TokenType = r.text()
	case "expires_at":
		t.ExpiresAt = atMilli(r.integer())
	case "scope":
		t.Scope = r.text()
	default:
		r.raw()
	}
}

// TokenParams say for what an access token is needed, if not for the session's own purpose.
type TokenParams struct {
	// Resource is the URI of the resource (RFC 8707 section 2).
	Resource string
	// Scope is the scope there, a part of what was granted (RFC 6749 section 6).
	Scope string
	// Fresh refreshes even if the token has not expired.
	Fresh bool
}

func (p TokenParams) members() members {
	m := members(nil).optional("resource", p.Resource).optional("scope", p.Scope)
	if p.Fresh {
		m = m.boolean("force", true)
	}
	return m
}

// A heldToken may be returned until goodUntil, in Unix ms; 0: once.
type heldToken struct {
	Token
	params    TokenParams
	goodUntil int64
}

func (t *heldToken) read(r *reader) {
	for r.begin('{'); r.more('}'); {
		if name := r.name(); string(name) == "good_until" {
			t.goodUntil = r.integer()
		} else {
			t.member(name, r)
		}
	}
}

// earliestTime is the earliest time that the engine accepts as milliseconds (2001). An earlier
// expiry is sent as this one: the token has expired in any case.
const earliestTime = 1_000_000_000_000

// members are those of a token response (RFC 6749 section 5.1). A fraction of a second of ExpiresAt
// is kept.
func (t Token) members() (members, error) {
	m := append(members(nil).name("token"), `{"access_token":`...)
	m = members(appendText(m, []byte(t.AccessToken))).text("token_type", t.TokenType)
	if at := t.ExpiresAt; !at.IsZero() {
		if year := at.UTC().Year(); year < 1970 || year > 9999 {
			return nil, &Error{Kind: KindClient, Code: "bad_value", Op: "set_token", Field: "expires_at", Expected: "a time from 1970 to 9999", Came: "the year " + strconv.Itoa(year)}
		}
		m = m.integer("expires_at", max(at.UnixMilli(), earliestTime))
	}
	m = m.optional("scope", t.Scope).optional("refresh_token", t.RefreshToken).optional("id_token", t.IDToken)
	for _, name := range slices.Sorted(maps.Keys(t.Extra)) {
		switch name {
		case "access_token", "token_type", "expires_at", "expires_in", "scope", "refresh_token", "id_token":
			return nil, &Error{Kind: KindClient, Code: "bad_value", Op: "set_token", Field: name}
		}
		value, err := json.Marshal(t.Extra[name])
		if err != nil {
			return nil, &Error{Kind: KindClient, Code: "unreadable_parameter", Op: "set_token", Field: name, cause: err}
		}
		m = append(append(appendText(append(m, ','), []byte(name)), ':'), value...)
	}
	return append(m, '}'), nil
}

// String keeps the token out of logs when it is printed.
func (t Token) String() string { return t.TokenType + " (secret)" }

// GoString does the same for %#v.
func (t Token) GoString() string { return t.String() }

// Status is the state of a session. Of its tokens it contains only the ID token.
type Status struct {
	// Name is that of the configuration.
	Name string `json:"name"`
	// Status is the session's state.
	Status SessionStatus `json:"status"`
	// Scope was granted, RequestedScope was requested, each separated by spaces.
	Scope          string `json:"scope"`
	RequestedScope string `json:"requested_scope"`
	TokenType      string `json:"token_type"`
	// ExpiresAt is when the access token expires; zero if that is not known.
	ExpiresAt time.Time `json:"-"`
	Expired   bool      `json:"expired"`
	// Refreshable reports that the session has a refresh token and the server an endpoint for it.
	Refreshable bool `json:"refreshable"`
	// NotPersisted reports that the tokens are only in memory, because the store failed.
	NotPersisted bool `json:"not_persisted"`
	// IDToken is the raw ID token (OpenID Connect Core section 2).
	IDToken string `json:"id_token"`
	// Claims are the claims of the verified ID token, an object as the issuer wrote it; nil without
	// an ID token.
	Claims json.RawMessage `json:"claims"`
	// Extra are members of the server's answers that RFC 6749 does not name, as raw JSON.
	Extra map[string]json.RawMessage `json:"extra"`
	// PKCEMethod is that of sign-ins, PKCEVerifierLength the length of their verifiers in
	// characters.
	PKCEMethod         PKCEMethod `json:"pkce_method"`
	PKCEVerifierLength int        `json:"pkce_verifier_length"`
	// Device is the device flow that has begun, nil if there is none.
	Device *DeviceAuthorization `json:"device"`
	// Unverified, after a callback, are the parameters of Config.CallbackParameters that came. They
	// came through the browser and are not verified; only the state was.
	Unverified map[string]string `json:"unverified"`
}

func (s *Status) read(r *reader) {
	for r.begin('{'); r.more('}'); {
		s.member(r.name(), r)
	}
}

func (s *Status) member(name []byte, r *reader) {
	switch string(name) {
	case "name":
		s.Name = r.text()
	case "status":
		s.Status = SessionStatus(r.text())
	case "scope":
		s.Scope = r.text()
	case "requested_scope":
		s.RequestedScope = r.text()
	case "token_type":
		s.TokenType = r.text()
	case "expires_at":
		s.ExpiresAt = atMilli(r.integer())
	case "expired":
		s.Expired = r.boolean()
	case "refreshable":
		s.Refreshable = r.boolean()
	case "not_persisted":
		s.NotPersisted = r.boolean()
	case "id_token":
		s.IDToken = r.text()
	case "claims":
		s.Claims = bytes.Clone(r.raw())
	case "extra":
		s.Extra = map[string]json.RawMessage{}
		for r.begin('{'); r.more('}'); {
			s.Extra[string(r.name())] = bytes.Clone(r.raw())
		}
	case "pkce_method":
		s.PKCEMethod = PKCEMethod(r.text())
	case "pkce_verifier_length":
		s.PKCEVerifierLength = int(r.integer())
	case "device":
		s.Device = &DeviceAuthorization{}
		s.Device.read(r)
	case "unverified":
		s.Unverified = map[string]string{}
		for r.begin('{'); r.more('}'); {
			name := string(r.name())
			s.Unverified[name] = r.text()
		}
	default:
		r.raw()
	}
}

// CallbackResult is a sign-in that is finished.
type CallbackResult struct {
	Status
	// AppState is what the caller gave Authorize.
	AppState string
	// HandledElsewhere reports that the reply was redeemed before, by this client or another one
	// with the same store. Nothing was sent; the result is the session that exists. If there is
	// none, Callback fails with code already_used.
	HandledElsewhere bool
}

func (c *CallbackResult) read(r *reader) {
	for r.begin('{'); r.more('}'); {
		switch name := r.name(); string(name) {
		case "app_state":
			c.AppState = r.text()
		case "handled_elsewhere":
			c.HandledElsewhere = r.boolean()
		default:
			c.Status.member(name, r)
		}
	}
}

// DeviceAuthorization is a device flow that has begun (RFC 8628 section 3.2). It contains what the
// user may see; the device code stays in the session.
type DeviceAuthorization struct {
	// UserCode is what the user enters at VerificationURI.
	UserCode        string `json:"user_code"`
	VerificationURI string `json:"verification_uri"`
	// VerificationURIComplete includes the user code, for a QR code or a link; empty if the server
	// gave none (section 3.3.1).
	VerificationURIComplete string `json:"verification_uri_complete"`
	// ExpiresAt is when the codes expire.
	ExpiresAt time.Time `json:"-"`
	// Interval is the pause before each poll. It grows if the server asks for that (section 3.5).
	Interval time.Duration `json:"-"`
	// Polling reports that the session is asking the server whether the user has decided.
	Polling bool `json:"polling"`
}

// read reads the ok of the command device_start, and an event.
func (d *DeviceAuthorization) read(r *reader) {
	for r.begin('{'); r.more('}'); {
		switch string(r.name()) {
		case "user_code":
			d.UserCode = r.text()
		case "verification_uri":
			d.VerificationURI = r.text()
		case "verification_uri_complete":
			d.VerificationURIComplete = r.text()
		case "expires_at":
			d.ExpiresAt = atMilli(r.integer())
		case "interval_ms":
			d.Interval = milliseconds(r.integer())
		case "polling":
			d.Polling = r.boolean()
		default:
			r.raw()
		}
	}
}

// Profile is who signed in, as the provider says.
type Profile struct {
	// Issuer is that of the configuration. Issuer and ID together identify a user (OpenID Connect
	// Core section 5.7).
	Issuer string `json:"issuer"`
	ID     string `json:"id"`
	// Email is empty if the provider gives none.
	Email string `json:"email"`
	// EmailVerified reports that the provider has verified the e-mail address.
	EmailVerified bool `json:"email_verified"`
}
