package authserver

import (
	"net/http"
	"slices"
)

// metadata is the authorization server metadata of RFC 8414 section 2 and of OpenID Connect
// Discovery section 3. An omitted member would mean its default there, so it also lists response
// modes and revocation methods.
func (s *Server) metadata(*call) (Response, error) {
	at := func(path string) string { return s.cfg.Issuer + path }
	challengeMethods := []string{ChallengeS256}
	if s.cfg.InsecurePlainPKCE {
		challengeMethods = append(challengeMethods, ChallengePlain)
	}
	provingMethods := []string{AuthMethodBasic, AuthMethodPost, AuthMethodSecretJWT, AuthMethodPrivateKeyJWT}
	if s.cfg.MutualTLSOrigin != "" {
		provingMethods = append(provingMethods, AuthMethodSelfSignedTLS)
	}
	authMethods := append([]string{AuthMethodNone}, provingMethods...)
	assertionAlgs := slices.Concat(asymmetricAlgs, secretAlgs)
	m := map[string]any{
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
		"end_session_endpoint":                           at(endSessionPath),
		"frontchannel_logout_supported":                  true,
		"frontchannel_logout_session_supported":          true,
		"backchannel_logout_supported":                   s.cfg.BackchannelLogout != nil,
		"backchannel_logout_session_supported":           s.cfg.BackchannelLogout != nil,
		"jwks_uri":                                       at(jwksPath),
		"scopes_supported":                               s.scopes.names(),
		"response_types_supported":                       s.cfg.responseTypes(),
		"response_modes_supported":                       responseModes,
		"grant_types_supported":                          s.cfg.grantTypes(),
		"subject_types_supported":                        []string{"public"},
		"id_token_signing_alg_values_supported":          []string{string(signingAlg)},
		"code_challenge_methods_supported":               challengeMethods,
		"token_endpoint_auth_methods_supported":          authMethods,
		"revocation_endpoint_auth_methods_supported":     authMethods,
		"introspection_endpoint_auth_methods_supported":  provingMethods,
		"authorization_response_iss_parameter_supported": true,

		"token_endpoint_auth_signing_alg_values_supported":         assertionAlgs,
		"revocation_endpoint_auth_signing_alg_values_supported":    assertionAlgs,
		"introspection_endpoint_auth_signing_alg_values_supported": assertionAlgs,

		"userinfo_signing_alg_values_supported":      []string{string(signingAlg)},
		"introspection_signing_alg_values_supported": []string{string(signingAlg)},
		"authorization_signing_alg_values_supported": []string{string(signingAlg)},

		"request_parameter_supported":                 true,
		"request_uri_parameter_supported":             false,
		"request_object_signing_alg_values_supported": asymmetricAlgs,
	}
	if s.cfg.ClientDocuments != nil {
		m["client_id_metadata_document_supported"] = true
	}
	if len(s.cfg.CrossAppAccess) > 0 {
		// draft-ietf-oauth-identity-assertion-authz-grant section 7.1.
		m["identity_chaining_requested_token_types_supported"] = []string{typeIDJAG}
	}
	if len(s.cfg.IdentityProviders) > 0 {
		m["authorization_grant_profiles_supported"] = []string{profileIDJAG} // section 7.2
	}
	if s.cfg.registers() {
		m["registration_endpoint"] = at(registerPath)
	}
	if len(s.cfg.ACRValues) > 0 {
		m["acr_values_supported"] = s.cfg.ACRValues
	}
	if len(s.cfg.Resources) > 0 {
		m["protected_resources"] = s.cfg.Resources // RFC 9728 section 4
	}
	if len(s.cfg.AuthorizationDetailsTypes) > 0 {
		m["authorization_details_types_supported"] = s.cfg.AuthorizationDetailsTypes // RFC 9396 section 10
	}
	if s.cfg.MutualTLSOrigin != "" {
		// RFC 8705 sections 3.3 and 5.
		aliases := map[string]string{}
		for name, path := range map[string]string{
			"token_endpoint": tokenPath, "revocation_endpoint": revokePath, "introspection_endpoint": introspectPath,
			"pushed_authorization_request_endpoint": parPath, "device_authorization_endpoint": deviceAuthorizationPath, "userinfo_endpoint": userinfoPath,
		} {
			aliases[name] = s.cfg.MutualTLSOrigin + s.issuer.Path + path
		}
		m["mtls_endpoint_aliases"] = aliases
		m["tls_client_certificate_bound_access_tokens"] = true
	}
	return jsonResponse(http.StatusOK, m), nil
}
