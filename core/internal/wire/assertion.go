//go:build !page

package wire

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/base64url"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/config"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/sha256"
)

// assertionLife is how long a client assertion is valid, in s.
const assertionLife = 60

// assert adds the client assertion, signed with its secret or its key (RFC 7523 section 2.2).
func (wr *Wire) assert(method string, add func(name, value string), done func(*link.Fault)) {
	signed := func(jwt string, f *link.Fault) {
		wr.LastAssertion = jwt
		add("client_id", wr.config.ClientID) // RFC 7521 section 4.2 allows it, and some servers require it
		add("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		add("client_assertion", jwt)
		done(f)
	}
	if method == config.AuthPrivateJWT {
		h, claims := wr.assertion(wr.config.AuthAlg)
		wr.Sign(wr.config.ClientKey, wr.config.AuthAlg, h, claims, signed)
		return
	}
	h, claims := wr.assertion("HS256")
	input := base64url.Encode(h.Bytes()) + "." + base64url.Encode(claims.Bytes())
	key := sha256.NewKey([]byte(wr.config.ClientSecret))
	signed(input+"."+base64url.Encode(key.HMAC([]byte(input))), nil)
}

// assertion is the client assertion (RFC 7523 section 3, OpenID Connect Core section 9). Its
// audience is the issuer, so that no other server can use it.
func (wr *Wire) assertion(alg string) (header, claims *json.Writer) {
	w := json.NewWriter()
	w.Open('{')
	w.MemberStr("iss", wr.config.ClientID)
	w.MemberStr("sub", wr.config.ClientID)
	audience := wr.config.AssertionAudience
	if audience == "" {
		audience = wr.config.Issuer
	}
	if audience == "" {
		audience = wr.config.TokenEndpoint
	}
	w.MemberStr("aud", audience)
	wr.IssuedNow(w)
	w.MemberInt("exp", wr.link.Now/1000+assertionLife)
	w.Close('}')
	return wr.JOSEHeader(alg, ""), w
}

// JOSEHeader is the header for signatures with the client's own key.
func (wr *Wire) JOSEHeader(alg, typ string) *json.Writer {
	h := json.NewWriter()
	h.Open('{')
	h.MemberStr("alg", alg)
	h.MemberStrIf("typ", typ)
	if alg != "HS256" {
		h.MemberStrIf("kid", wr.config.ClientKeyID)
	}
	h.Close('}')
	return h
}
