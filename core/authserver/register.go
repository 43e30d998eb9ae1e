package authserver

import (
	"encoding/json"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// clientMetadata is a client's metadata, in the request and in the answer (RFC 7591 section 2, and
// the registries of the RFCs that extend it).
type clientMetadata struct {
	RedirectURIs                          []string            `json:"redirect_uris,omitempty"`
	TokenEndpointAuthMethod               string              `json:"token_endpoint_auth_method"`
	GrantTypes                            []string            `json:"grant_types"`
	ResponseTypes                         []string            `json:"response_types"`
	ClientName                            string              `json:"client_name,omitempty"`
	Scope                                 string              `json:"scope"`
	JWKS                                  *jose.JSONWebKeySet `json:"jwks,omitempty"`
	JWKSURI                               string              `json:"jwks_uri,omitempty"`
	PostLogoutRedirectURIs                []string            `json:"post_logout_redirect_uris,omitempty"`
	BackchannelLogoutURI                  string              `json:"backchannel_logout_uri,omitempty"`
	FrontchannelLogoutURI                 string              `json:"frontchannel_logout_uri,omitempty"`
	RequirePushedAuthorizationRequests    bool                `json:"require_pushed_authorization_requests,omitempty"`
	RequireSignedRequestObject            bool                `json:"require_signed_request_object,omitempty"`
	DPoPBoundAccessTokens                 bool                `json:"dpop_bound_access_tokens,omitempty"`
	TLSClientCertificateBoundAccessTokens bool                `json:"tls_client_certificate_bound_access_tokens,omitempty"`
	UserinfoSignedResponseAlg             string              `json:"userinfo_signed_response_alg,omitempty"`
}

// registration is the successful response of RFC 7591 section 3.2.1.
type registration struct {
	ClientID         string `json:"client_id"`
	ClientSecret     string `json:"client_secret,omitempty"`
	ClientIDIssuedAt int64  `json:"client_id_issued_at"`
	// ClientSecretExpiresAt is 0 (never) if there is a secret.
	ClientSecretExpiresAt *int64 `json:"client_secret_expires_at,omitempty"`
	clientMetadata
}

// register is the client registration endpoint (RFC 7591 section 3).
func (s *Server) register(c *call) (Response, error) {
	if !s.cfg.InsecureOpenRegistration {
		scheme, token, _ := strings.Cut(c.Header.Get("Authorization"), " ")
		right := strings.EqualFold(scheme, tokenTypeBearer) && equalSecret(strings.TrimSpace(token), s.cfg.RegistrationToken)
		if err := s.limiter.settle(c, holderRegistration, right); err != nil {
			return Response{}, err
		}
		if !right {
			return Response{}, s.accessError(Access{}, false, http.StatusUnauthorized, "invalid_token", "the initial access token is not valid")
		}
	}
	invalid := func(why string) (Response, error) { return Response{}, badRequest("invalid_client_metadata", why) }
	mediaType, _, err := mime.ParseMediaType(c.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/json" {
		return invalid("the Content-Type must be application/json")
	}
	var m clientMetadata
	if json.Unmarshal(c.Body, &m) != nil {
		return invalid("the client metadata cannot be read")
	}
	if m.JWKSURI != "" {
		return invalid("jwks_uri is not supported; jwks is")
	}
	s.fillIn(&m)
	client, err := s.newClient(m)
	if err != nil {
		return Response{}, err
	}
	client.AnyScope = s.cfg.InsecureOpenRegistration
	if why := s.cannotServe(client); why != "" {
		return invalid(why)
	}
	for _, uri := range client.RedirectURIs {
		if validateRedirectURI(uri) != nil {
			return Response{}, badRequest("invalid_redirect_uri", "a redirect URI is not allowed")
		}
	}
	if len(client.RedirectURIs) == 0 && client.CheckGrantType(GrantAuthorizationCode) {
		return Response{}, badRequest("invalid_redirect_uri", "a redirect URI is needed")
	}
	if client.Validate() != nil {
		return invalid("the client metadata contradict themselves or are not supported")
	}
	if err := s.admitClient(c); err != nil {
		return Response{}, err
	}
	if err := s.cfg.Store.AddClient(client); err != nil {
		return Response{}, err
	}
	answer := registration{ClientID: client.ClientID, ClientSecret: client.ClientSecret, ClientIDIssuedAt: c.Now.Unix(), clientMetadata: m}
	if client.ClientSecret != "" {
		answer.ClientSecretExpiresAt = new(int64)
	}
	return jsonResponse(http.StatusCreated, answer), nil
}

// openGrants are the grants of a client that anybody may register: with these a user is asked, or
// there is no user. With others such a client would get tokens of users who allowed nothing (RFC
// 7591 section 5).
var openGrants = []string{GrantAuthorizationCode, GrantRefreshToken, GrantDeviceCode, GrantClientCredentials}

// clientMonths is how many times the hourly limit may be registered in thirty days, as clients do
// not expire.
const clientMonths = 10

// admitClient counts a client that registers itself, by the size of its metadata.
func (s *Server) admitClient(c *call) error {
	limit, weight := s.cfg.Limits.Registrations, 1+len(c.Body)>>10
	if err := s.limiter.admit(c, countRegister, "", limit, weight, time.Hour); err != nil {
		return err
	}
	return s.limiter.counts.admit(c.Now, false, share{countRegister, "all", clientMonths * limit.Owner, weight, 30 * 24 * time.Hour})
}

// fillIn sets the defaults of RFC 7591 section 2.
func (s *Server) fillIn(m *clientMetadata) {
	if m.TokenEndpointAuthMethod == "" {
		m.TokenEndpointAuthMethod = AuthMethodBasic
	}
	// The grant "implicit" only accompanies response types, which are checked separately.
	m.GrantTypes = slices.DeleteFunc(m.GrantTypes, func(g string) bool { return g == "implicit" })
	if len(m.GrantTypes) == 0 {
		m.GrantTypes = []string{GrantAuthorizationCode}
	}
	if len(m.ResponseTypes) == 0 {
		m.ResponseTypes = []string{ResponseTypeCode}
	}
	if m.Scope == "" {
		m.Scope = strings.Join(s.scopes.names(), " ")
	}
}

// newClient makes the identifier and, if the method needs one, the secret.
func (s *Server) newClient(m clientMetadata) (Client, error) {
	id, err := s.random.secret()
	if err != nil {
		return Client{}, err
	}
	client := m.client()
	client.ClientID = id
	switch m.TokenEndpointAuthMethod {
	case AuthMethodBasic, AuthMethodPost, AuthMethodSecretJWT:
		client.ClientSecret, err = s.random.secret()
	}
	return client, err
}

// client is the client that the metadata describes, without identifier and secret.
func (m clientMetadata) client() Client {
	client := Client{
		TokenEndpointAuthMethod: m.TokenEndpointAuthMethod, RedirectURIs: m.RedirectURIs, GrantTypes: m.GrantTypes,
		ResponseTypes: m.ResponseTypes, Name: m.ClientName, Scope: m.Scope, PostLogoutRedirectURIs: m.PostLogoutRedirectURIs,
		BackchannelLogoutURI: m.BackchannelLogoutURI, FrontchannelLogoutURI: m.FrontchannelLogoutURI,
		RequirePushedAuthorizationRequests: m.RequirePushedAuthorizationRequests, RequireSignedRequestObject: m.RequireSignedRequestObject,
		DPoPBoundAccessTokens: m.DPoPBoundAccessTokens, TLSClientCertificateBoundAccessTokens: m.TLSClientCertificateBoundAccessTokens,
		UserinfoSignedResponseAlg: m.UserinfoSignedResponseAlg,
	}
	if m.JWKS != nil {
		client.JWKS = *m.JWKS
	}
	return client
}

// cannotServe returns what the client asks for that is not switched on.
func (s *Server) cannotServe(client Client) string {
	for _, g := range client.GrantTypes {
		if !slices.Contains(s.cfg.grantTypes(), g) {
			return "a grant type is not supported"
		}
		if s.cfg.InsecureOpenRegistration && !client.ofDocument && !slices.Contains(openGrants, g) {
			return "clients that register themselves may only use grant types that ask the user"
		}
	}
	if uri := client.BackchannelLogoutURI; uri != "" && !s.cfg.InsecurePrivateAddresses && !mayBePublic(uri) {
		return "backchannel_logout_uri must be https and at a public address"
	}
	for _, t := range client.ResponseTypes {
		if !slices.Contains(s.cfg.responseTypes(), sortedResponseType(t)) {
			return "a response type is not supported"
		}
	}
	if _, ok := narrowScope(client.Scope, strings.Join(s.scopes.names(), " ")); !ok {
		return "the scope is not supported"
	}
	tls := client.TokenEndpointAuthMethod == AuthMethodSelfSignedTLS || client.TLSClientCertificateBoundAccessTokens
	if tls && s.cfg.MutualTLSOrigin == "" {
		return "client certificates are not supported"
	}
	return ""
}
