package authserver

import (
	"errors"
	"net/url"
	"sync"
	"time"
)

// Server is an authorization server. Its methods are safe for concurrent use.
type Server struct {
	cfg       Config
	issuer    *url.URL
	scopes    scopes
	endpoints map[string]endpoint
	formKey   []byte // authenticates the interaction tokens in forms
	random    *random
	keys      *keyring
	limiter   *limiter
	wrong     *wrongCodes
	documents *documents

	statsMu sync.Mutex
	stats   Stats
}

// Stats counts what a server has seen since it was made.
type Stats struct {
	// TokenRequests counts requests of authenticated clients at the token endpoint by grant type,
	// refused ones included.
	TokenRequests map[string]int
	// CodeReplays and RefreshReplays count codes, device codes among them, and refresh tokens that
	// came again and revoked their grant.
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

const (
	// maxBody is the most a request body may have, in bytes, and maxKeptBody one of which most is
	// kept.
	maxBody     = 64 << 10
	maxKeptBody = 16 << 10
)

// maxBody is the most that the body of a request may have, in bytes.
func (e endpoint) maxBody() int64 {
	if e.keeps {
		return maxKeptBody
	}
	return maxBody
}

// errNoTime: without the time nothing would ever expire, nor a replay be noticed.
var errNoTime = errors.New("authserver: Request.Now is not set")

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

func (s *Server) count(change func(*Stats)) {
	s.statsMu.Lock()
	defer s.statsMu.Unlock()
	change(&s.stats)
}
