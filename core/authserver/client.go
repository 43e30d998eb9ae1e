package authserver

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// Client authentication methods (RFC 7591 section 2).
const (
	AuthMethodNone          = "none"
	AuthMethodBasic         = "client_secret_basic"
	AuthMethodPost          = "client_secret_post"
	AuthMethodSecretJWT     = "client_secret_jwt"           // OpenID Connect Core section 9
	AuthMethodPrivateKeyJWT = "private_key_jwt"             // RFC 7523
	AuthMethodSelfSignedTLS = "self_signed_tls_client_auth" // RFC 8705 section 2.2
)

// Grant types that the server supports.
const (
	GrantAuthorizationCode = "authorization_code"
	GrantRefreshToken      = "refresh_token"
	GrantClientCredentials = "client_credentials"
	GrantDeviceCode        = "urn:ietf:params:oauth:grant-type:device_code"
	GrantPassword          = "password"
	GrantJWTBearer         = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	GrantTokenExchange     = "urn:ietf:params:oauth:grant-type:token-exchange"
)

// grantTypes are all that the token endpoint supports, switched on or not.
var grantTypes = []string{
	GrantAuthorizationCode, GrantRefreshToken, GrantClientCredentials, GrantDeviceCode, GrantPassword, GrantJWTBearer, GrantTokenExchange,
}

// Client is a registered client, with the metadata names of RFC 7591 section 2.
type Client struct {
	ClientID string
	// ClientSecret is empty for a public client.
	ClientSecret string
	// GrantTypes are those that the client may use at the token endpoint; none means
	// authorization_code only. A refresh token is issued only to a client that has refresh_token
	// here. The device authorization endpoint answers only a client that has [GrantDeviceCode].
	GrantTypes []string
	// ResponseTypes are those that the client may request at the authorization endpoint, if they
	// are switched on; none means only code. Some have several words, such as "code id_token".
	ResponseTypes []string
	// RedirectURIs are compared as [Client.CheckRedirectURI] says.
	RedirectURIs []string
	// Scope is what the client may ask for, separated by spaces. It is also what the client gets if
	// it asks for no scope (RFC 6749 section 3.3). Empty means no scope.
	Scope string
	// AnyScope lets the client ask users for every scope that the server knows. Scope is then what
	// the client gets if it asks for no scope, and what it may have without a user. Clients that
	// anybody may register have AnyScope: MCP clients register for the scope of their first
	// sign-in, and ask for more later.
	AnyScope bool
	// User is the account that registered the client. The server stores it and does not use it.
	User string
	// TokenEndpointAuthMethod is one of the methods above. It applies to all endpoints that
	// authenticate clients. If it is empty, a client without a secret uses none, and a client with
	// a secret uses client_secret_basic or client_secret_post.
	TokenEndpointAuthMethod string
	// JWKS are the public keys with which the client's assertions and request objects are verified;
	// at most 20. With self_signed_tls_client_auth each has the member x5t#S256 of a certificate.
	JWKS jose.JSONWebKeySet
	// RequireSignedRequestObject refuses authorization requests that are not signed (RFC 9101
	// section 10.5).
	RequireSignedRequestObject bool
	// TLSClientCertificateBoundAccessTokens binds the client's access tokens to the certificate of
	// its connection (RFC 8705 section 3).
	TLSClientCertificateBoundAccessTokens bool
	// ResourceServer lets the client introspect the access tokens of all clients (RFC 7662 section
	// 2.1). It does not see tokens that are limited to resources outside Resources. Without
	// ResourceServer a client sees only its own tokens.
	ResourceServer bool
	// Resources are the identifiers of the resources (RFC 8707 section 2) that the client serves as
	// a ResourceServer.
	Resources []string
	// ExchangeTargets are resources, of Config.Resources. The client, as a ResourceServer, may
	// exchange access tokens that other clients sent to it for tokens for these resources (RFC 8693
	// section 2.1). If there are none, the client may exchange only tokens that were issued to
	// itself, for resources that were granted to it.
	ExchangeTargets []string
	// RequirePushedAuthorizationRequests refuses authorization requests that were not pushed (RFC
	// 9126 section 6).
	RequirePushedAuthorizationRequests bool
	// DPoPBoundAccessTokens means that the client gets no access token without a DPoP proof (RFC
	// 9449 section 5.2).
	DPoPBoundAccessTokens bool
	// PostLogoutRedirectURIs are where the user may go after signing out, compared byte for byte.
	PostLogoutRedirectURIs []string
	// BackchannelLogoutURI and FrontchannelLogoutURI are notified when a session ends in which the
	// user signed in to the client.
	BackchannelLogoutURI, FrontchannelLogoutURI string
	// UserinfoSignedResponseAlg makes userinfo answer with a signed JWT: empty or ES256.
	UserinfoSignedResponseAlg string
	// Name is shown to the user. If it is empty, ClientID is shown.
	Name string
	// URI is the client's home page (client_uri). Pages that cannot send the user back to the
	// redirect URI link to it; if it is empty, they have no link.
	URI string

	// ofDocument means that the client is described only by its metadata document. Its keys may be
	// at jwksURI.
	ofDocument bool
	jwksURI    string
}

// Validate returns an error that names the field if the client cannot be registered.
func (c Client) Validate() error {
	fault := func(field, why string) error {
		return fmt.Errorf("authserver: Client.%s: %s (client %q)", field, why, c.ClientID)
	}
	if c.ClientID == "" || !isVSCHAR(c.ClientID) {
		return fault("ClientID", "must be printable ASCII, not empty")
	}
	hasKeys := len(c.JWKS.Keys) > 0 || c.jwksURI != ""
	switch c.TokenEndpointAuthMethod {
	case "":
	case AuthMethodNone:
		if c.ClientSecret != "" {
			return fault("ClientSecret", "must be empty with the method none")
		}
	case AuthMethodBasic, AuthMethodPost:
		if c.ClientSecret == "" {
			return fault("ClientSecret", "must be set with the method "+c.TokenEndpointAuthMethod)
		}
	case AuthMethodSecretJWT:
		if len(c.ClientSecret) < 32 {
			return fault("ClientSecret", "must have 32 bytes or more with the method client_secret_jwt (RFC 7518 section 3.2)")
		}
	case AuthMethodPrivateKeyJWT, AuthMethodSelfSignedTLS:
		if c.ClientSecret != "" {
			return fault("ClientSecret", "must be empty with the method "+c.TokenEndpointAuthMethod)
		}
		if !hasKeys {
			return fault("JWKS", "must be set with the method "+c.TokenEndpointAuthMethod)
		}
	default:
		return fault("TokenEndpointAuthMethod", "is not supported")
	}
	if len(c.JWKS.Keys) > 0 && !checkPublicKeys(c.JWKS.Keys) {
		return fault("JWKS", "must be public keys, at most 20, RSA with 2048 bits or more")
	}
	if c.RequireSignedRequestObject && !hasKeys {
		return fault("JWKS", "must be set where request objects are required")
	}
	for _, g := range c.GrantTypes {
		if !slices.Contains(grantTypes, g) {
			return fault("GrantTypes", fmt.Sprintf("%q is not supported", g))
		}
		if (g == GrantClientCredentials || g == GrantTokenExchange) && c.IsPublic() {
			return fault("GrantTypes", g+" needs a client that authenticates (RFC 6749 section 4.4, RFC 8693 section 2.1)")
		}
	}
	if c.ResourceServer && c.IsPublic() {
		return fault("ResourceServer", "needs a secret (RFC 7662 section 2.1)")
	}
	if (len(c.Resources) > 0 || len(c.ExchangeTargets) > 0) && !c.ResourceServer {
		return fault("ResourceServer", "must be set with Resources or ExchangeTargets")
	}
	if c.UserinfoSignedResponseAlg != "" && c.UserinfoSignedResponseAlg != string(signingAlg) {
		return fault("UserinfoSignedResponseAlg", "must be "+string(signingAlg))
	}
	for _, r := range c.ResponseTypes {
		if !slices.Contains(responseTypes, sortedResponseType(r)) {
			return fault("ResponseTypes", fmt.Sprintf("%q is not supported", r))
		}
	}
	for _, u := range c.RedirectURIs {
		if err := validateRedirectURI(u); err != nil {
			return fault("RedirectURIs", fmt.Sprintf("%q %v", u, err))
		}
	}
	for _, u := range c.PostLogoutRedirectURIs {
		if err := validateRedirectURI(u); err != nil {
			return fault("PostLogoutRedirectURIs", fmt.Sprintf("%q %v", u, err))
		}
	}
	if u, err := url.Parse(c.URI); err != nil || c.URI != "" && (u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
		return fault("URI", fmt.Sprintf("%q is not an http or https URL", c.URI))
	}
	for field, u := range map[string]string{"BackchannelLogoutURI": c.BackchannelLogoutURI, "FrontchannelLogoutURI": c.FrontchannelLogoutURI} {
		if err := validateRedirectURI(u); u != "" && (err != nil || !strings.HasPrefix(u, "http")) {
			return fault(field, "must be https, or http on loopback")
		}
	}
	if _, ok := splitScope(c.Scope); !ok {
		return fault("Scope", "must be scope tokens separated by single spaces (RFC 6749 section 3.3)")
	}
	return nil
}

func validateRedirectURI(uri string) error {
	u, err := url.Parse(uri)
	if err != nil || !isVSCHAR(uri) || strings.ContainsAny(uri, " \\") {
		return errors.New("is not a URI")
	}
	switch {
	case !u.IsAbs():
		return errors.New("must be absolute (RFC 6749 section 3.1.2)")
	case strings.Contains(uri, "#"):
		return errors.New("must have no fragment (RFC 6749 section 3.1.2)")
	case u.User != nil:
		return errors.New("must have no user information")
	}
	switch u.Scheme {
	case "https":
		if u.Host == "" {
			return errors.New("must have a host")
		}
	case "http":
		// RFC 6749 section 3.1.2.1 requires TLS. RFC 8252 section 8.3 exempts loopback.
		if !isLoopbackHost(u.Hostname()) {
			return errors.New("must be https, or http on loopback")
		}
	default:
		// A private-use scheme is a reversed domain name. The required dot excludes javascript:,
		// data: and similar schemes (RFC 8252 section 7.1).
		if !strings.Contains(u.Scheme, ".") {
			return errors.New("must be https, http on loopback, or a private-use scheme with a dot")
		}
	}
	return nil
}

// IsPublic reports whether the client has no means to authenticate (RFC 6749 section 2.1).
func (c Client) IsPublic() bool {
	switch c.TokenEndpointAuthMethod {
	case AuthMethodPrivateKeyJWT, AuthMethodSelfSignedTLS:
		return false
	}
	return c.ClientSecret == ""
}

// CheckRedirectURI reports whether uri is registered. It compares byte for byte (RFC 9700 section
// 2.1), with one exception: if a public client registered http on a loopback address literal, the
// port may differ (RFC 8252 section 7.3).
func (c Client) CheckRedirectURI(uri string) bool {
	if slices.Contains(c.RedirectURIs, uri) {
		return true
	}
	if !c.IsPublic() {
		return false
	}
	host, rest, ok := splitLoopback(uri)
	return ok && slices.ContainsFunc(c.RedirectURIs, func(registered string) bool {
		h, r, ok := splitLoopback(registered)
		return ok && h == host && r == rest
	})
}

// CheckPostLogoutRedirectURI reports whether uri is registered for use after a sign-out.
func (c Client) CheckPostLogoutRedirectURI(uri string) bool {
	return slices.Contains(c.PostLogoutRedirectURIs, uri)
}

// CheckGrantType reports whether the client may use grantType.
func (c Client) CheckGrantType(grantType string) bool {
	if len(c.GrantTypes) == 0 {
		return grantType == GrantAuthorizationCode
	}
	return slices.Contains(c.GrantTypes, grantType)
}

// CheckResponseType reports whether the client may use responseType.
func (c Client) CheckResponseType(responseType string) bool {
	if len(c.ResponseTypes) == 0 {
		return responseType == ResponseTypeCode
	}
	return slices.ContainsFunc(c.ResponseTypes, func(t string) bool { return sortedResponseType(t) == sortedResponseType(responseType) })
}

// askableScope returns the part of the known scopes that the client may ask a user for.
func (c Client) askableScope(asked string, known scopes) string {
	if c.AnyScope && asked != "" {
		return strings.Join(known.names(), " ")
	}
	return c.Scope
}

// checkAuthMethod reports whether the client may authenticate with this method.
func (c Client) checkAuthMethod(method string) bool {
	if c.TokenEndpointAuthMethod != "" {
		return c.TokenEndpointAuthMethod == method
	}
	if c.IsPublic() {
		return method == AuthMethodNone
	}
	return method == AuthMethodBasic || method == AuthMethodPost
}

// hasCertificate reports whether the client registered the certificate with this SHA-256, in
// base64url (RFC 8705 section 2.2.2).
func (c Client) hasCertificate(thumbprint string) bool {
	return thumbprint != "" && slices.ContainsFunc(c.JWKS.Keys, func(k jose.JSONWebKey) bool {
		return constantTimeEqual(base64.RawURLEncoding.EncodeToString(k.CertificateThumbprintSHA256), thumbprint)
	})
}

func (c Client) checkSecret(secret string) bool {
	return c.ClientSecret != "" && equalSecret(c.ClientSecret, secret)
}

func (c Client) displayName() string {
	if c.Name != "" {
		return c.Name
	}
	return c.ClientID
}

// equalSecret compares in constant time: the time reveals neither where the two differ nor how long
// they are.
func equalSecret(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// splitLoopback removes the port from an http URI on a loopback address literal. It works on the
// text, so two URIs with the same parts can differ in nothing but the port.
func splitLoopback(uri string) (host, rest string, ok bool) {
	after, ok := strings.CutPrefix(uri, "http://")
	if !ok || strings.Contains(uri, "#") {
		return "", "", false
	}
	end := strings.IndexAny(after, "/?")
	if end < 0 {
		end = len(after)
	}
	host, rest = after[:end], after[end:]
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		port, err := strconv.ParseUint(host[i+1:], 10, 16)
		if err != nil || port == 0 {
			return "", "", false
		}
		host = host[:i]
	}
	literal := host
	if strings.HasPrefix(literal, "[") && strings.HasSuffix(literal, "]") {
		literal = literal[1 : len(literal)-1]
	}
	// The name localhost does not count: it may resolve elsewhere (RFC 8252 section 8.3).
	addr, err := netip.ParseAddr(literal)
	if err != nil || !addr.IsLoopback() || addr.Is6() != (host != literal) {
		return "", "", false
	}
	return host, rest, true
}

func isLoopbackHost(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// isVSCHAR reports whether s has only VSCHAR characters (RFC 6749 appendix A).
func isVSCHAR(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}
