package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/jose"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// What core/resource needs of a client inside, besides commands: what is known of the authorization server.

// Discovered goes on once the server's endpoints are known. Where they are known but old, they are read again meanwhile.
func (in *Client) Discovered(then func(*link.Fault)) { in.c.issuer.discovered(then) }

// Issuer is the server's issuer, as it writes itself once it was discovered; tenant fills the hole of the template, where there is one.
func (in *Client) Issuer(tenant string) string { return in.c.issuer.tenantIssuer(tenant) }

// Verify has a signature verified by a key that the server publishes now. Where there are no keys at all the fault is no verdict on the signature.
func (in *Client) Verify(j *jose.JWS, done func(*link.Fault)) {
	i := &in.c.issuer
	if i.config.jwks == "" {
		done(i.absent("jwks_uri"))
		return
	}
	i.verify(j, func(f *link.Fault) {
		if f != nil && f.Kind == link.KindIDToken && i.keys.list.Kind() == json.None {
			f = link.NetworkFault("network")
		}
		done(f)
	})
}

// RenewKeys reads the server's keys again where they are older than so many ms, and it was not tried within a minute.
func (in *Client) RenewKeys(age int64) (begun bool) {
	i := &in.c.issuer
	s, now := &i.keys, i.link.Now
	if s.list.Kind() == json.None || recent(now, s.at, age) || recent(now, s.tried, jwksLimit) || len(s.waiting) > 0 {
		return false
	}
	i.fetchKeys(func(*link.Fault) {})
	return true
}

// VerifyBy has the host verify a signature by a key that came with it, as a proof's does; wrong is the verdict, f why there is none.
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
