package backend

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Ring holds the keys with which cookies and stored texts are sealed (AES-256-GCM). The newest key
// seals, any key unseals. To rotate, put a new key in front and keep the old one behind it for as
// long as sessions last; then nobody is signed out. If several processes share sessions, first add
// the new key behind the old one in all of them, before the first one seals with it.
//
// Nonces are random, so a key may be used for 2^32 texts (NIST SP 800-38D section 8.3).
type Ring struct {
	newest string
	keys   map[string]cipher.AEAD // by key id
}

// ErrTampered means that a text was not sealed with a key of the ring, or was sealed for another
// context.
var ErrTampered = errors.New("oauth2: bff: the sealed text was changed, or its key is unknown")

// NewKey makes a key in the form of ReadRing.
func NewKey() string {
	key := make([]byte, 32)
	rand.Read(key)
	return strings.ToLower(rand.Text()[:8]) + ":" + base64.RawURLEncoding.EncodeToString(key)
}

// ReadRing reads the keys of a ring, the newest first, as ID:KEY, separated by commas or white
// space. ID is the key's name: 1 to 32 letters, digits, "-" and "_". KEY is 32 random bytes in
// base64url. All hosts of this project read this form. No error contains a key.
func ReadRing(text string) (*Ring, error) {
	r := &Ring{keys: map[string]cipher.AEAD{}}
	for i, one := range strings.FieldsFunc(text, func(c rune) bool { return strings.ContainsRune(", \t\r\n", c) }) {
		id, encoded, _ := strings.Cut(one, ":")
		key, err := decode(strings.TrimSuffix(encoded, "="))
		if !isWord(id) || len(id) > 32 || err != nil || len(key) != 32 {
			return nil, fmt.Errorf("oauth2: bff: key %d of the ring is not ID:KEY, where KEY is 32 bytes in base64url", i+1)
		}
		if r.keys[id] != nil {
			return nil, fmt.Errorf("oauth2: bff: two keys of the ring are called %s", id)
		}
		block, err := aes.NewCipher(key)
		clear(key)
		if err != nil {
			return nil, fmt.Errorf("oauth2: bff: %w", err)
		}
		if r.keys[id], err = cipher.NewGCMWithRandomNonce(block); err != nil {
			return nil, fmt.Errorf("oauth2: bff: %w", err)
		}
		if r.newest == "" {
			r.newest = id
		}
	}
	if r.newest == "" {
		return nil, errors.New("oauth2: bff: the ring has no key")
	}
	return r, nil
}

// Seal encrypts a text. The result is the key's id, a full stop, and the base64url of nonce,
// ciphertext and tag. The context is authenticated and not included.
func (r *Ring) Seal(text, context string) string {
	return r.newest + "." + base64.RawURLEncoding.EncodeToString(r.keys[r.newest].Seal(nil, nil, []byte(text), []byte(context)))
}

// Unseal decrypts a text that was sealed for this context. Its only error is ErrTampered.
func (r *Ring) Unseal(sealed, context string) (string, error) {
	id, encoded, _ := strings.Cut(sealed, ".")
	key := r.keys[id]
	raw, err := decode(encoded)
	if key == nil || err != nil {
		return "", ErrTampered
	}
	text, err := key.Open(nil, nil, raw, []byte(context))
	if err != nil || !utf8.Valid(text) {
		return "", ErrTampered
	}
	return string(text), nil
}

// decode accepts only the canonical base64url; encoding/base64 ignores line ends.
func decode(s string) ([]byte, error) {
	if !isWord(s) {
		return nil, ErrTampered
	}
	return base64.RawURLEncoding.Strict().DecodeString(s)
}

func isWord(s string) bool {
	for i := range len(s) {
		if c := s[i]; !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return s != ""
}
