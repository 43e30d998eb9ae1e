package wire

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/sha256"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/uri"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// maxNonces is the number of servers whose last nonce is remembered.
const maxNonces = 16

// NewKey makes a name for the key of a new session; "" if tokens are not bound to keys.
func (wr *Wire) NewKey() string {
	if !wr.config.DPoP {
		return ""
	}
	return wr.config.Name + ".key." + wr.config.DPoPAlg + "." + wr.link.Random("key", keyRandom)
}

// Proof makes a DPoP proof for one request (RFC 9449 section 4.2). access is the token that goes
// with it, "" at the token endpoint.
func (wr *Wire) Proof(key string, create bool, method, url, access string, done func(proof string, f *link.Fault)) {
	wr.WithKey(key, create, func(jwk string, f *link.Fault) {
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
		wr.IssuedNow(w)
		w.MemberStr("htm", method)
		w.MemberStr("htu", uri.Place(url)) // without query and fragment
		if access != "" {
			w.MemberStr("ath", sha256.Base64URL(access))
		}
		w.MemberStrIf("nonce", wr.nonceFor(url))
		w.Close('}')
		wr.Sign(key, keyAlg(key), h, w, done)
	})
}

func (wr *Wire) nonceFor(url string) string {
	o := uri.Origin(url)
	for _, n := range wr.Nonces {
		if n.origin == o {
			return n.nonce
		}
	}
	return ""
}

// NoteNonce remembers the nonce in an answer. Each origin has one nonce (RFC 9449 section 8.2).
func (wr *Wire) NoteNonce(url string, headers json.Value) (changed bool) {
	nonce, o := header(headers, "dpop-nonce"), uri.Origin(url)
	if nonce == "" || len(nonce) > 2048 || !words.VSChars(nonce) || o == "" {
		return false
	}
	wr.link.Own(&nonce, &o)
	for i, n := range wr.Nonces {
		if n.origin == o && n.nonce == nonce {
			return false
		}
		if n.origin == o {
			wr.Nonces = append(wr.Nonces[:i], wr.Nonces[i+1:]...)
			break
		}
	}
	if len(wr.Nonces) == maxNonces {
		wr.Nonces = wr.Nonces[1:]
	}
	wr.Nonces = append(wr.Nonces, serverNonce{o, nonce})
	return true
}

// WriteNonces writes the nonces for a session that the next request opens again.
func (wr *Wire) WriteNonces(w *json.Writer) {
	var list []form.Param
	for _, n := range wr.Nonces {
		list = append(list, form.Param{Name: n.origin, Value: n.nonce})
	}
	link.WriteParams(w, "nonces", list)
}

// ReadNonces reads the output of WriteNonces.
func (wr *Wire) ReadNonces(v json.Value) {
	list, _ := link.ReadParams(v)
	for _, p := range list {
		wr.Nonces = append(wr.Nonces, serverNonce{p.Name, p.Value})
	}
}

// wantsNonceIn reports whether an answer refuses the proof because it needs a nonce: the
// authorization server says so in the body (section 8), a resource in its challenge (section 9).
func (r *Response) wantsNonceIn() bool {
	const code = "use_dpop_nonce"
	if r.Status != 400 && r.Status != 401 || header(r.headers, "dpop-nonce") == "" {
		return false
	}
	v, _ := r.read()
	return v.Get("error").Str() == code || ReadChallenge(r.headers, "dpop").Get("error") == code
}
