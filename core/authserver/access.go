package authserver

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Access is what a protected resource requires of an access token.
type Access struct {
	// Resource is the resource's identifier, a URL (RFC 9728 section 1.2). A token that is limited
	// to certain resources (RFC 8707) must name it.
	Resource string
	// Scope is the scope that the token must have, separated by spaces.
	Scope string
	// ACRValues are the accepted authentication context classes of the user's sign-in, and MaxAge
	// is how long ago it may have been (RFC 9470). Empty and zero accept any.
	ACRValues []string
	MaxAge    time.Duration
}

// CheckAccess decides about a request to a protected resource in the same process. Its access token
// is a bearer token (RFC 6750) or is bound to a key (RFC 9449). If ok is false, resp is the
// refusal. If ok is true, the resource must add resp's header to its own answer: it holds the nonce
// for the next DPoP proof. A resource for pages of another origin must allow the request header
// DPoP, and expose WWW-Authenticate and DPoP-Nonce. If the request URL has no host, the host of
// Resource is assumed.
func (s *Server) CheckAccess(r Request, want Access) (t Token, resp Response, ok bool) {
	if r.Now.IsZero() {
		return Token{}, asProtocolError(errNoTime).response(), false
	}
	t, err := s.checkAccess(r, want)
	if err != nil {
		resp = asProtocolError(err).response()
	} else {
		resp = Response{Status: http.StatusOK, Header: http.Header{}}
	}
	s.offerNonce(resp.Header, r.Now)
	return t, resp, err == nil
}

func (s *Server) checkAccess(r Request, want Access) (Token, error) {
	header := r.Header.Values("Authorization")
	if len(header) == 0 {
		return Token{}, s.accessNeeded(want)
	}
	scheme, value, _ := strings.Cut(header[0], " ")
	value = strings.TrimSpace(value)
	isDPoP := strings.EqualFold(scheme, tokenTypeDPoP)
	if len(header) > 1 || !isDPoP && !strings.EqualFold(scheme, tokenTypeBearer) {
		return Token{}, s.accessNeeded(want)
	}
	refuse := func(status int, code, description string, more ...string) error {
		return s.accessError(want, isDPoP, status, code, description, more...)
	}
	t, err := s.accessToken(r.Now, value)
	if errors.Is(err, ErrNotFound) {
		return Token{}, refuse(http.StatusUnauthorized, "invalid_token", "the access token is not valid")
	}
	if err != nil {
		return Token{}, err
	}
	if isDPoP != (t.JKT != "") {
		// RFC 9449 section 7.2: a token that is bound to a key is not accepted without a proof of
		// that key.
		return Token{}, refuse(http.StatusUnauthorized, "invalid_token", "the access token is for another authentication scheme")
	}
	var sent proof
	if isDPoP {
		sent, err = s.checkProof(r, s.target(r, want), value)
		if refusal, ok := errors.AsType[*protocolError](err); ok {
			return Token{}, refuse(http.StatusUnauthorized, refusal.code, refusal.description)
		}
		if err != nil {
			return Token{}, err
		}
		if sent.jkt != t.JKT {
			return Token{}, refuse(http.StatusUnauthorized, "invalid_token", "the access token is bound to another key")
		}
	}
	if t.X5T != "" && t.X5T != r.CertificateThumbprint {
		// RFC 8705 section 3.
		return Token{}, refuse(http.StatusUnauthorized, "invalid_token", "the access token is bound to another certificate")
	}
	if len(t.Resources) > 0 && !slices.Contains(t.Resources, want.Resource) {
		return Token{}, refuse(http.StatusUnauthorized, "invalid_token", "the access token is for another resource")
	}
	for name := range strings.FieldsSeq(want.Scope) {
		if !t.HasScope(name) {
			return Token{}, refuse(http.StatusForbidden, "insufficient_scope", "the access token does not cover this")
		}
	}
	weak := len(want.ACRValues) > 0 && !slices.Contains(want.ACRValues, t.ACR)
	if weak || want.MaxAge > 0 && r.Now.Sub(t.AuthTime) > want.MaxAge {
		// RFC 9470 section 3.
		var more []string
		if len(want.ACRValues) > 0 {
			more = append(more, "acr_values", strings.Join(want.ACRValues, " "))
		}
		if want.MaxAge > 0 {
			more = append(more, "max_age", strconv.FormatInt(int64(want.MaxAge/time.Second), 10))
		}
		return Token{}, refuse(http.StatusUnauthorized, "insufficient_user_authentication", "the user has to sign in again or in another way", more...)
	}
	err = s.spendProof(r.Now, sent, ownerOf(t.User, t.ClientID))
	if refusal, ok := errors.AsType[*protocolError](err); ok && refusal.retryAfter == 0 {
		return Token{}, refuse(http.StatusUnauthorized, refusal.code, refusal.description)
	}
	return t, err
}

// target is the URL of a request without its query.
func (s *Server) target(r Request, want Access) string {
	u, err := url.Parse(r.URL)
	if err != nil {
		return ""
	}
	base := s.issuer
	if resource, err := url.Parse(want.Resource); err == nil && resource.Host != "" {
		base = resource
	}
	if u.Host == "" {
		u.Scheme, u.Host = base.Scheme, base.Host
	}
	return u.Scheme + "://" + u.Host + u.EscapedPath()
}

// accessNeeded is the answer to a request without authentication: it names the schemes, and no
// error (RFC 6750 section 3.1).
func (s *Server) accessNeeded(want Access) error {
	return &protocolError{status: http.StatusUnauthorized, code: "invalid_request", description: "an access token is needed",
		challenges: []string{s.challenge(tokenTypeBearer, want), s.challenge(tokenTypeDPoP, want)}}
}

// accessError is the challenge of RFC 6750 section 3 or RFC 9449 section 7.1. more holds names and
// values in turn.
func (s *Server) accessError(want Access, isDPoP bool, status int, code, description string, more ...string) error {
	scheme := tokenTypeBearer
	if isDPoP {
		scheme = tokenTypeDPoP
	}
	challenge := s.challenge(scheme, want, append([]string{"error", code, "error_description", description}, more...)...)
	return &protocolError{status: status, code: code, description: description, challenges: []string{challenge}}
}

// challenge is one value of WWW-Authenticate (RFC 9110 section 11.6.1). No value can contain a
// quote: the values are constants, URLs and scope tokens.
func (s *Server) challenge(scheme string, want Access, pairs ...string) string {
	b := strings.Builder{}
	b.WriteString(scheme + ` realm="` + s.cfg.Issuer + `"`)
	if scheme == tokenTypeDPoP {
		b.WriteString(`, algs="` + algNames(" ") + `"`)
	}
	if metadata := ResourceMetadataURL(want.Resource); metadata != "" {
		b.WriteString(`, resource_metadata="` + metadata + `"`) // RFC 9728 section 5.1
	}
	if want.Scope != "" {
		// RFC 6750 section 3: from this a client without a token learns which scope to ask for.
		b.WriteString(`, scope="` + want.Scope + `"`)
	}
	for i := 0; i < len(pairs); i += 2 {
		b.WriteString(`, ` + pairs[i] + `="` + pairs[i+1] + `"`)
	}
	return b.String()
}

func algNames(separator string) string {
	names := make([]string, len(asymmetricAlgs))
	for i, a := range asymmetricAlgs {
		names[i] = string(a)
	}
	return strings.Join(names, separator)
}

// ResourceMetadata is the answer at [ResourceMetadataURL] (RFC 9728 sections 2 and 3.2). Pages of
// any origin may read it.
func (s *Server) ResourceMetadata(a Access) Response {
	m := map[string]any{
		"resource":                          a.Resource,
		"authorization_servers":             []string{s.cfg.Issuer},
		"bearer_methods_supported":          []string{"header"},
		"dpop_signing_alg_values_supported": asymmetricAlgs,
	}
	if a.Scope != "" {
		m["scopes_supported"] = strings.Fields(a.Scope)
	}
	resp := jsonResponse(http.StatusOK, m)
	resp.Header.Set("Access-Control-Allow-Origin", "*")
	return resp
}
