package oauth

import (
	"crypto/rand"
	"encoding/base64"
	"io"
)

// entropySize is what every input carries: the least that the boundary asks for.
const entropySize = 32

// pool draws random bytes in blocks and gives each byte out once. It belongs to one session and is
// used under the lane's lock.
type pool struct {
	source io.Reader
	block  [8 * entropySize]byte
	left   []byte
}

// append adds 32 fresh bytes to dst in base64url without padding and wipes them here.
func (p *pool) append(dst []byte) []byte {
	if len(p.left) < entropySize {
		// If the caller's source fails, crypto/rand replaces it: the engine refuses repeated
		// entropy, and without entropy commands would never be answered.
		if _, err := io.ReadFull(p.source, p.block[:]); err != nil {
			p.source = rand.Reader
			rand.Read(p.block[:])
		}
		p.left = p.block[:]
	}
	draw := p.left[:entropySize]
	p.left = p.left[entropySize:]
	dst = base64.RawURLEncoding.AppendEncode(dst, draw)
	clear(draw)
	return dst
}
