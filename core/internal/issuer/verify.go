package issuer

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/jose"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// These functions are for resources, which verify the server's tokens for any client.

// Verify verifies a signature with a key that the server publishes now, which is then j.Key. If
// there are no keys at all, the fault says nothing about the signature.
func (i *Issuer) Verify(j *jose.JWS, done func(*link.Fault)) {
	if i.config.JWKS == "" {
		done(i.Absent("jwks_uri"))
		return
	}
	i.verify(j, func(f *link.Fault) {
		if f != nil && f.Kind == link.KindIDToken && i.keys.list.Kind() == json.None {
			f = link.NetworkFault("network")
		}
		done(f)
	})
}

// KeyOf returns the key with which Verify would verify a signature, or "" if no key fits or the
// keys have to be fetched first.
func (i *Issuer) KeyOf(j *jose.JWS) (jwk string) {
	if i.keysGood() {
		jwk, _ = i.pick(j)
	}
	return jwk
}

// RenewKeys fetches the server's keys again if they are older than age ms, and no fetch was tried
// within a minute.
func (i *Issuer) RenewKeys(age int64) (begun bool) {
	s := &i.keys
	if s.list.Kind() == json.None || i.link.Recent(s.at, age) || i.link.Recent(s.tried, KeysLimit) || len(s.waiting) > 0 {
		return false
	}
	i.fetchKeys(func(*link.Fault) {})
	return true
}

// VerifyBy asks the host to verify a signature with a key that came with it, as in a proof. wrong
// is the verdict; f says why there is none.
func VerifyBy(l *link.Link, j *jose.JWS, jwk string, done func(wrong, f *link.Fault)) {
	askVerify(l, j, jwk, func(ok json.Value, failed string) {
		switch {
		case failed != "":
			done(nil, &link.Fault{Kind: link.KindClient, Code: failed})
		case !ok.Get("valid").True():
			done(link.NotVerified("bad_signature", ""), nil)
		default:
			done(nil, nil)
		}
	})
}
