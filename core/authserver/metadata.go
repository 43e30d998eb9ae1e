package authserver

import "net/http"

// Paths of the endpoints, relative to the issuer.
const (
	metadataPath            = "/.well-known/oauth-authorization-server"
	openIDMetadataPath      = "/.well-known/openid-configuration"
	jwksPath                = "/jwks"
	authorizePath           = "/authorize"
	deviceAuthorizationPath = "/device_authorization"
	parPath                 = "/par"
	devicePath              = "/device"
	tokenPath               = "/token"
	revokePath              = "/revoke"
	introspectPath          = "/introspect"
	userinfoPath            = "/userinfo"
)

// grantTypes are what the token endpoint knows.
var grantTypes = []string{GrantAuthorizationCode, GrantRefreshToken, GrantClientCredentials, GrantDeviceCode}

// metadata is the authorization server metadata of RFC 8414 section 2 and of OpenID Connect Discovery section 3. What it leaves out would be
// taken for the default there, so response modes and the revocation methods are said too.
func (s *Server) metadata(*call) (Response, error) {
	at := func(path string) string { return s.cfg.Issuer + path }
	scopes := make([]string, len(s.scopes))
	for i, scope := range s.scopes {
		scopes[i] = scope.Name
	}
	challengeMethods := []string{ChallengeS256}
	if s.cfg.InsecurePlainPKCE {
		challengeMethods = append(challengeMethods, ChallengePlain)
	}
	secretMethods := []string{AuthMethodBasic, AuthMethodPost}
	authMethods := append([]string{AuthMethodNone}, secretMethods...)
	return jsonResponse(http.StatusOK, map[string]any{
		"issuer":                                         s.cfg.Issuer,
		"authorization_endpoint":                         at(authorizePath),
		"device_authorization_endpoint":                  at(deviceAuthorizationPath),
		"pushed_authorization_request_endpoint":          at(parPath),
		"require_pushed_authorization_requests":          s.cfg.RequirePAR,
		"dpop_signing_alg_values_supported":              asymmetricAlgs,
		"token_endpoint":                                 at(tokenPath),
		"revocation_endpoint":                            at(revokePath),
		"introspection_endpoint":                         at(introspectPath),
		"userinfo_endpoint":                              at(userinfoPath),
		"jwks_uri":                                       at(jwksPath),
		"scopes_supported":                               scopes,
		"response_types_supported":                       []string{ResponseTypeCode},
		"response_modes_supported":                       []string{"query"},
		"grant_types_supported":                          grantTypes,
		"subject_types_supported":                        []string{"public"},
		"id_token_signing_alg_values_supported":          []string{string(signingAlg)},
		"code_challenge_methods_supported":               challengeMethods,
		"token_endpoint_auth_methods_supported":          authMethods,
		"revocation_endpoint_auth_methods_supported":     authMethods,
		"introspection_endpoint_auth_methods_supported":  secretMethods,
		"authorization_response_iss_parameter_supported": true,
	}), nil
}
