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

// Ring holds the keys with which cookies and what is stored are sealed (AES-256-GCM). The newest
// seals, any unseals: a key that is replaced stays in the ring, behind the new one, as long as
// sessions last, so that nobody is signed out. Where several processes share sessions, each of them
// has to have the new key, behind the old one, before the first one seals with it.
//
// Nonces are random, so a key is good for 2^32 texts (NIST SP 800-38D section 8.3).
type Ring struct {
	newest string
	keys   map[string]cipher.AEAD // by id
}

// ErrTampered is a text that was not sealed with a key of the ring, or for another context.
var ErrTampered = errors.New("oauth2: bff: the sealed text was changed, or its key is unknown")

// NewKey makes a key, as ReadRing reads it.
func NewKey() string {
	key := make([]byte, 32)
	rand.Read(key)
	return strings.ToLower(rand.Text()[:8]) + ":" + base64.RawURLEncoding.EncodeToString(key)
}

// ReadRing reads the keys of a ring, the newest first: ID:KEY with commas or white space between
// them. ID, 1 to 32 letters, digits, "-" and "_", is the key's own name; KEY is 32 random bytes in
// base64url. It is the form that every host of this project reads. No error shows a key.
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

// Seal encrypts a text: the key's id, a full stop, and the base64url of nonce, ciphertext and tag.
// The context is authenticated and not kept.
func (r *Ring) Seal(text, context string) string {
	return r.newest + "." + base64.RawURLEncoding.EncodeToString(r.keys[r.newest].Seal(nil, nil, []byte(text), []byte(context)))
}

// Unseal gives the text that was sealed for this context. Its only error is ErrTampered.
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

// decode takes one spelling of base64url only; encoding/base64 passes over line ends.
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
