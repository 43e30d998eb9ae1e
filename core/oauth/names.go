package oauth

// The names of the contract (core/contract/README.md), with a type for each kind. A later engine
// may use names that are not here.

// An ErrorKind says what failed; Error.Code says which error it is exactly.
type ErrorKind string

const (
	// KindNetwork: a request got no answer.
	KindNetwork ErrorKind = "network"
	// KindServer: the server refused, or its answer cannot be used.
	KindServer ErrorKind = "server"
	// KindTokenNotFound: the answer lacks a required member.
	KindTokenNotFound ErrorKind = "token_not_found"
	// KindCallbackNotVerified: the response does not belong to a sign-in of this client.
	KindCallbackNotVerified ErrorKind = "callback_not_verified"
	// KindIDTokenNotVerified: a token that the server signed, or should have signed, is not valid.
	KindIDTokenNotVerified ErrorKind = "id_token_not_verified"
	// KindClient: the configuration, a parameter, or the session's state does not allow the
	// command.
	KindClient ErrorKind = "client"
	// KindExpired: a token, an attempt or a device code has expired.
	KindExpired ErrorKind = "expired"
	// KindStorage: the Store failed.
	KindStorage ErrorKind = "storage"
	// KindCancelled: the caller cancelled the command.
	KindCancelled ErrorKind = "cancelled"
	// KindInternal: the engine was lost or refused a message.
	KindInternal ErrorKind = "internal"
)

// A SessionStatus is the state of a session.
type SessionStatus string

const (
	StatusNotAuthenticated             SessionStatus = "not_authenticated"
	StatusTemporaryCredentialsReceived SessionStatus = "temporary_credentials_received"
	StatusGranted                      SessionStatus = "granted"
	StatusRefreshing                   SessionStatus = "refreshing"
)

// A Change is what another client of the same Store did to the session.
type Change string

const (
	ChangeSignedIn  Change = "signed_in"
	ChangeSignedOut Change = "signed_out"
	ChangeRefreshed Change = "refreshed"
	// ChangeOtherAccount: another sign-in replaced the session, and no ID tokens show that it is
	// the same user.
	ChangeOtherAccount Change = "other_account"
)

// An EventName says what happened.
type EventName string

const (
	// EventStatus: the status changed.
	EventStatus EventName = "status"
	// EventGranted: there is a new access token.
	EventGranted EventName = "granted"
	// EventAboutToExpire: the access token expires soon; see Config.RefreshLead.
	EventAboutToExpire EventName = "about_to_expire"
	// EventExpired: the access token has expired and nothing can renew it.
	EventExpired EventName = "expired"
	// EventServerError: the server answered with an error of the protocol. EventRequestFailed
	// follows.
	EventServerError EventName = "server_error"
	// EventRequestFailed: a request failed, for whatever reason.
	EventRequestFailed EventName = "request_failed"
	// EventNotPersisted: the Store failed, the tokens are held in memory only.
	EventNotPersisted EventName = "not_persisted"
	// EventSessionRefused: the stored session has another configuration or format. It was not
	// changed.
	EventSessionRefused EventName = "session_refused"
	// EventAuthorizeWithUserCode: show the user code to the user.
	EventAuthorizeWithUserCode EventName = "authorize_with_user_code"
	// EventDevice: the device flow changed.
	EventDevice EventName = "device"
	// EventChanged: another client of the same Store changed the session.
	EventChanged EventName = "changed"
	// EventRestarted comes from this package: the engine was lost and opened again, and commands
	// under way failed.
	EventRestarted EventName = "restarted"
)

// An AuthMethod is how a client authenticates at an endpoint (RFC 6749 section 2.3.1, RFC 7523, RFC
// 8705).
type AuthMethod string

const (
	AuthNone                AuthMethod = "none"
	AuthClientSecretBasic   AuthMethod = "client_secret_basic"
	AuthClientSecretPost    AuthMethod = "client_secret_post"
	AuthClientSecretJWT     AuthMethod = "client_secret_jwt"
	AuthPrivateKeyJWT       AuthMethod = "private_key_jwt"
	AuthTLSClient           AuthMethod = "tls_client_auth"
	AuthTLSClientSelfSigned AuthMethod = "self_signed_tls_client_auth"
)

// An Algorithm signs (RFC 7518 section 3.1, RFC 8037, RFC 9864).
type Algorithm string

const (
	RS256   Algorithm = "RS256"
	RS384   Algorithm = "RS384"
	RS512   Algorithm = "RS512"
	PS256   Algorithm = "PS256"
	PS384   Algorithm = "PS384"
	PS512   Algorithm = "PS512"
	ES256   Algorithm = "ES256"
	ES384   Algorithm = "ES384"
	ES512   Algorithm = "ES512"
	EdDSA   Algorithm = "EdDSA"
	Ed25519 Algorithm = "Ed25519"
)

// A PKCEMethod is how a code is bound to its request (RFC 7636 section 4.3).
type PKCEMethod string

const (
	PKCES256  PKCEMethod = "S256"
	PKCEPlain PKCEMethod = "plain"
	PKCENone  PKCEMethod = "none"
)

// A Prompt says what the server shall show the user (OpenID Connect Core section 3.1.2.1). It may
// contain several values, with spaces between them.
type Prompt string

const (
	PromptNone          Prompt = "none"
	PromptLogin         Prompt = "login"
	PromptConsent       Prompt = "consent"
	PromptSelectAccount Prompt = "select_account"
	PromptCreate        Prompt = "create"
)

// A ResponseMode is how the authorization response comes back: in the URL or in a form that the
// browser posts (OAuth 2.0 Form Post Response Mode), and with JWT in its name signed by the server
// (JWT Secured Authorization Response Mode section 2.3).
type ResponseMode string

const (
	ResponseQuery       ResponseMode = "query"
	ResponseFormPost    ResponseMode = "form_post"
	ResponseJWT         ResponseMode = "jwt"
	ResponseQueryJWT    ResponseMode = "query.jwt"
	ResponseFormPostJWT ResponseMode = "form_post.jwt"
)

// PushedRequests says whether authorization requests are pushed (RFC 9126).
type PushedRequests string

const (
	PushedOff      PushedRequests = "off"
	PushedOffered  PushedRequests = "offered"
	PushedRequired PushedRequests = "required"
)

// A NonceMode says when a nonce is sent.
type NonceMode string

const (
	NonceAutomatic NonceMode = "automatic"
	NonceEnabled   NonceMode = "enabled"
	NonceDisabled  NonceMode = "disabled"
)

// A TokenTypeHint says which of two tokens is meant (RFC 7009 section 2.1, RFC 7662 section 2.1).
type TokenTypeHint string

const (
	HintAccessToken  TokenTypeHint = "access_token"
	HintRefreshToken TokenTypeHint = "refresh_token"
)

// A TokenTypeURI is the type of a token in a token exchange (RFC 8693 section 3). Servers may
// define more.
type TokenTypeURI string

const (
	TokenTypeAccessToken  TokenTypeURI = "urn:ietf:params:oauth:token-type:access_token"
	TokenTypeRefreshToken TokenTypeURI = "urn:ietf:params:oauth:token-type:refresh_token"
	TokenTypeIDToken      TokenTypeURI = "urn:ietf:params:oauth:token-type:id_token"
	TokenTypeSAML1        TokenTypeURI = "urn:ietf:params:oauth:token-type:saml1"
	TokenTypeSAML2        TokenTypeURI = "urn:ietf:params:oauth:token-type:saml2"
	TokenTypeJWT          TokenTypeURI = "urn:ietf:params:oauth:token-type:jwt"
	TokenTypeIDJAG        TokenTypeURI = "urn:ietf:params:oauth:token-type:id-jag" // draft-ietf-oauth-identity-assertion-authz-grant
)

// A Stage says what a request is for.
type Stage string

const (
	StageAuthorization       Stage = "authorization"
	StageToken               Stage = "token"
	StageRefresh             Stage = "refresh"
	StageDeviceAuthorization Stage = "device_authorization"
	StagePolling             Stage = "polling"
	StageRevocation          Stage = "revocation"
	StageUserinfo            Stage = "userinfo"
	StageDiscovery           Stage = "discovery"
	StageKeys                Stage = "jwks"
	StagePushedAuthorization Stage = "pushed_authorization"
	StageIntrospection       Stage = "introspection"
	StageRegistration        Stage = "registration"
	StageResourceMetadata    Stage = "resource_metadata"
)

// An EffectKind says what the engine asked for.
type EffectKind string

const (
	EffectHTTP        EffectKind = "http"
	EffectHTTPCancel  EffectKind = "http-cancel"
	EffectTimer       EffectKind = "timer"
	EffectTimerCancel EffectKind = "timer-cancel"
	EffectLoad        EffectKind = "load"
	EffectStore       EffectKind = "store"
	EffectLock        EffectKind = "lock"
	EffectUnlock      EffectKind = "unlock"
	EffectHook        EffectKind = "hook"
	EffectKey         EffectKind = "key"
	EffectSign        EffectKind = "sign"
	EffectVerify      EffectKind = "verify"
	EffectEvent       EffectKind = "event"
	EffectResult      EffectKind = "result"
)
