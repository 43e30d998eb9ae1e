package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/jose"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// What core/resource needs of a client inside, besides commands: what is known of the authorization server.

// Discovered goes on once the server's endpoints are known. Where they are known but old, they are read again meanwhile.
func (in *Client) Discovered(then func(*link.Fault)) { in.c.discovered(then) }

// Issuer is the server's issuer, as it writes itself once it was discovered; tenant fills the hole of the template, where there is one.
func (in *Client) Issuer(tenant string) string { return in.c.tenantIssuer(tenant) }

// Verify has a signature verified by a key that the server publishes now. Where there are no keys at all the fault is no verdict on the signature.
func (in *Client) Verify(j *jose.JWS, done func(*link.Fault)) {
	c := in.c
	if c.jwks == "" {
		done(c.absent("jwks_uri"))
		return
	}
	c.verify(j, func(f *link.Fault) {
		if f != nil && f.Kind == link.KindIDToken && c.keySet.keys.Kind() == json.None {
			f = link.NetworkFault("network")
		}
		done(f)
	})
}

// RenewKeys reads the server's keys again where they are older than so many ms, and it was not tried within a minute. done comes only where they are read.
func (in *Client) RenewKeys(age int64, done func(*link.Fault)) (begun bool) {
	c := in.c
	s := &c.keySet
	if s.keys.Kind() == json.None || recent(c.Now, s.at, age) || recent(c.Now, s.tried, jwksLimit) || len(s.waiting) > 0 {
		return false
	}
	c.fetchKeys(done)
	return true
}

// AskVerify has the host verify a signature by a key that came with it, as a proof's does; wrong is the verdict, f why there is none.
func (in *Client) AskVerify(j *jose.JWS, jwk string, done func(wrong, f *link.Fault)) {
	in.c.askVerify(j, jwk, done)
}
