package authserver

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Default lifetimes and the default interval. Ten minutes is the longest that RFC 6749 section
// 4.1.2 recommends for a code; a client needs seconds. A device code must be valid while a user
// finds another device and signs in there. The interval is that of RFC 8628 section 3.2.
const (
	DefaultCodeLifetime         = time.Minute
	DefaultAccessTokenLifetime  = 10 * time.Minute
	DefaultRefreshTokenLifetime = 14 * 24 * time.Hour
	DefaultDeviceCodeLifetime   = 10 * time.Minute
	DefaultDeviceInterval       = 5 * time.Second
)

// Config is what a [Server] is made from. Issuer, Store and Users are required.
type Config struct {
	// Issuer is the issuer identifier (RFC 8414 section 2): an https URL, or http on loopback,
	// without query, fragment and final slash. Endpoints are relative to it.
	Issuer string
	Store  Store
	// Users may sign in. The key is the username.
	Users map[string]User
	// Scopes are the scopes that the server knows in addition to openid, profile and email. To name
	// one of these changes its description.
	Scopes []Scope

	// Lifetimes; zero means the default.
	CodeLifetime         time.Duration
	AccessTokenLifetime  time.Duration
	RefreshTokenLifetime time.Duration
	// DeviceCodeLifetime is the lifetime of a device code and of its user code.
	DeviceCodeLifetime time.Duration
	// DeviceInterval, in whole seconds, is how long a device must wait between two polls at first.
	// If it polls faster, the interval becomes longer ([DeviceRecord.Poll]).
	DeviceInterval time.Duration
	// RotationGrace is how long after its rotation a refresh token is still accepted and gets
	// another successor, for clients that lost the answer. Zero means that a second use revokes the
	// grant.
	RotationGrace time.Duration

	// AllowedOrigins are origins whose pages may call the token, pushed authorization request,
	// device authorization, registration, revocation, userinfo and metadata endpoints, such as
	// "https://app.example"; nil means any origin. These endpoints ignore cookies. The server's
	// pages and the introspection endpoint never answer to another origin.
	AllowedOrigins []string

	// SigningKey signs ID tokens, logout tokens and signed answers with ES256. If it is nil, the
	// server makes one, and ID tokens from before a restart cannot be verified any more.
	// [Server.RotateSigningKey] replaces it.
	SigningKey *ecdsa.PrivateKey

	// RequirePKCE requires a code challenge from confidential clients, too. Public clients always
	// need one.
	RequirePKCE bool
	// InsecurePlainPKCE accepts the code challenge method plain, which shows the verifier to
	// everybody who sees the authorization request (RFC 7636 section 7.2). Use it only to test
	// clients.
	InsecurePlainPKCE bool

	// RequirePAR refuses authorization requests that were not pushed (RFC 9126 section 5). It can
	// also be set for a single client.
	RequirePAR bool
	// MutualTLSOrigin, if set, is the origin at which clients reach the endpoints with a
	// certificate of theirs, such as "https://mtls.login.example"; it may be the issuer's own. It
	// switches on RFC 8705. The caller of [Server.Handle] must then set
	// Request.CertificateThumbprint.
	MutualTLSOrigin string
	// DPoPNonceInterval, if set, requires DPoP proofs to contain a nonce of the server (RFC 9449
	// sections 8 and 9). There is a new nonce every interval, and each is valid for two intervals.
	DPoPNonceInterval time.Duration

	// InsecureResponseTypes are response types other than code: token, id_token, none, "code
	// id_token" and so on. Tokens in a URL leak easily, and cannot be bound to a key (RFC 9700
	// section 2.1.2).
	InsecureResponseTypes []string

	// InsecurePasswordGrant lets clients that are registered for it ask users for their passwords
	// (RFC 6749 section 4.3), which RFC 9700 section 2.4 forbids.
	InsecurePasswordGrant bool
	// AssertionIssuers are servers whose assertions about users the token endpoint accepts (RFC
	// 7523 section 2.1), with their public keys. sub is the Subject of a user. If there are none,
	// that grant is off.
	AssertionIssuers map[string]jose.JSONWebKeySet
	// TokenExchange switches on RFC 8693 for access tokens, for clients that are registered for it,
	// within [Client.ExchangeTargets].
	TokenExchange bool
	// CrossAppAccess makes the server an identity provider that vouches for clients and users at
	// other authorization servers. If it is empty, that is off.
	CrossAppAccess []CrossAppAccess
	// IdentityProviders are servers, by issuer, that vouch for users here in this way. The client
	// must authenticate, and be registered for [GrantJWTBearer] or say so in its document.
	IdentityProviders map[string]IdentityProvider

	// Resources are the resources for which tokens may be requested with the parameter resource
	// (RFC 8707). The server's own userinfo endpoint, named by the issuer, is always one. Nil: the
	// parameter is ignored.
	Resources []string
	// AuthorizationDetailsTypes are the types of authorization details (RFC 9396) that are granted
	// as requested and passed on to resource servers. Nil: the parameter is ignored.
	AuthorizationDetailsTypes []string
	// ACRValues are authentication context classes, the weakest first. A sign-in has the class that
	// the request asks for with acr_values, or else the weakest. The classes do not differ in fact,
	// as there is only a password. Nil: the parameter is ignored.
	ACRValues []string

	// RegistrationToken, if set, switches on dynamic registration (RFC 7591) for callers that have
	// it. InsecureOpenRegistration lets anybody register, under any name, which users may believe.
	RegistrationToken        string
	InsecureOpenRegistration bool

	// ClientDocuments, if set, makes the server treat a client_id that is an https URL and that the
	// Store does not know as the URL of the client's metadata
	// (draft-ietf-oauth-client-id-metadata-document). The function answers as a GET of the URL
	// does, without following redirects; [GetClientDocuments] makes one. Such a client has no
	// secret and cannot act for itself. Documents are cached for a time, and evicted when the cache
	// is full.
	ClientDocuments func(uri string) (Response, error)

	// BackchannelLogout, if set, is called when a session ends, for each client with a
	// BackchannelLogoutURI, with the token that must be posted there (OpenID Connect Back-Channel
	// Logout section 2.5). It must not block; [PostLogoutTokens] makes one.
	BackchannelLogout func(uri, logoutToken string)
	// InsecurePrivateAddresses allows addresses that are not public, and loopback without TLS, in a
	// client's backchannel_logout_uri and jwks_uri and as its client_id: for tests. The transports
	// of [PostLogoutTokens] and [GetClientDocuments] must allow such addresses, too.
	InsecurePrivateAddresses bool

	// Limits are bounds on what the server stores for clients, accounts and addresses. The zero
	// value means the defaults.
	Limits Limits
	// TrustedProxies are the addresses of the host's own reverse proxies, for [Server.ServeHTTP].
	// The source of a request from one is the last address in its X-Forwarded-For that is not a
	// trusted proxy. If TrustedProxies is empty, all requests through a proxy count as the proxy's
	// own.
	TrustedProxies []netip.Prefix

	// DemoHint, if set, is shown on the sign-in page and fills in its fields, unless the request or
	// the user named another user.
	DemoHint *DemoHint

	// Rand is the source of secrets; nil means crypto/rand. The server holds a lock while it reads.
	Rand io.Reader
	// Now is the clock of [Server.ServeHTTP]; nil means time.Now. [Server.Handle] uses the time in
	// its request.
	Now func() time.Time
}

// User is an account that may sign in, with its claims of OpenID Connect Core section 5.1.
type User struct {
	Password string
	// Subject is the claim sub; empty means the username.
	Subject       string
	Name          string
	Email         string
	EmailVerified bool
}

// subject returns the claim sub of the user with this username.
func (u User) subject(username string) string {
	return cmp.Or(u.Subject, username)
}

// DemoHint lets a visitor sign in by pressing the button.
type DemoHint struct {
	// Text is shown above the form.
	Text string
	// Username and Password fill in the form. Both are in the page, where everyone can read them.
	Username, Password string
}

// check fills in the defaults and returns the issuer. Its error names the field.
func (c *Config) check() (*url.URL, error) {
	issuer, err := checkIssuer(c.Issuer)
	if err != nil {
		return nil, fault("Issuer", err.Error())
	}
	if c.Store == nil {
		return nil, fault("Store", "must be set; NewMemoryStore makes one")
	}
	if len(c.Users) == 0 {
		return nil, fault("Users", "must name someone who can sign in")
	}
	for name, u := range c.Users {
		if name == "" || u.Password == "" {
			return nil, fault("Users", fmt.Sprintf("user %q needs a username and a password", name))
		}
	}
	for _, s := range c.Scopes {
		if !isScopeToken(s.Name) || s.Description == "" {
			return nil, fault("Scopes", fmt.Sprintf("%q needs to be a scope token (RFC 6749 section 3.3) with a description", s.Name))
		}
	}
	for _, l := range []struct {
		field    string
		value    *time.Duration
		standard time.Duration
	}{
		{"CodeLifetime", &c.CodeLifetime, DefaultCodeLifetime},
		{"AccessTokenLifetime", &c.AccessTokenLifetime, DefaultAccessTokenLifetime},
		{"RefreshTokenLifetime", &c.RefreshTokenLifetime, DefaultRefreshTokenLifetime},
		{"DeviceCodeLifetime", &c.DeviceCodeLifetime, DefaultDeviceCodeLifetime},
		{"DeviceInterval", &c.DeviceInterval, DefaultDeviceInterval},
	} {
		if *l.value == 0 {
			*l.value = l.standard
		}
		// expires_in counts whole seconds.
		if *l.value < time.Second {
			return nil, fault(l.field, "must be a second or more")
		}
	}
	if c.DeviceInterval%time.Second != 0 {
		return nil, fault("DeviceInterval", "must be whole seconds")
	}
	if c.Limits.negative() {
		return nil, fault("Limits", "must not be negative")
	}
	c.Limits.fillIn()
	if c.RotationGrace < 0 {
		return nil, fault("RotationGrace", "must not be negative")
	}
	if c.MutualTLSOrigin != "" && !(isOrigin(c.MutualTLSOrigin) && strings.HasPrefix(c.MutualTLSOrigin, "https:")) {
		return nil, fault("MutualTLSOrigin", "must be an origin such as https://mtls.login.example")
	}
	for _, r := range c.Resources {
		if u, err := url.Parse(r); err != nil || !u.IsAbs() || strings.ContainsAny(r, "# \"\\") {
			return nil, fault("Resources", fmt.Sprintf("%q is not an absolute URI without a fragment (RFC 8707 section 2)", r))
		}
	}
	for _, a := range c.ACRValues {
		if !isScopeToken(a) {
			return nil, fault("ACRValues", fmt.Sprintf("%q is not a word", a))
		}
	}
	for issuer, set := range c.AssertionIssuers {
		if issuer == "" || !checkPublicKeys(set.Keys) {
			return nil, fault("AssertionIssuers", fmt.Sprintf("%q needs public keys, at most 20, RSA with 2048 bits or more", issuer))
		}
	}
	if err := c.checkCrossApp(); err != nil {
		return nil, err
	}
	for _, t := range c.InsecureResponseTypes {
		if !slices.Contains(responseTypes, sortedResponseType(t)) {
			return nil, fault("InsecureResponseTypes", fmt.Sprintf("%q is not supported", t))
		}
	}
	if c.DPoPNonceInterval < 0 {
		return nil, fault("DPoPNonceInterval", "must not be negative")
	}
	if c.SigningKey != nil && c.SigningKey.Curve != elliptic.P256() {
		return nil, fault("SigningKey", "must be on the curve P-256")
	}
	for _, o := range c.AllowedOrigins {
		if !isOrigin(o) {
			return nil, fault("AllowedOrigins", fmt.Sprintf("%q is not an origin such as https://app.example", o))
		}
	}
	if h := c.DemoHint; h != nil && h.Username != "" {
		if u, ok := c.Users[h.Username]; !ok || u.Password != h.Password {
			return nil, fault("DemoHint", "must hold the username and password of one of Users")
		}
	}
	return issuer, nil
}

func fault(field, why string) error {
	return fmt.Errorf("authserver: Config.%s: %s", field, why)
}

func checkIssuer(issuer string) (*url.URL, error) {
	u, err := url.Parse(issuer)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Hostname() == "":
		return nil, errors.New("must be a URL with a host, such as https://login.example")
	case u.Scheme != "https" && !(u.Scheme == "http" && isLoopbackHost(u.Hostname())):
		return nil, errors.New("must be https, or http on loopback (RFC 8414 section 2)")
	case strings.ContainsAny(issuer, "?#"):
		return nil, errors.New("must have no query and no fragment (RFC 8414 section 2)")
	case strings.HasSuffix(u.Path, "/") || strings.Contains(u.Path, "//") || u.EscapedPath() != u.Path:
		return nil, errors.New("must have a plain path without a final slash")
	}
	return u, nil
}

func isOrigin(s string) bool {
	u, err := url.Parse(s)
	return err == nil && slices.Contains([]string{"http", "https"}, u.Scheme) && u.Host != "" &&
		u.User == nil && s == u.Scheme+"://"+strings.ToLower(u.Host)
}

// grantTypes are the grant types that are switched on.
func (c *Config) grantTypes() []string {
	on := []string{GrantAuthorizationCode, GrantRefreshToken, GrantClientCredentials, GrantDeviceCode}
	if c.InsecurePasswordGrant {
		on = append(on, GrantPassword)
	}
	if len(c.AssertionIssuers) > 0 || len(c.IdentityProviders) > 0 {
		on = append(on, GrantJWTBearer)
	}
	if c.TokenExchange || len(c.CrossAppAccess) > 0 {
		on = append(on, GrantTokenExchange)
	}
	return on
}

// registers reports whether clients may register themselves.
func (c *Config) registers() bool {
	return c.RegistrationToken != "" || c.InsecureOpenRegistration
}

// responseTypes are the response types that are switched on.
func (c *Config) responseTypes() []string {
	on := []string{ResponseTypeCode}
	for _, t := range c.InsecureResponseTypes {
		if t = sortedResponseType(t); !slices.Contains(on, t) {
			on = append(on, t)
		}
	}
	return on
}

// checkCrossApp requires that identity providers are other servers: this server must not issue
// tokens for what it vouched for itself (draft-ietf-oauth-identity-assertion-authz-grant section
// 8.3).
func (c *Config) checkCrossApp() error {
	for _, a := range c.CrossAppAccess {
		_, scoped := splitScope(a.Scope)
		switch {
		case a.ClientID == "" || a.Audience == "" || !scoped || slices.Contains(a.Resources, ""):
			return fault("CrossAppAccess", fmt.Sprintf("client %q needs an audience, scope tokens and resources that are not empty", a.ClientID))
		case a.Audience == c.Issuer:
			return fault("CrossAppAccess", "must name another server than this one as Audience")
		case len(a.Resources) > maxIDJAGResources:
			return fault("CrossAppAccess", "must name 20 resources at most")
		}
	}
	for issuer, p := range c.IdentityProviders {
		switch {
		case issuer == c.Issuer:
			return fault("IdentityProviders", "must be other servers than this one")
		case p.JWKSURI != "" && (len(p.Keys.Keys) > 0 || c.ClientDocuments == nil || documentHost(p.JWKSURI) == ""):
			return fault("IdentityProviders", fmt.Sprintf("%q has a JWKSURI, which needs ClientDocuments, and no Keys beside it", issuer))
		case p.JWKSURI == "" && !checkPublicKeys(p.Keys.Keys):
			return fault("IdentityProviders", fmt.Sprintf("%q needs public keys, at most 20, RSA with 2048 bits or more", issuer))
		}
	}
	return nil
}
