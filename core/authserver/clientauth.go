package authserver

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// credentials are the client's name and proof in a request.
type credentials struct {
	method, clientID  string
	secret, assertion string
}

// authenticateClient finds and authenticates the client of a request (RFC 6749 sections 2.3 and
// 3.2.1).
func (s *Server) authenticateClient(c *call, p params) (Client, error) {
	cred, err := s.credentials(c, p)
	if err != nil {
		return Client{}, err
	}
	find := s.client
	if cred.secret != "" || cred.method == AuthMethodSecretJWT {
		// No metadata document is read here: a client that has only its document has no secret.
		find = s.registeredClient
	}
	client, err := find(c, cred.clientID)
	if errors.Is(err, ErrNotFound) {
		return Client{}, s.invalidClient(cred.method)
	}
	if err != nil {
		return Client{}, err
	}
	if cred.method == AuthMethodNone && client.TokenEndpointAuthMethod == AuthMethodSelfSignedTLS {
		// RFC 8705 section 2: the request contains only the client's name. The connection
		// authenticates it.
		cred.method = AuthMethodSelfSignedTLS
	}
	ok := client.checkAuthMethod(cred.method)
	if ok {
		switch cred.method {
		case AuthMethodBasic, AuthMethodPost:
			ok = client.checkSecret(cred.secret)
		case AuthMethodPrivateKeyJWT, AuthMethodSecretJWT:
			if ok, err = s.checkAssertion(c, client, cred.method, cred.assertion); err != nil {
				return Client{}, err
			}
		case AuthMethodSelfSignedTLS:
			ok = s.cfg.MutualTLSOrigin != "" && client.hasCertificate(c.CertificateThumbprint)
		}
	}
	if cred.secret != "" || cred.method == AuthMethodSecretJWT {
		// Keys cannot be guessed, so only tries of secrets are counted.
		if err := s.limiter.settle(c, holderClient+client.ClientID, ok); err != nil {
			return Client{}, err
		}
	}
	if !ok {
		return Client{}, s.invalidClient(cred.method)
	}
	return client, nil
}

func (s *Server) credentials(c *call, p params) (credentials, error) {
	header := c.Header.Values("Authorization")
	if len(header) > 1 {
		return credentials{}, invalidRequest("more than one Authorization header")
	}
	asserted := p["client_assertion"] != "" || p["client_assertion_type"] != ""
	if len(header) == 1 && (asserted || p["client_secret"] != "") || asserted && p["client_secret"] != "" {
		// RFC 6749 section 2.3: a request may use only one method.
		return credentials{}, invalidRequest("more than one client authentication method")
	}
	switch {
	case len(header) == 1:
		clientID, secret, ok := basicCredentials(header[0])
		if !ok {
			return credentials{}, s.invalidClient(AuthMethodBasic)
		}
		if p["client_id"] != "" && p["client_id"] != clientID {
			return credentials{}, invalidRequest("client_id is not the client that authenticates")
		}
		return credentials{method: AuthMethodBasic, clientID: clientID, secret: secret}, nil
	case asserted:
		if p["client_assertion_type"] != assertionType {
			return credentials{}, invalidRequest("client_assertion_type is not supported")
		}
		return s.assertionCredentials(p)
	case p["client_secret"] != "":
		return credentials{method: AuthMethodPost, clientID: p["client_id"], secret: p["client_secret"]}, nil
	}
	return credentials{method: AuthMethodNone, clientID: p["client_id"]}, nil
}

// basicCredentials reads HTTP Basic with both halves form-encoded (RFC 6749 section 2.3.1).
func basicCredentials(header string) (clientID, secret string, ok bool) {
	scheme, encoded, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Basic") {
		return "", "", false
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil {
		return "", "", false
	}
	clientID, secret, ok = strings.Cut(string(raw), ":")
	if !ok {
		return "", "", false
	}
	clientID, err = url.QueryUnescape(clientID)
	if err != nil {
		return "", "", false
	}
	secret, err = url.QueryUnescape(secret)
	return clientID, secret, err == nil
}

// invalidClient is always 401, and names Basic only if the client tried it (RFC 6749 section 5.2):
// a browser that gets this challenge for the page's own origin would ask the user for a password.
func (s *Server) invalidClient(tried string) error {
	e := &protocolError{status: http.StatusUnauthorized, code: "invalid_client", description: "client authentication failed"}
	if tried == AuthMethodBasic {
		e.challenges = []string{`Basic realm="` + s.cfg.Issuer + `"`}
	}
	return e
}

// assertionCredentials reads which client an assertion names, and with what kind of key it is
// signed. It verifies nothing.
func (s *Server) assertionCredentials(p params) (credentials, error) {
	var claims assertionClaims
	assertion := p["client_assertion"]
	_, header, err := jwtHeader(assertion, slices.Concat(asymmetricAlgs, secretAlgs))
	if err != nil || unverifiedClaims(assertion, slices.Concat(asymmetricAlgs, secretAlgs), &claims) != nil || claims.Subject == "" {
		return credentials{}, s.invalidClient("")
	}
	if p["client_id"] != "" && p["client_id"] != claims.Subject {
		// RFC 7521 section 4.2.
		return credentials{}, invalidRequest("client_id is not the client that authenticates")
	}
	method := AuthMethodPrivateKeyJWT
	if slices.Contains(secretAlgs, jose.SignatureAlgorithm(header.Algorithm)) {
		method = AuthMethodSecretJWT
	}
	return credentials{method: method, clientID: claims.Subject, assertion: assertion}, nil
}
