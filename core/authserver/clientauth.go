package authserver

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// authenticateClient finds the client of a request that authenticates one, and checks that it is who it says
// (RFC 6749 sections 2.3 and 3.2.1).
func (s *Server) authenticateClient(c *call, p params) (Client, error) {
	method, clientID, secret, err := s.credentials(c, p)
	if err != nil {
		return Client{}, err
	}
	client, err := s.cfg.Store.Client(clientID)
	if errors.Is(err, ErrNotFound) {
		return Client{}, s.invalidClient(method)
	}
	if err != nil {
		return Client{}, err
	}
	if !client.checkAuthMethod(method) || (method != AuthMethodNone && !client.checkSecret(secret)) {
		return Client{}, s.invalidClient(method)
	}
	return client, nil
}

func (s *Server) credentials(c *call, p params) (method, clientID, secret string, err error) {
	switch header := c.Header.Values("Authorization"); {
	case len(header) > 1:
		return "", "", "", invalidRequest("more than one Authorization header")
	case len(header) == 1:
		var ok bool
		if clientID, secret, ok = basicCredentials(header[0]); !ok {
			return "", "", "", s.invalidClient(AuthMethodBasic)
		}
		if p["client_secret"] != "" {
			// RFC 6749 section 2.3: no more than one method in a request.
			return "", "", "", invalidRequest("more than one client authentication method")
		}
		if p["client_id"] != "" && p["client_id"] != clientID {
			return "", "", "", invalidRequest("client_id is not the client that authenticates")
		}
		return AuthMethodBasic, clientID, secret, nil
	case p["client_secret"] != "":
		return AuthMethodPost, p["client_id"], p["client_secret"], nil
	}
	return AuthMethodNone, p["client_id"], "", nil
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

// invalidClient is 401 always, and names Basic only to a client that tried it (RFC 6749 section 5.2): a
// browser that meets the challenge on the page's own origin would ask the user for a password.
func (s *Server) invalidClient(tried string) error {
	e := &protocolError{status: http.StatusUnauthorized, code: "invalid_client", description: "client authentication failed"}
	if tried == AuthMethodBasic {
		e.challenges = []string{`Basic realm="` + s.cfg.Issuer + `"`}
	}
	return e
}
