//go:build !tinygo

package sha256

import "crypto/sha256"

// Sum is the digest of b.
func Sum(b []byte) []byte {
	d := sha256.Sum256(b)
	return d[:]
}

// A Key computes HMAC-SHA-256 of messages with one key.
type Key struct{ inner, outer [block]byte } // the key, padded

// NewKey makes a key of these bytes.
func NewKey(key []byte) *Key {
	if len(key) > block {
		key = Sum(key)
	}
	k := &Key{}
	copy(k.inner[:], key)
	k.outer = k.inner
	for i := range block {
		k.inner[i] ^= 0x36
		k.outer[i] ^= 0x5c
	}
	return k
}

// HMAC is the HMAC of message. One more block for each half is cheaper than the state that
// crypto/hmac keeps.
func (k *Key) HMAC(message []byte) []byte {
	var buf [4 * block]byte
	d := sha256.Sum256(append(append(buf[:0], k.inner[:]...), message...))
	d = sha256.Sum256(append(append(buf[:0], k.outer[:]...), d[:]...))
	clear(buf[:])
	return d[:]
}

// Forget wipes the key.
func (k *Key) Forget() { *k = Key{} }
