package authserver

import (
	"encoding/base64"
	"fmt"
	"io"
	"sync"
)

// random makes secrets.
type random struct {
	mu     sync.Mutex
	source io.Reader
}

// secret returns 256 random bits in base64url. RFC 6749 section 10.10 requires fewer.
func (r *random) secret() (string, error) {
	b, err := r.bytes(32)
	return base64.RawURLEncoding.EncodeToString(b), err
}

func (r *random) bytes(n int) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := make([]byte, n)
	if _, err := io.ReadFull(r.source, b); err != nil {
		return nil, fmt.Errorf("authserver: Config.Rand: %w", err)
	}
	return b, nil
}
