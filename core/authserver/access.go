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

// Access is what a protected resource asks of an access token.
type Access struct {
	// Resource is the resource's identifier, a URL (RFC 9728 section 1.2). A token for certain
	// resources only (RFC 8707) has to name it.
	Resource string
	// Scope the token must have, separated by spaces.
	Scope string
	// ACRValues are the authentication context classes of which the user's sign-in must have had
	// one, and MaxAge is how long ago it may have been (RFC 9470); empty and zero mean any.
	ACRValues []string
	MaxAge    time.Duration
}

// CheckAccess decides about a request to a protected resource in the same process, whose access
// token is a bearer token (RFC 6750) or bound to a key (RFC 9449). Where ok is false, the response
// is the refusal. Where it is true, its header has what the resource's answer has to carry besides
// its own: the nonce for the next DPoP proof. A resource for pages of another origin has to allow
// the request header DPoP and expose WWW-Authenticate and DPoP-Nonce. A request URL without a host
// is taken to be on that of Resource.
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
		// RFC 9449 section 7.2: a token that is bound to a key is worth nothing without it.
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
		return Token{}, refuse(http.StatusUnauthorized, "insufficient_user_authentication", "the user has to sign in anew or in another way", more...)
	}
	err = s.spendProof(r.Now, sent, ownerOf(t.User, t.ClientID))
	if refusal, ok := errors.AsType[*protocolError](err); ok && refusal.retryAfter == 0 {
		return Token{}, refuse(http.StatusUnauthorized, refusal.code, refusal.description)
	}
	return t, err
}

// target is the address of a request without its query.
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

// accessNeeded tells which schemes there are, and no error, for a request without authentication
// (RFC 6750 section 3.1).
func (s *Server) accessNeeded(want Access) error {
	return &protocolError{status: http.StatusUnauthorized, code: "invalid_request", description: "an access token is needed",
		challenges: []string{s.challenge(tokenTypeBearer, want), s.challenge(tokenTypeDPoP, want)}}
}

// accessError is the challenge of RFC 6750 section 3 or RFC 9449 section 7.1; more is names and
// values.
func (s *Server) accessError(want Access, isDPoP bool, status int, code, description string, more ...string) error {
	scheme := tokenTypeBearer
	if isDPoP {
		scheme = tokenTypeDPoP
	}
	challenge := s.challenge(scheme, want, append([]string{"error", code, "error_description", description}, more...)...)
	return &protocolError{status: status, code: code, description: description, challenges: []string{challenge}}
}

// challenge is one value of WWW-Authenticate (RFC 9110 section 11.6.1). None of the values can hold
// a quote: they are constants, URLs and scope tokens.
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
		// RFC 6750 section 3: a client that has no token yet learns here what to ask for.
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
