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
	// IssuerTemplate is an issuer with {tenantid} in it, for a server of many tenants, as
	// Microsoft's for all of them: its metadata names the template, and its ID tokens the issuer
	// that it becomes with their claim tid. Issuer stands for all of them.
	IssuerTemplate string `json:"issuer_template,omitempty"`
	// Discovery reads the endpoints and the jwks_uri that are left empty here from the metadata of
	// Issuer (OpenID Connect Discovery section 4, RFC 8414 section 3 where there is none). It is
	// kept in the Store, and read again after a day.
	Discovery bool `json:"discovery,omitempty"`
	// MetadataURL is where that metadata is, for servers that have it in another place than their
	// issuer says, as Azure AD B2C has for each policy. The issuer in it must be Issuer all the
	// same.
	MetadataURL string `json:"metadata_url,omitempty"`
	// InsecureHTTPOrigins are origins, as http://keycloak:8080, to which requests may go
	// unprotected besides loopback, with tokens and secrets in them. That is safe only in a network
	// where nobody else listens. A redirect URI never stands there.
	InsecureHTTPOrigins []string `json:"insecure_http_origins,omitempty"`
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
	// wants another than its issuer.
	ClientAssertionAudience string `json:"client_assertion_audience,omitempty"`
	// ClientKeyID is the kid of Options.ClientKey at the server (RFC 7517 section 4.5).
	ClientKeyID string `json:"client_key_id,omitempty"`
	// RequestObjectSigningAlg signs authorization requests with Options.ClientKey, by that
	// algorithm (RFC 9101).
	RequestObjectSigningAlg Algorithm `json:"request_object_signing_alg,omitempty"`
	// DPoP binds access tokens to a key of the session's own, which Options.Keys keeps (RFC 9449):
	// whoever steals one cannot use it. An answer with a bearer token is an error then.
	DPoP bool `json:"dpop,omitempty"`
	// DPoPSigningAlg is the algorithm of that key; empty is ES256.
	DPoPSigningAlg Algorithm `json:"dpop_signing_alg,omitempty"`
	// Registration is what Register gave, as it is (RFC 7591 section 3.2.1). Its client_id,
	// client_secret, token_endpoint_auth_method, redirect_uris (where there is one),
	// id_token_signed_response_alg and dpop_bound_access_tokens stand for what is empty here.
	Registration any `json:"registration,omitempty"`
	// ClientMetadata is what Register sends, an object with the members of RFC 7591 section 2. With
	// it ClientID may be empty; Register and ResourceMetadata are all that works then.
	ClientMetadata any `json:"client_metadata,omitempty"`

	// AuthorizationEndpoint and TokenEndpoint are those of RFC 6749 section 3.
	AuthorizationEndpoint string `json:"authorization_endpoint,omitempty"`
	TokenEndpoint         string `json:"token_endpoint,omitempty"`
	// RefreshEndpoint is the token endpoint where it is empty; "none" means that the server does
	// not refresh tokens.
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
	// IntrospectionSignedResponseAlg wants the answers of Introspect to be signed by that algorithm
	// (RFC 9701).
	IntrospectionSignedResponseAlg Algorithm `json:"introspection_signed_response_alg,omitempty"`
	// RegistrationEndpoint is that of RFC 7591 section 3; see Register.
	RegistrationEndpoint string `json:"registration_endpoint,omitempty"`
	// EndSessionEndpoint is where a browser ends the user's session at the server (OpenID Connect
	// RP-Initiated Logout section 2).
	EndSessionEndpoint string `json:"end_session_endpoint,omitempty"`
	// PushedAuthorizationRequestEndpoint is that of RFC 9126 section 2; the client authenticates
	// there as at the token endpoint.
	PushedAuthorizationRequestEndpoint string `json:"pushed_authorization_request_endpoint,omitempty"`
	// PushedAuthorizationRequests says whether the authorization request goes to that endpoint
	// first, so that nothing of it but a reference is in the browser (RFC 9126 section 1): off,
	// offered (the default: where the server has the endpoint) or required, which the server's
	// metadata may make of offered (section 5).
	PushedAuthorizationRequests PushedRequests `json:"pushed_authorization_requests,omitempty"`
	// JWKSURI is where the keys are that verify ID tokens (RFC 7517 section 5). With scope openid
	// it or Discovery is needed.
	JWKSURI string `json:"jwks_uri,omitempty"`
	// DeviceAuthorizationEndpoint is that of RFC 8628 section 3.1. With it, what is stored of a
	// device flow is loaded at open.
	DeviceAuthorizationEndpoint string `json:"device_authorization_endpoint,omitempty"`
	// RedirectURI is where the authorization response arrives (RFC 6749 section 3.1.2).
	RedirectURI string `json:"redirect_uri,omitempty"`
	// Scope is requested where the call names none: scope-tokens separated by spaces (RFC 6749
	// section 3.3).
	Scope string `json:"scope,omitempty"`
	// TokenDestinations are the origins, with or without a path prefix, that may get the access
	// token: https, or http on loopback.
	TokenDestinations []string `json:"token_destinations,omitempty"`
	// ResourceDestinations may get the access token for another resource or scope, and not the
	// session's own. Of all destinations that a URL stands under, the longest counts.
	ResourceDestinations []ResourceDestination `json:"resource_destinations,omitempty"`
	// Resource are the URIs of where the access token is to be used, by which the server decides
	// what stands in it (RFC 8707). They say nothing of where it may go; TokenDestinations do.
	// TokenParams.Resource asks for one alone. Where the server takes one resource a token request,
	// leave this empty, and name all of them in Parameters.
	Resource []string `json:"resource,omitempty"`
	// Variables stand for {name} in the URLs of this configuration: letters, digits, "-" and ".".
	Variables map[string]string `json:"variables,omitempty"`

	// Name tells several clients apart in storage and events; the default is oauth2.
	Name string `json:"name,omitempty"`
	// UserAgent is sent with every request.
	UserAgent string `json:"user_agent,omitempty"`
	// Parameters are added to every authorization and device authorization request, as [name,
	// value]. A name may stand there more than once.
	Parameters [][2]string `json:"parameters,omitempty"`

	// ClockSkew is how long before its end a token is not used any more, but at most for a quarter
	// of its life. Nil leaves the default of 10 s.
	ClockSkew *time.Duration `json:"-"`
	// ClockTolerance is how far the clocks of client and server may be apart when the times of an
	// ID or logout token are judged. An hour at most; nil leaves the default of five minutes.
	ClockTolerance *time.Duration `json:"-"`
	// TrustedAudiences are other audiences that an ID token may name beside this client (OpenID
	// Connect Core section 3.1.3.7, 3).
	TrustedAudiences []string `json:"trusted_audiences,omitempty"`
	// AttemptLife is how long a sign-in may take, from a second to a day; 0 leaves the default of
	// ten minutes.
	AttemptLife time.Duration `json:"-"`
	// MaxAttempts is how many sign-ins may be under way at once, 1 to 64; one more forgets the
	// oldest. 0 leaves the default of 16.
	MaxAttempts int `json:"max_attempts,omitempty"`
	// AutoRefresh refreshes an access token when it is about to expire, where a refresh token is
	// held.
	AutoRefresh bool `json:"auto_refresh,omitempty"`
	// RefreshLead is how long before its end an access token is about to expire and the event
	// about_to_expire comes. With 0, or where it is not below the life of the token, that is 10 s
	// or 5 % of its life, the longer. With nil it is so too where AutoRefresh is set, and otherwise
	// there is no such event.
	RefreshLead *time.Duration `json:"-"`
	// RefreshTokenErrors are the server's names for a dead refresh token besides invalid_grant:
	// each the exact error and error_description of its answer, or the error alone where that can
	// mean nothing else. The token is then forgotten; any other error deletes nothing.
	RefreshTokenErrors [][]string `json:"refresh_token_errors,omitempty"`
	// RetryWindow is how long after it was first sent a refresh token whose answer was lost may be
	// sent once more. Nil leaves the default, a day; 0 switches that off.
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
	// TokenResponsePath is where in an answer of the token endpoint the tokens stand: member names
	// with dots between levels, as authed_user for the user tokens of Slack.
	TokenResponsePath string `json:"token_response_path,omitempty"`
	// AccessTokenOptional takes an answer with an ID token alone, as Azure AD B2C gives it without
	// a scope of an API. The session is granted then, with the token type N_A, and ends with the ID
	// token; what needs an access token fails with the code no_access_token.
	AccessTokenOptional bool `json:"access_token_optional,omitempty"`
	// RefreshWithScope names the requested scope when tokens are refreshed, as Microsoft Entra
	// wants it.
	RefreshWithScope bool `json:"refresh_with_scope,omitempty"`
	// CallbackParameters are names of further parameters of an authorization response that
	// Status.Unverified gives: the user of Apple, say, which comes with the first sign-in only.
	CallbackParameters []string `json:"callback_parameters,omitempty"`
	// TokenHeader is the header that carries the bare token to resources, in place of
	// "authorization: Bearer".
	TokenHeader string `json:"token_header,omitempty"`
	// LongLivedGrantType is the grant type with which the token endpoint changes an access token
	// for a long-lived one; see Extend.
	LongLivedGrantType string `json:"long_lived_grant_type,omitempty"`
	// Profile says how the provider tells who signed in; nil stands for the claims of OpenID
	// Connect.
	Profile *ProfileConfig `json:"profile,omitempty"`
	// AuthorizationResponseIssParameterSupported refuses authorization responses without iss (RFC
	// 9207 section 2.4).
	AuthorizationResponseIssParameterSupported bool `json:"authorization_response_iss_parameter_supported,omitempty"`
	// Nonce is automatic (the default: with scope openid only), enabled, or disabled, which scope
	// openid overrules (OpenID Connect Core section 3.1.2.1).
	Nonce NonceMode `json:"nonce,omitempty"`
	// IDTokenSignedResponseAlg are the algorithms that ID tokens may be signed with (RFC 7518
	// section 3.1, RFC 9864): RS, PS and ES with 256, 384 and 512, EdDSA and Ed25519. Empty stands
	// for all of these; none and HMAC are refused.
	IDTokenSignedResponseAlg []Algorithm `json:"id_token_signed_response_alg,omitempty"`
	// InsecureIDTokenUnverified keeps ID tokens as text that nobody has looked at; Status.Claims
	// then is empty. That is safe only where nothing is decided by them.
	InsecureIDTokenUnverified bool `json:"insecure_id_token_unverified,omitempty"`
	// InsecureNonceDisabled sends no nonce, with scope openid neither.
	InsecureNonceDisabled bool `json:"insecure_nonce_disabled,omitempty"`
}

// A ResourceDestination is where the access token for another resource or scope may go.
type ResourceDestination struct {
	// URL is an origin, with or without a path prefix: https, or http on loopback.
	URL string `json:"url"`
	// Resource is the URI of what the token is good for (RFC 8707 section 2), Scope what it is good
	// for there. One of them is needed.
	Resource string `json:"resource,omitempty"`
	Scope    string `json:"scope,omitempty"`
}

// ProfileConfig says how to read who signed in. A name of a member may have dots between levels;
// what is left empty is as OpenID Connect Core section 5.1 has it.
type ProfileConfig struct {
	// Endpoint is asked in place of Config.UserinfoEndpoint.
	Endpoint string `json:"endpoint,omitempty"`
	// ID, Email and EmailVerified are names of members; the defaults are sub, email and
	// email_verified. EmailVerified may name several, with spaces between them, which must all be
	// true.
	ID            string `json:"id,omitempty"`
	Email         string `json:"email,omitempty"`
	EmailVerified string `json:"email_verified,omitempty"`
	// EmailsEndpoint gives a list of objects with email, primary and verified. It is asked where
	// Endpoint says no e-mail.
	EmailsEndpoint string `json:"emails_endpoint,omitempty"`
}
