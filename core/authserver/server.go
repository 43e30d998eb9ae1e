package authserver

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Server is an authorization server. Its methods are safe for concurrent use.
type Server struct {
	cfg       Config
	issuer    *url.URL
	scopes    []Scope
	endpoints map[string]endpoint
	formKey   []byte // authenticates the interaction tokens in forms

	randMu sync.Mutex

	keysMu sync.Mutex
	keys   []signingKey // the one that signs, and retired ones

	statsMu sync.Mutex
	stats   Stats

	wrongMu sync.Mutex
	wrong   map[string]wrongCodes // by username

	counts counts // of what is kept
	known  counts // addresses from which a secret was right
}

// Stats counts what a server has seen since it was made.
type Stats struct {
	// TokenRequests counts requests of authenticated clients at the token endpoint by grant type,
	// refused ones included.
	TokenRequests map[string]int
	// CodeReplays and RefreshReplays count codes, device codes among them, and refresh tokens that came
	// again and revoked their grant.
	CodeReplays    int
	RefreshReplays int
	// Revocations counts tokens revoked at the revocation endpoint.
	Revocations int
}

type endpoint struct {
	methods []string
	// cors tells that a page of another origin may call it.
	cors bool
	// dpop tells that it takes DPoP proofs, for which its answers carry the nonce.
	dpop   bool
	handle func(*call) (Response, error)
	// keeps tells that most of what a request says is kept, so that it has to be short.
	keeps bool
}

// maxBody is the most that the body of a request may have, in bytes.
func (e endpoint) maxBody() int64 {
	if e.keeps {
		return maxKeptBody
	}
	return maxBody
}

// New makes a server. The error names the field of the configuration that is at fault.
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
		cfg:     cfg,
		issuer:  issuer,
		scopes:  mergeScopes(cfg.Scopes),
		formKey: make([]byte, 32),
		stats:   Stats{TokenRequests: map[string]int{}},
		wrong:   map[string]wrongCodes{},
		counts:  counts{until: map[Digest]time.Time{}},
		known:   counts{until: map[Digest]time.Time{}},
	}
	if _, err := io.ReadFull(cfg.Rand, s.formKey); err != nil {
		return nil, fmt.Errorf("authserver: Config.Rand: %w", err)
	}
	if err := s.RotateSigningKey(time.Time{}, cfg.SigningKey); err != nil {
		return nil, err
	}
	s.endpoints = s.routes()
	return s, nil
}

func mergeScopes(more []Scope) []Scope {
	scopes := slices.Clone(builtinScopes)
	for _, m := range more {
		same := func(s Scope) bool { return s.Name == m.Name }
		if i := slices.IndexFunc(scopes, same); i >= 0 {
			scopes[i] = m
		} else {
			scopes = append(scopes, m)
		}
	}
	return scopes
}

func (s *Server) routes() map[string]endpoint {
	get, post := []string{http.MethodGet, http.MethodHead}, []string{http.MethodPost}
	both := slices.Concat(get, post)
	base := s.issuer.Path
	metadata := endpoint{get, true, false, s.metadata, false}
	all := map[string]endpoint{
		// RFC 8414 section 3.1 puts an issuer's path behind the well-known one; other software
		// looks for it the other way around.
		metadataPath + base:            metadata,
		base + metadataPath:            metadata,
		base + openIDMetadataPath:      metadata,
		base + jwksPath:                {get, true, false, s.jwks, false},
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
	if s.registers() {
		all[base+registerPath] = endpoint{post, true, false, s.register, true}
	}
	return all
}

// errNoTime: without the time nothing would ever expire, nor a replay be noticed.
var errNoTime = errors.New("authserver: Request.Now is not set")

// Handle answers one request. It does no input or output but through Config.Store and Config.Rand.
func (s *Server) Handle(r Request) Response {
	if r.Now.IsZero() {
		return asProtocolError(errNoTime).response()
	}
	target, err := url.ParseRequestURI(r.URL)
	if err != nil {
		return invalidRequest("the request target is not a URL").response()
	}
	if target.Scheme == "http" && s.issuer.Scheme == "https" {
		// RFC 6749 sections 3.1 and 3.2 require TLS; what came without is not looked at.
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

// Authenticate returns what a bearer token is good for, if it is valid at now. It is for a resource server in the same process that takes
// no other; a token for certain resources says so in Token.Resources, which is for the caller to look at. A token that is bound to a key counts as none (RFC 9449 section 7.2, RFC 8705 section 3), and so does any that a Store cannot tell of.
// [Server.CheckAccess] judges a whole request.
func (s *Server) Authenticate(now time.Time, accessToken string) (Token, bool) {
	t, err := s.accessToken(now, accessToken)
	if err != nil || t.JKT != "" || t.X5T != "" {
		return Token{}, false
	}
	return t, true
}

// accessToken returns ErrNotFound for a token that is unknown, revoked, expired or no access token.
func (s *Server) accessToken(now time.Time, value string) (Token, error) {
	digest := DigestOf(value)
	t, err := s.cfg.Store.Token(digest)
	if err != nil {
		return Token{}, err
	}
	if t.Access != digest || t.Revoked || t.IsExpired(now) {
		return Token{}, ErrNotFound
	}
	return t.Token, nil
}

// Stats returns the counts so far.
func (s *Server) Stats() Stats {
	s.statsMu.Lock()
	defer s.statsMu.Unlock()
	stats := s.stats
	stats.TokenRequests = maps.Clone(stats.TokenRequests)
	return stats
}

func (s *Server) count(change func(*Stats)) {
	s.statsMu.Lock()
	defer s.statsMu.Unlock()
	change(&s.stats)
}

// secret returns 256 random bits, more than RFC 6749 section 10.10 asks for, in base64url.
func (s *Server) secret() (string, error) {
	b, err := s.random(32)
	return base64.RawURLEncoding.EncodeToString(b), err
}

func (s *Server) random(n int) ([]byte, error) {
	s.randMu.Lock()
	defer s.randMu.Unlock()
	b := make([]byte, n)
	if _, err := io.ReadFull(s.cfg.Rand, b); err != nil {
		return nil, fmt.Errorf("authserver: Config.Rand: %w", err)
	}
	return b, nil
}
