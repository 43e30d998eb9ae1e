package oauth

import (
	"crypto"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/jws"
)

// verifier checks signatures. It caches the last key with the JWK that it was read from: usually
// one key signs all tokens of a session.
type verifier struct {
	s   *session
	jwk string
	key crypto.PublicKey
}

// verify carries out a verify effect. Any mistake of the server, also one in its key, makes the
// signature invalid.
func (v *verifier) verify(e *effect) {
	a, ok := jws.Algorithms[e.Alg]
	if !ok {
		v.s.reply(failed(e.ID, "unsupported"))
		return
	}
	key, id, signed, signature := v.read(e.JWK), e.ID, []byte(e.Input), e.Signature
	v.s.aside(v.s.begin(e, func() {}), true, func() input {
		return answer(id, members(nil).boolean("valid", a.Verify(key, signed, signature)))
	})
}

// read gives the key of a JWK, or nil if it has none.
func (v *verifier) read(jwk []byte) crypto.PublicKey {
	if string(jwk) != v.jwk {
		v.jwk, v.key = string(jwk), jws.ReadKey(jwk)
	}
	return v.key
}
