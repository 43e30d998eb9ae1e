package jose

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/sha256"
)

// PublicKey is the public part of a JWK, in the order of its thumbprint (RFC 7638 section 3),
// without all other members, such as private ones.
func PublicKey(k json.Value) string {
	w := json.NewWriter()
	w.Open('{')
	for _, name := range [...]string{"crv", "e", "kty", "n", "x", "y"} {
		w.MemberStrIf(name, k.Get(name).Str())
	}
	w.Close('}')
	return w.String()
}

// Thumbprint is the thumbprint of a result of PublicKey (RFC 7638 section 3).
func Thumbprint(jwk string) string { return sha256.Base64URL(jwk) }

// badKey is the fault for a server's key that cannot be used.
func badKey(kid, member, want string) *link.Fault {
	return link.NotVerified("bad_key", member).Not(want, "key '"+kid+"'")
}

// Pick returns the one key that can have made the signature. If several can, and no kid says which,
// that is a fault (RFC 7515 section 10.7). Keys that must not be used for verification do not
// count.
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
