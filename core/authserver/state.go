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
	formKey   []byte // key of the MAC of the interaction tokens in forms
	random    *random
	keys      *keyring
	limiter   *limiter
	wrong     *wrongCodes
	documents *documents

	statsMu sync.Mutex
	stats   Stats
}

// Stats are counts since the server was made.
type Stats struct {
	// TokenRequests counts the requests of authenticated clients at the token endpoint by grant
	// type, including refused ones.
	TokenRequests map[string]int
	// CodeReplays and RefreshReplays count codes (device codes included) and refresh tokens that
	// were used again and whose grants were therefore revoked.
	CodeReplays    int
	RefreshReplays int
	// Revocations counts tokens revoked at the revocation endpoint.
	Revocations int
}

type endpoint struct {
	methods []string
	// cors means that pages of other origins may call it.
	cors bool
	// dpop means that it accepts DPoP proofs, and that its answers carry the nonce.
	dpop   bool
	handle func(*call) (Response, error)
	// keeps means that most of a request is stored, so a request must be short.
	keeps bool
}

const (
	// maxBody is the longest request body, in bytes, and maxKeptBody the longest one of which most
	// is stored.
	maxBody     = 64 << 10
	maxKeptBody = 16 << 10
)

// maxBody is the longest body of a request to the endpoint, in bytes.
func (e endpoint) maxBody() int64 {
	if e.keeps {
		return maxKeptBody
	}
	return maxBody
}

// errNoTime: without the time nothing would ever expire, and no replay would be detected.
var errNoTime = errors.New("authserver: Request.Now is not set")

// accessToken returns ErrNotFound for a token that is unknown, revoked, expired or not an access
// token.
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
