package jose

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/sha256"
)

// PublicKey is what of a JWK is public and matters, in the order that its thumbprint wants (RFC
// 7638 section 3): the rest of a key, a private part included, is nobody's business.
func PublicKey(k json.Value) string {
	w := json.NewWriter()
	w.Open('{')
	for _, name := range [...]string{"crv", "e", "kty", "n", "x", "y"} {
		w.MemberStrIf(name, k.Get(name).Str())
	}
	w.Close('}')
	return w.String()
}

// Thumbprint is that of what PublicKey gave (RFC 7638 section 3).
func Thumbprint(jwk string) string { return sha256.Base64URL(jwk) }

// badKey says which key of the server's is none, and why.
func badKey(kid, member, want string) *link.Fault {
	return link.NotVerified("bad_key", member).Not(want, "key '"+kid+"'")
}

// Pick gives the one key that can have signed; several is as bad as none where no kid says which
// (RFC 7515 section 10.7). What is no key that anything may be verified with counts as none.
func Pick(keys json.Value, j *JWS) (jwk string, f *link.Fault) {
	kty, crv := KeyType(j.Alg)
	f = link.NotVerified("unknown_key", "").Not("", j.Kid)
	for it := keys.Each(); it.Next(); {
		k := it.Value()
		str := func(name string) string { return k.Get(name).Str() }
		use, alg := str("use"), str("alg")
		if str("kty") != kty || str("crv") != crv || use != "" && use != "sig" || k.Get("key_ops").Kind() == json.Array && !json.Lists(k.Get("key_ops"), "verify") || alg != "" && alg != j.Alg || j.Kid != "" && str("kid") != j.Kid {
			continue
		}
		member, want := WrongKey(k)
		switch {
		case member != "" && jwk == "":
			f = badKey(str("kid"), member, want)
		case member != "":
		case jwk != "":
			return "", link.NotVerified("ambiguous_key", "")
		default:
			jwk, f = PublicKey(k), nil
		}
	}
	return jwk, f
}
