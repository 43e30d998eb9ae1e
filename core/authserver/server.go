package authserver

import (
	"crypto/ecdsa"
	"crypto/rand"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// New makes a server. Its error names the field of the configuration that is wrong.
func New(cfg Config) (*Server, error) {
	issuer, err := cfg.check()
	if err != nil {
		return nil, err
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.Users = maps.Clone(cfg.Users)
	s := &Server{
		cfg:       cfg,
		issuer:    issuer,
		scopes:    mergeScopes(cfg.Scopes),
		random:    &random{source: cfg.Rand},
		limiter:   newLimiter(cfg.Limits),
		wrong:     &wrongCodes{of: map[string]wrongCount{}},
		documents: newDocuments(),
		stats:     Stats{TokenRequests: map[string]int{}},
	}
	if s.formKey, err = s.random.bytes(32); err != nil {
		return nil, err
	}
	s.keys = &keyring{random: s.random, keep: max(cfg.AccessTokenLifetime, logoutTokenLifetime, idJAGLifetime)}
	if err := s.RotateSigningKey(time.Time{}, cfg.SigningKey); err != nil {
		return nil, err
	}
	s.endpoints = s.routes()
	return s, nil
}

func (s *Server) routes() map[string]endpoint {
	get, post := []string{http.MethodGet, http.MethodHead}, []string{http.MethodPost}
	both := slices.Concat(get, post)
	base := s.issuer.Path
	metadata := endpoint{get, true, false, s.metadata, false}
	all := map[string]endpoint{
		// RFC 8414 section 3.1 appends an issuer's path to the well-known path; other software
		// expects the opposite order.
		metadataPath + base:            metadata,
		base + metadataPath:            metadata,
		base + openIDMetadataPath:      metadata,
		base + jwksPath:                {get, true, false, s.keys.jwks, false},
		base + authorizePath:           {both, false, false, s.authorize, false},
		base + deviceAuthorizationPath: {post, true, false, s.deviceAuthorization, true},
		base + parPath:                 {post, true, true, s.pushedAuthorization, true},
		base + devicePath:              {both, false, false, s.device, false},
		base + endSessionPath:          {both, false, false, s.endSession, false},
		base + tokenPath:               {post, true, true, s.token, false},
		base + revokePath:              {post, true, false, s.revoke, false},
		base + introspectPath:          {post, false, false, s.introspect, false},
		base + userinfoPath:            {both, true, true, s.userinfo, false},
	}
	for _, a := range s.ownResources() {
		answer := func(*call) (Response, error) { return s.ResourceMetadata(a), nil }
		all[resourceMetadataPath+pathOf(a.Resource)] = endpoint{get, true, false, answer, false}
	}
	if s.cfg.registers() {
		all[base+registerPath] = endpoint{post, true, false, s.register, true}
	}
	return all
}

// RotateSigningKey makes the server sign with key from now on, or with a new key if it is nil. The
// public key of the previous one stays published until the last token that it signed has expired.
func (s *Server) RotateSigningKey(now time.Time, key *ecdsa.PrivateKey) error {
	return s.keys.rotate(now, key)
}

// Handle answers one request. Its only input and output are Config.Store, Config.Rand and the
// functions in the Config.
func (s *Server) Handle(r Request) Response {
	if r.Now.IsZero() {
		return asProtocolError(errNoTime).response()
	}
	target, err := url.ParseRequestURI(r.URL)
	if err != nil {
		return invalidRequest("the request target is not a URL").response()
	}
	if target.Scheme == "http" && s.issuer.Scheme == "https" {
		// RFC 6749 sections 3.1 and 3.2 require TLS, so a request without it is not read.
		return badRequest("insecure_transport", "the server is to be reached over https only").response()
	}
	e, ok := s.endpoints[target.Path]
	if !ok {
		notFound := protocolError{status: http.StatusNotFound, code: "invalid_request", description: "there is no such endpoint"}
		return notFound.response()
	}
	var resp Response
	switch {
	case e.cors && r.Method == http.MethodOptions:
		resp = preflight(e.methods)
	case !slices.Contains(e.methods, r.Method):
		refused := protocolError{status: http.StatusMethodNotAllowed, code: "invalid_request", description: "method not allowed"}
		resp = refused.response()
		resp.Header.Set("Allow", strings.Join(e.methods, ", "))
	case int64(len(r.Body)) > e.maxBody():
		// RFC 9126 section 2.3.
		refused := protocolError{status: http.StatusRequestEntityTooLarge, code: "invalid_request", description: "the body is too large"}
		resp = refused.response()
	default:
		resp, err = e.handle(&call{Request: r, target: target, source: countedAddress(r.Source)})
		if err != nil {
			resp = asProtocolError(err).response()
		}
	}
	if e.cors {
		s.allowOrigin(resp.Header, r.Header.Get("Origin"))
	}
	if e.dpop {
		s.offerNonce(resp.Header, r.Now)
	}
	if r.Method == http.MethodHead {
		resp.Body = nil
	}
	return resp
}

// Authenticate returns what a bearer token allows, if it is valid at now. It is for a resource
// server in the same process that accepts only bearer tokens. The caller must check
// Token.Resources, which names the resources to which the token is limited. A token that is bound
// to a key is not accepted (RFC 9449 section 7.2, RFC 8705 section 3), and no token is if the Store
// fails. [Server.CheckAccess] checks a whole request.
func (s *Server) Authenticate(now time.Time, accessToken string) (Token, bool) {
	t, err := s.accessToken(now, accessToken)
	if err != nil || t.JKT != "" || t.X5T != "" {
		return Token{}, false
	}
	return t, true
}

// Stats returns the counts so far.
func (s *Server) Stats() Stats {
	s.statsMu.Lock()
	defer s.statsMu.Unlock()
	stats := s.stats
	stats.TokenRequests = maps.Clone(stats.TokenRequests)
	return stats
}
