package wire

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/base64url"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/jose"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// keyFault is a failure of the host's keys as the command's error.
func keyFault(failed string) *link.Fault {
	if failed == "denied" {
		failed = "no_key"
	}
	switch failed {
	case "storage":
		return &link.Fault{Kind: link.KindStorage, Code: failed, Retryable: true}
	case "no_key", "unsupported":
		return &link.Fault{Kind: link.KindClient, Code: failed}
	}
	return &link.Fault{Kind: link.KindClient, Code: "key_failed", Retryable: true}
}

// keyAlg is the algorithm of a key. The key's name contains it, because the configuration may
// change.
func keyAlg(name string) string {
	end := len(name) - keyRandom - 1
	start := end
	for start > 0 && name[start-1] != '.' {
		start--
	}
	return name[max(start, 0):max(end, 0)]
}

// keyRandom is how many random characters a key's name ends with.
const keyRandom = 22

// WithKey asks the host for a public key, and with create also to make the key if there is none.
func (wr *Wire) WithKey(name string, create bool, done func(jwk string, f *link.Fault)) {
	if wr.keyName == name {
		done(wr.keyJWK, nil)
		return
	}
	alg := keyAlg(name)
	w := wr.link.Effect("key")
	w.MemberStr("name", name)
	w.MemberStr("alg", alg)
	if create {
		w.MemberBool("create", true)
	}
	wr.link.Ask(w, func(ok json.Value, failed string) {
		if failed != "" {
			done("", keyFault(failed))
			return
		}
		k := ok.Get("jwk")
		wrong, _ := jose.WrongKey(k)
		if kty, crv := jose.KeyType(alg); k.Get("kty").Str() != kty || k.Get("crv").Str() != crv || wrong != "" {
			done("", keyFault("denied"))
			return
		}
		wr.keyName, wr.keyJWK = name, jose.PublicKey(k)
		done(wr.keyJWK, nil)
	})
}

// DropKey asks the host to delete a key; "" is none.
func (wr *Wire) DropKey(name string) {
	if name == "" {
		return
	}
	if wr.keyName == name {
		wr.keyName = ""
	}
	w := wr.link.Effect("key")
	w.MemberStr("name", name)
	w.MemberStr("alg", keyAlg(name))
	w.MemberBool("delete", true)
	wr.link.Ask(w, func(json.Value, string) {})
}

// Sign makes a JWS in compact form (RFC 7515 section 7.1) with a key of the host's.
func (wr *Wire) Sign(key, alg string, header, claims *json.Writer, done func(jws string, f *link.Fault)) {
	input := base64url.Encode(header.Bytes()) + "." + base64url.Encode(claims.Bytes())
	w := wr.link.Effect("sign")
	w.MemberStr("key", key)
	w.MemberStr("alg", alg)
	w.MemberStr("input", input)
	wr.link.Ask(w, func(ok json.Value, failed string) {
		signature := ok.Get("signature").Str()
		if _, readable := base64url.Decode(signature); failed == "" && (signature == "" || !readable) {
			failed = "internal"
		}
		if failed != "" {
			done("", keyFault(failed))
			return
		}
		done(input+"."+signature, nil)
	})
}

// IssuedNow writes iat and a unique jti.
func (wr *Wire) IssuedNow(w *json.Writer) {
	w.MemberStr("jti", wr.link.Random("jti", 22))
	w.MemberInt("iat", wr.link.Now/1000)
}
