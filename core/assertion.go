//go:build !page

package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/base64url"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/sha256"
)

// assertionLife is how long a client assertion is good for, in s.
const assertionLife = 60

// assert adds what a client says of itself, signed with its secret or its key (RFC 7523 section 2.2).
func (c *client) assert(method string, add func(name, value string), done func(*link.Fault)) {
	signed := func(jwt string, f *link.Fault) {
		c.lastAssertion = jwt
		add("client_id", c.clientID) // RFC 7521 section 4.2 allows it, some servers want it
		add("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		add("client_assertion", jwt)
		done(f)
	}
	if method == authPrivateJWT {
		h, claims := c.assertion(c.authAlg)
		c.sign(c.clientKey, c.authAlg, h, claims, signed)
		return
	}
	h, claims := c.assertion("HS256")
	input := base64url.Encode(h.Bytes()) + "." + base64url.Encode(claims.Bytes())
	key := sha256.NewKey([]byte(c.clientSecret))
	signed(input+"."+base64url.Encode(key.HMAC([]byte(input))), nil)
}

// assertion is what a client says of itself (RFC 7523 section 3, OpenID Connect Core section 9). It is for the issuer: one that another server could use elsewhere is worth stealing.
func (c *client) assertion(alg string) (header, claims *json.Writer) {
	w := json.NewWriter()
	w.Open('{')
	w.MemberStr("iss", c.clientID)
	w.MemberStr("sub", c.clientID)
	audience := c.assertionAudience
	if audience == "" {
		audience = c.issuer
	}
	if audience == "" {
		audience = c.config.token
	}
	w.MemberStr("aud", audience)
	c.issuedNow(w)
	w.MemberInt("exp", c.Now/1000+assertionLife)
	w.Close('}')
	return c.joseHeader(alg, ""), w
}

// joseHeader is the header of what the client's own key signs.
func (c *config) joseHeader(alg, typ string) *json.Writer {
	h := json.NewWriter()
	h.Open('{')
	h.MemberStr("alg", alg)
	h.MemberStrIf("typ", typ)
	if alg != "HS256" {
		h.MemberStrIf("kid", c.clientKeyID)
	}
	h.Close('}')
	return h
}
