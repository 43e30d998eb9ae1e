package oauth

import "time"

// Config is the configuration of a client. It is fixed when the client is opened; a change is a new
// client that loads the same session. Values are checked by the engine, which names the member that
// it refuses. Spans of time go to the engine in whole milliseconds.
//
// Its JSON is that of kind "client" in core/contract/README.md, so spans are in milliseconds there:
// clock_skew_ms, clock_tolerance_ms, attempt_life_ms, refresh_lead_ms and retry_window_ms.
type Config struct {
	// Issuer identifies the authorization server (RFC 8414 section 2, RFC 9207 section 2.4).
	Issuer string `json:"issuer,omitempty"`
	// IssuerTemplate is an issuer with {tenantid} in it, for servers with many tenants such as
	// Microsoft's: their metadata names the template, and an ID token names the template with its
	// claim tid filled in. Issuer is then the one for all tenants.
	IssuerTemplate string `json:"issuer_template,omitempty"`
	// Discovery reads the endpoints and the jwks_uri that are empty here from the metadata of
	// Issuer (OpenID Connect Discovery section 4; if there are none, RFC 8414 section 3). They are
	// cached in the Store, and read again after a day.
	Discovery bool `json:"discovery,omitempty"`
	// MetadataURL is the URL of that metadata, for servers that keep it elsewhere than the issuer
	// says (Azure AD B2C, for each policy). The metadata must still name Issuer.
	MetadataURL string `json:"metadata_url,omitempty"`
	// InsecureHTTPOrigins are origins, such as http://keycloak:8080, to which requests with tokens
	// and secrets may go without TLS. That is safe only in a network where nobody else listens. A
	// redirect URI on these origins is still refused.
	InsecureHTTPOrigins []string `json:"insecure_http_origins,omitempty"`
	// PrivateOrigins, if it is not nil, allows requests only to https and to public addresses, and
	// to these origins, such as https://login.corp.example or http://localhost:4000. That holds for
	// URLs, for metadata, and for the addresses to which names resolve when the host connects. See
	// Options.HTTP. A redirect URI must then be https, or on loopback.
	PrivateOrigins []string `json:"private_origins,omitzero"`
	// IdentityProvider is the client's configuration at the server where its users sign in, for
	// CrossAppAccess: Issuer, Discovery or TokenEndpoint, ClientID and the client authentication.
	IdentityProvider *Config `json:"identity_provider,omitempty"`
	// ClientID and ClientSecret are the client's credentials (RFC 6749 section 2.3). A public
	// client has no secret.
	ClientID     string `json:"client_id,omitempty"`
	ClientSecret string `json:"client_secret,omitempty"`
	// TokenEndpointAuthMethod is client_secret_basic (the default with a secret),
	// client_secret_post, client_secret_jwt, private_key_jwt (RFC 7523 section 2.2, with
	// Options.ClientKey), tls_client_auth or self_signed_tls_client_auth (RFC 8705 section 2, with
	// the certificate of Options.HTTP), or none (the default without a secret).
	TokenEndpointAuthMethod AuthMethod `json:"token_endpoint_auth_method,omitempty"`
	// TokenEndpointAuthSigningAlg is the algorithm of private_key_jwt; empty is ES256.
	TokenEndpointAuthSigningAlg Algorithm `json:"token_endpoint_auth_signing_alg,omitempty"`
	// ClientAssertionAudience is the aud of private_key_jwt and client_secret_jwt for a server that
	// expects another one than its issuer.
	ClientAssertionAudience string `json:"client_assertion_audience,omitempty"`
	// ClientKeyID is the kid of Options.ClientKey at the server (RFC 7517 section 4.5).
	ClientKeyID string `json:"client_key_id,omitempty"`
	// RequestObjectSigningAlg signs authorization requests with Options.ClientKey, by that
	// algorithm (RFC 9101).
	RequestObjectSigningAlg Algorithm `json:"request_object_signing_alg,omitempty"`
	// DPoP binds access tokens to a key that belongs to the session and that Options.Keys keeps
	// (RFC 9449). A thief cannot use a token without the key. If the server answers with a bearer
	// token, that is an error.
	DPoP bool `json:"dpop,omitempty"`
	// DPoPSigningAlg is the algorithm of that key; empty is ES256.
	DPoPSigningAlg Algorithm `json:"dpop_signing_alg,omitempty"`
	// Registration is the result of Register, unchanged (RFC 7591 section 3.2.1). Its client_id,
	// client_secret, token_endpoint_auth_method, redirect_uris (if there is only one),
	// id_token_signed_response_alg and dpop_bound_access_tokens set the members that are empty
	// here.
	Registration any `json:"registration,omitempty"`
	// ClientMetadata is what Register sends, an object with the members of RFC 7591 section 2. With
	// it ClientID may be empty; Register and ResourceMetadata are all that works then.
	ClientMetadata any `json:"client_metadata,omitempty"`

	// AuthorizationEndpoint and TokenEndpoint are those of RFC 6749 section 3.
	AuthorizationEndpoint string `json:"authorization_endpoint,omitempty"`
	TokenEndpoint         string `json:"token_endpoint,omitempty"`
	// RefreshEndpoint is where tokens are refreshed; empty is the token endpoint, and "none" means
	// that the server does not refresh tokens.
	RefreshEndpoint string `json:"refresh_endpoint,omitempty"`
	// RevocationEndpoint is that of RFC 7009, with its own method of client authentication.
	RevocationEndpoint           string     `json:"revocation_endpoint,omitempty"`
	RevocationEndpointAuthMethod AuthMethod `json:"revocation_endpoint_auth_method,omitempty"`
	// IntrospectionEndpointAuthMethod authenticates the introspection request only (RFC 7662
	// section 2.1).
	IntrospectionEndpointAuthMethod AuthMethod `json:"introspection_endpoint_auth_method,omitempty"`
	// UserinfoEndpoint is that of OpenID Connect Core section 5.3.
	UserinfoEndpoint string `json:"userinfo_endpoint,omitempty"`
	// IntrospectionEndpoint is that of RFC 7662 section 2, with its own method of client
	// authentication.
	IntrospectionEndpoint string `json:"introspection_endpoint,omitempty"`
	// IntrospectionSignedResponseAlg requires the answers of Introspect to be signed with that
	// algorithm (RFC 9701).
	IntrospectionSignedResponseAlg Algorithm `json:"introspection_signed_response_alg,omitempty"`
	// RegistrationEndpoint is that of RFC 7591 section 3; see Register.
	RegistrationEndpoint string `json:"registration_endpoint,omitempty"`
	// EndSessionEndpoint is where a browser ends the user's session at the server (OpenID Connect
	// RP-Initiated Logout section 2).
	EndSessionEndpoint string `json:"end_session_endpoint,omitempty"`
	// PushedAuthorizationRequestEndpoint is that of RFC 9126 section 2; the client authenticates
	// there as at the token endpoint.
	PushedAuthorizationRequestEndpoint string `json:"pushed_authorization_request_endpoint,omitempty"`
	// PushedAuthorizationRequests says whether the authorization request is sent to that endpoint
	// first, so that the browser only gets a reference to it (RFC 9126 section 1): off; offered
	// (the default: if the server has the endpoint); or required, which the server's metadata can
	// also demand (section 5).
	PushedAuthorizationRequests PushedRequests `json:"pushed_authorization_requests,omitempty"`
	// JWKSURI is where the keys are that verify ID tokens (RFC 7517 section 5). With scope openid
	// it or Discovery is needed.
	JWKSURI string `json:"jwks_uri,omitempty"`
	// DeviceAuthorizationEndpoint is that of RFC 8628 section 3.1. If it is set, Open also loads a
	// device flow from the Store.
	DeviceAuthorizationEndpoint string `json:"device_authorization_endpoint,omitempty"`
	// RedirectURI is where the authorization response arrives (RFC 6749 section 3.1.2).
	RedirectURI string `json:"redirect_uri,omitempty"`
	// Scope is requested if a call names none: scope-tokens separated by spaces (RFC 6749 section
	// 3.3).
	Scope string `json:"scope,omitempty"`
	// TokenDestinations are the origins, with or without a path prefix, that may get the access
	// token: https, or http on loopback.
	TokenDestinations []string `json:"token_destinations,omitempty"`
	// ResourceDestinations may get the access token for another resource or scope, and not the
	// session's own. If a URL is below several destinations, the longest decides.
	ResourceDestinations []ResourceDestination `json:"resource_destinations,omitempty"`
	// Resource are the URIs of the APIs for which tokens are requested (RFC 8707), all of them in
	// each request. They do not allow a token to be sent anywhere; TokenDestinations do.
	// TokenParams.Resource requests a token for one alone. If the server accepts only one resource
	// in a token request, leave this empty and put all of them into Parameters.
	Resource []string `json:"resource,omitempty"`
	// Variables stand for {name} in the URLs of this configuration: letters, digits, "-" and ".".
	Variables map[string]string `json:"variables,omitempty"`

	// Name tells several clients apart in storage and events; the default is oauth2.
	Name string `json:"name,omitempty"`
	// UserAgent is sent with every request.
	UserAgent string `json:"user_agent,omitempty"`
	// Parameters are added to every authorization and device authorization request, as [name,
	// value]. A name may occur more than once.
	Parameters [][2]string `json:"parameters,omitempty"`

	// ClockSkew is how long before its expiry a token is no longer used, at most a quarter of its
	// life. Nil leaves the default of 10 s.
	ClockSkew *time.Duration `json:"-"`
	// ClockTolerance is how far the clocks of client and server may be apart when the times of an
	// ID or logout token are judged. An hour at most; nil leaves the default of five minutes.
	ClockTolerance *time.Duration `json:"-"`
	// TrustedAudiences are other audiences that an ID token may name in addition to this client
	// (OpenID Connect Core section 3.1.3.7, 3).
	TrustedAudiences []string `json:"trusted_audiences,omitempty"`
	// AttemptLife is how long a sign-in may take, from a second to a day; 0 leaves the default of
	// ten minutes.
	AttemptLife time.Duration `json:"-"`
	// MaxAttempts is how many sign-ins may be under way at once, 1 to 64. Beginning one more
	// discards the oldest. 0 leaves the default of 16.
	MaxAttempts int `json:"max_attempts,omitempty"`
	// AutoRefresh refreshes an access token when it is about to expire, if there is a refresh
	// token.
	AutoRefresh bool `json:"auto_refresh,omitempty"`
	// RefreshLead is how long before the access token expires the event about_to_expire comes. 0,
	// or a value that is not shorter than the token's life, means 10 s or 5 % of its life,
	// whichever is longer. Nil means the same with AutoRefresh, and no such event without it.
	RefreshLead *time.Duration `json:"-"`
	// RefreshTokenErrors are the errors by which this server says that a refresh token is no longer
	// valid, in addition to invalid_grant. Each is the exact error and error_description of its
	// answer, or the error alone if it can mean nothing else. They delete the token; any other
	// error deletes nothing.
	RefreshTokenErrors [][]string `json:"refresh_token_errors,omitempty"`
	// RetryWindow limits the retry after a lost answer: a refresh token is sent again only within
	// this time after it was first sent. Nil leaves the default, a day; 0 switches the retry off.
	RetryWindow *time.Duration `json:"-"`

	// InsecurePKCEPlain and InsecurePKCENone weaken RFC 7636 for servers that cannot do S256.
	InsecurePKCEPlain bool `json:"insecure_pkce_plain,omitempty"`
	InsecurePKCENone  bool `json:"insecure_pkce_none,omitempty"`
	// PKCEVerifierLength is 43 to 128 characters (RFC 7636 section 4.1); 0 leaves the default.
	PKCEVerifierLength int `json:"pkce_verifier_length,omitempty"`
	// MissingTokenTypeIsBearer accepts token responses without the token_type that RFC 6749 section
	// 5.1 requires.
	MissingTokenTypeIsBearer bool `json:"missing_token_type_is_bearer,omitempty"`
	// BearerTokenTypes are other names that the server has for the token type Bearer.
	BearerTokenTypes []string `json:"bearer_token_types,omitempty"`
	// TokenResponsePath is where the tokens are in an answer of the token endpoint: member names
	// with dots between levels, such as authed_user for the user tokens of Slack.
	TokenResponsePath string `json:"token_response_path,omitempty"`
	// AccessTokenOptional accepts an answer with only an ID token, which Azure AD B2C gives when no
	// scope of an API is requested. The session is then granted, has the token type N_A and expires
	// with the ID token. What needs an access token fails with the code no_access_token.
	AccessTokenOptional bool `json:"access_token_optional,omitempty"`
	// RefreshWithScope sends the requested scope with each refresh, as Microsoft Entra requires.
	RefreshWithScope bool `json:"refresh_with_scope,omitempty"`
	// CallbackParameters are names of further parameters of an authorization response that
	// Status.Unverified gives, such as Apple's user, which comes only with the first sign-in.
	CallbackParameters []string `json:"callback_parameters,omitempty"`
	// TokenHeader is the header that carries the bare token to resources, in place of
	// "authorization: Bearer".
	TokenHeader string `json:"token_header,omitempty"`
	// LongLivedGrantType is the grant type with which the token endpoint exchanges an access token
	// for a long-lived one; see Extend.
	LongLivedGrantType string `json:"long_lived_grant_type,omitempty"`
	// Profile says where the provider tells who signed in; nil means the claims of OpenID Connect.
	Profile *ProfileConfig `json:"profile,omitempty"`
	// AuthorizationResponseIssParameterSupported refuses authorization responses without iss (RFC
	// 9207 section 2.4).
	AuthorizationResponseIssParameterSupported bool `json:"authorization_response_iss_parameter_supported,omitempty"`
	// Nonce is automatic (the default: a nonce only with scope openid), enabled, or disabled. With
	// scope openid a nonce is sent even if this says disabled (OpenID Connect Core section
	// 3.1.2.1).
	Nonce NonceMode `json:"nonce,omitempty"`
	// IDTokenSignedResponseAlg are the algorithms that ID tokens may be signed with (RFC 7518
	// section 3.1, RFC 9864): RS, PS and ES with 256, 384 and 512, EdDSA and Ed25519. Empty stands
	// for all of these; none and HMAC are refused.
	IDTokenSignedResponseAlg []Algorithm `json:"id_token_signed_response_alg,omitempty"`
	// InsecureIDTokenUnverified stores ID tokens without verifying them; Status.Claims is then
	// empty. That is safe only if nothing is decided by them.
	InsecureIDTokenUnverified bool `json:"insecure_id_token_unverified,omitempty"`
	// InsecureNonceDisabled sends no nonce, not even with scope openid.
	InsecureNonceDisabled bool `json:"insecure_nonce_disabled,omitempty"`
}

// A ResourceDestination is where the access token for another resource or scope may go.
type ResourceDestination struct {
	// URL is an origin, with or without a path prefix: https, or http on loopback.
	URL string `json:"url"`
	// Resource is the URI for which the token is valid (RFC 8707 section 2), Scope its scope there.
	// One of them is needed.
	Resource string `json:"resource,omitempty"`
	Scope    string `json:"scope,omitempty"`
}

// ProfileConfig says how to read who signed in. A member's name may have dots between levels. Empty
// members have the defaults of OpenID Connect Core section 5.1.
type ProfileConfig struct {
	// Endpoint is asked in place of Config.UserinfoEndpoint.
	Endpoint string `json:"endpoint,omitempty"`
	// ID, Email and EmailVerified are names of members; the defaults are sub, email and
	// email_verified. EmailVerified may name several, with spaces between them, which must all be
	// true.
	ID            string `json:"id,omitempty"`
	Email         string `json:"email,omitempty"`
	EmailVerified string `json:"email_verified,omitempty"`
	// EmailsEndpoint gives a list of objects with email, primary and verified. It is asked if
	// Endpoint gives no e-mail address.
	EmailsEndpoint string `json:"emails_endpoint,omitempty"`
}
