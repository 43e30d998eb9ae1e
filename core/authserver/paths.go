package authserver

// Paths of the endpoints, relative to the issuer.
const (
	metadataPath            = "/.well-known/oauth-authorization-server"
	openIDMetadataPath      = "/.well-known/openid-configuration"
	jwksPath                = "/jwks"
	authorizePath           = "/authorize"
	deviceAuthorizationPath = "/device_authorization"
	parPath                 = "/par"
	devicePath              = "/device"
	endSessionPath          = "/logout"
	tokenPath               = "/token"
	registerPath            = "/register"
	revokePath              = "/revoke"
	introspectPath          = "/introspect"
	userinfoPath            = "/userinfo"
)
