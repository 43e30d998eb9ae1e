// Package jose reads signed JWTs and keys (RFC 7515, RFC 7517, RFC 7518), and says which keys may
// be used at all. It makes and verifies no signatures; hosts do.
package jose

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/base64url"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/sha2"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/sha256"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// A JWS is a JSON Web Signature in compact form (RFC 7515 section 7.1). Its signature is not
// verified yet.
type JWS struct {
	Alg, Kid, Typ    string
	Header, Claims   json.Value
	Input, Signature string
	Key              string // the JWK that was chosen to verify it
}

// Parse reads a JWS. It refuses unknown critical members (section 4.1.11), payloads that are not a
// JSON object, and signatures that are not base64url.
func Parse(s string) (j *JWS, ok bool) {
	i := words.Index(s, '.')
	if i < 0 {
		return nil, false
	}
	k := i + 1 + words.Index(s[i+1:], '.')
	if k <= i || words.Index(s[k+1:], '.') >= 0 {
		return nil, false
	}
	header, ok := part(s[:i])
	if !ok || header.Get("crit").Kind() != json.None || header.Get("b64").Kind() != json.None {
		return nil, false
	}
	j = &JWS{Header: header, Alg: header.Get("alg").Str(), Kid: header.Get("kid").Str(), Typ: header.Get("typ").Str(), Input: s[:k], Signature: s[k+1:]}
	j.Claims, ok = part(s[i+1 : k])
	_, readable := base64url.Decode(j.Signature)
	return j, ok && readable && j.Alg != ""
}

func part(s string) (v json.Value, ok bool) {
	b, ok := base64url.Decode(s)
	if !ok {
		return v, false
	}
	v, ok = json.Parse(string(b))
	return v, ok && v.Kind() == json.Object
}

// Algorithms are those of RFC 7518 section 3.1 and RFC 8037 that hosts can verify.
const Algorithms = "RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519"

// KeyType is the required type of a key for the algorithm: kty, and crv if there is one.
func KeyType(alg string) (kty, crv string) {
	switch alg {
	case "ES256":
		return "EC", "P-256"
	case "ES384":
		return "EC", "P-384"
	case "ES512":
		return "EC", "P-521"
	case "EdDSA", "Ed25519":
		return "OKP", "Ed25519"
	}
	return "RSA", ""
}

// HalfHash makes at_hash and c_hash (OpenID Connect Core section 3.1.3.6): the left half of the
// digest that the algorithm uses.
func HalfHash(alg, s string) string {
	var d []byte
	switch {
	case alg == "EdDSA" || alg == "Ed25519" || alg[len(alg)-3:] == "512":
		d = sha2.Sum512(s)
	case alg[len(alg)-3:] == "384":
		d = sha2.Sum384(s)
	default:
		d = sha256.Sum([]byte(s))
	}
	return base64url.Encode(d[:len(d)/2])
}
