package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/sha256"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/uri"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// maxNonces is of how many servers the last nonce is remembered.
const maxNonces = 16

// newKey makes up the name of a key for a new session; "" where tokens are not bound to one.
func (c *client) newKey() string {
	if !c.dpop {
		return ""
	}
	return c.name + ".key." + c.dpopAlg + "." + c.Random("key", keyRandom)
}

// proof makes a DPoP proof for one request (RFC 9449 section 4.2). access is the token that goes with it, "" at the token endpoint.
func (c *client) proof(key string, create bool, method, url, access string, done func(proof string, f *link.Fault)) {
	c.withKey(key, create, func(jwk string, f *link.Fault) {
		if f != nil {
			done("", f)
			return
		}
		h := json.NewWriter()
		h.Open('{')
		h.MemberStr("typ", "dpop+jwt")
		h.MemberStr("alg", keyAlg(key))
		h.MemberRaw("jwk", jwk)
		h.Close('}')
		w := json.NewWriter()
		w.Open('{')
		c.issuedNow(w)
		w.MemberStr("htm", method)
		w.MemberStr("htu", uri.Place(url)) // without query and fragment
		if access != "" {
			w.MemberStr("ath", sha256.Base64URL(access))
		}
		w.MemberStrIf("nonce", c.nonceFor(url))
		w.Close('}')
		c.sign(key, keyAlg(key), h, w, done)
	})
}

func (c *client) nonceFor(url string) string {
	o := uri.Origin(url)
	for _, n := range c.nonces {
		if n.origin == o {
			return n.nonce
		}
	}
	return ""
}

// noteNonce remembers the nonce that an answer brings; the server of one origin has one (RFC 9449 section 8.2).
func (c *client) noteNonce(url string, headers json.Value) (changed bool) {
	nonce, o := header(headers, "dpop-nonce"), uri.Origin(url)
	if nonce == "" || len(nonce) > 2048 || !words.VSChars(nonce) || o == "" {
		return false
	}
	c.Own(&nonce, &o)
	for i, n := range c.nonces {
		if n.origin == o && n.nonce == nonce {
			return false
		}
		if n.origin == o {
			c.nonces = append(c.nonces[:i], c.nonces[i+1:]...)
			break
		}
	}
	if len(c.nonces) == maxNonces {
		c.nonces = c.nonces[1:]
	}
	c.nonces = append(c.nonces, serverNonce{o, nonce})
	return true
}

// writeNonces adds them to a session that the next request opens anew.
func (c *client) writeNonces(w *json.Writer) {
	var list []form.Param
	for _, n := range c.nonces {
		list = append(list, form.Param{Name: n.origin, Value: n.nonce})
	}
	writeParams(w, "nonces", list)
}

func (c *client) readNonces(v json.Value) {
	list, _ := readParams(v)
	for _, p := range list {
		c.nonces = append(c.nonces, serverNonce{p.Name, p.Value})
	}
}

// wantsNonceIn tells whether an answer refuses the proof for want of a nonce: the authorization server says it in the body (section 8), a resource in its challenge (section 9).
func (r *response) wantsNonceIn() bool {
	const code = "use_dpop_nonce"
	if r.status != 400 && r.status != 401 || header(r.headers, "dpop-nonce") == "" {
		return false
	}
	v, _ := r.read()
	return v.Get("error").Str() == code || readChallenge(r.headers, "dpop").get("error") == code
}
