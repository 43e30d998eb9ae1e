package resource

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/base64url"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/issuer"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/jose"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/sha256"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/uri"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// maxJTI is the longest jti of a proof, in bytes.
const maxJTI = 512

// prove checks the DPoP proof for a token that is bound to the key with thumbprint jkt: all of RFC
// 9449 section 4.3, the signature last.
func (k *check) prove(jkt string) {
	if len(k.proofs) != 1 {
		text := "The request needs a proof."
		if len(k.proofs) > 1 {
			text = "The request has more than one proof."
		}
		k.refuseProof(text, because("proofs", ""))
		return
	}
	if len(k.proofs[0]) > maxProof {
		k.refuseProof("The proof is too long.", because("too_large", ""))
		return
	}
	j, ok := jose.Parse(k.proofs[0])
	if !ok {
		k.refuseProof("The proof cannot be read.", because("malformed", ""))
		return
	}
	key := j.Header.Get("jwk")
	kty, crv := jose.KeyType(j.Alg)
	claim := func(name string) string { return j.Claims.Get(name).Str() }
	issued, timed := j.Claims.Get("iat").Int()
	now := k.link.Now
	switch {
	case j.Typ != "dpop+jwt":
		k.refuseProof("The type of the proof is wrong.", because("wrong_type", "").Not("dpop+jwt", j.Typ))
	case !words.Has(k.config.dpopAlgorithms, j.Alg):
		k.refuseProof("The proof is signed with an algorithm that is not taken.", because("alg_not_allowed", "").Not(k.config.dpopAlgorithms, j.Alg))
	case key.Kind() != json.Object || private(key) || key.Get("kty").Str() != kty || key.Get("crv").Str() != crv || weak(key):
		k.refuseProof("The key of the proof does not fit its algorithm.", because("bad_key", "jwk"))
	case claim("jti") == "" || len(claim("jti")) > maxJTI:
		k.refuseProof("The proof has no jti that can be used.", because("missing_claim", "jti"))
	case claim("htm") != k.method:
		k.refuseProof("The proof is for another method.", because("wrong_claim", "htm").Not(k.method, claim("htm")))
	case !k.here(claim("htu")):
		k.refuseProof("The proof is for another URL.", because("wrong_claim", "htu").Not(k.place(), claim("htu")))
	case claim("ath") != k.digest():
		k.refuseProof("The proof is for another access token.", because("wrong_claim", "ath"))
	case jose.Thumbprint(jose.PublicKey(key)) != jkt:
		// The error is about the token: the proof itself may be valid (RFC 9449 section 7.1).
		k.refuse(401, "invalid_token", "The access token is bound to another key.", because("wrong_key", "cnf"))
	case !timed || issued < 0 || issued > link.MaxTime/1000:
		k.refuseProof("The proof has no iat.", because("missing_claim", "iat"))
	case k.config.dpopNonce && !k.fresh(claim("nonce")):
		k.nonce = k.session.newNonce()
		k.refuse(401, "use_dpop_nonce", "The proof needs the nonce of this answer.", because("nonce", ""))
	case !k.config.dpopNonce && (issued*1000 < now-k.config.proofMS-k.config.tolerance || issued*1000 > now+k.config.tolerance):
		// A nonce tells the server the time of the proof (section 4.3, 11).
		f := because("untimely", "iat")
		f.Clocks = issued*1000 - now
		k.refuseProof("The proof is too old, or of a time to come.", f)
	default:
		k.replay.until = issued*1000 + k.config.proofMS + 2*k.config.tolerance
		if k.config.dpopNonce {
			k.replay.until = now + k.config.nonceMS + k.config.tolerance
		}
		k.replay.key = k.config.name + ".jti." + hash(jkt+"\n"+claim("jti"))
		issuer.VerifyBy(k.link, j, jose.PublicKey(key), k.proved)
	}
}

// proved continues if the signature matches the proof's key.
func (k *check) proved(wrong, f *link.Fault) {
	switch {
	case f != nil:
		k.unavailable(f)
	case wrong != nil:
		k.refuseProof("The signature of the proof is wrong.", wrong)
	default:
		k.needed()
	}
}

// private reports whether a JWK has private members, or is a symmetric key (RFC 7518 sections
// 6.2.2, 6.3.2 and 6.4).
func private(key json.Value) bool {
	for _, name := range [...]string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
		if key.Get(name).Kind() != json.None {
			return true
		}
	}
	return false
}

func weak(key json.Value) bool {
	member, _ := jose.WrongKey(key)
	return member != ""
}

// place is the URL of the request, without query and fragment.
func (k *check) place() string { return k.config.origins[len(k.config.origins)-1] + path(k.url) }

// here reports whether a proof is for this request. Only the URL's path is compared, with each of
// the resource's origins, because a host behind a proxy does not know more (RFC 9449 section 4.3,
// with the normalization of RFC 3986 sections 6.2.2 and 6.2.3).
func (k *check) here(htu string) bool {
	htu = normal(uri.Place(htu))
	at := normal(path(k.url))
	for _, o := range k.config.origins {
		if htu == o+at {
			return true
		}
	}
	return false
}

// path returns the path of a URL or of a request target, "/" for none.
func path(s string) string {
	for i := range len(s) {
		if s[i] == '?' || s[i] == '#' {
			s = s[:i]
			break
		}
	}
	if u, ok := uri.Parse(s); ok {
		s = u.Path
	}
	if s == "" || s[0] != '/' {
		s = "/" + s
	}
	return s
}

// normal normalizes escapes: capital letters, and no escape for characters that need none.
func normal(s string) string {
	if words.Index(s, '%') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '%' && i+2 < len(s) && words.HexDigit(s[i+1]) >= 0 && words.HexDigit(s[i+2]) >= 0 {
			switch d := byte(words.HexDigit(s[i+1])<<4 | words.HexDigit(s[i+2])); {
			case d >= 'a' && d <= 'z', d >= 'A' && d <= 'Z', d >= '0' && d <= '9', d == '-', d == '.', d == '_', d == '~':
				b = append(b, d)
			default:
				b = append(b, '%', capital(s[i+1]), capital(s[i+2]))
			}
			i += 2
			continue
		}
		b = append(b, c)
	}
	return string(b)
}

func capital(c byte) byte {
	if c >= 'a' {
		return c - 0x20
	}
	return c
}

// A nonce is the time when it was made, in 5 bytes of seconds, and a MAC of 16 bytes, so no store
// has to know it.
const nonceTime, nonceMark = 5, 16

func (s *session) newNonce() string {
	t := s.link.Now / 1000
	at := []byte{byte(t >> 32), byte(t >> 24), byte(t >> 16), byte(t >> 8), byte(t)}
	return base64url.Encode(append(at, s.mark(s.nonceKeys[0], at)...))
}

func (s *session) mark(key, at []byte) []byte {
	message := append([]byte("dpop nonce\n"+s.config.resource+"\n"), at...)
	return sha256.NewKey(key).HMAC(message)[:nonceMark]
}

// fresh reports whether a nonce is ours and still valid. For one in the second half of its life,
// the answer brings the next nonce (RFC 9449 section 8.2).
func (k *check) fresh(nonce string) bool {
	if len(nonce) != (nonceTime+nonceMark)*4/3 {
		return false
	}
	b, ok := base64url.Decode(nonce)
	if !ok {
		return false
	}
	ours := false
	for _, key := range k.session.nonceKeys {
		different := byte(0)
		for i, c := range k.session.mark(key, b[:nonceTime]) {
			different |= c ^ b[nonceTime+i]
		}
		ours = ours || different == 0
	}
	made := int64(0)
	for _, c := range b[:nonceTime] {
		made = made<<8 | int64(c)
	}
	age := k.link.Now - made*1000
	if !ours || age >= k.config.nonceMS || age < -k.config.tolerance {
		return false
	}
	if age >= k.config.nonceMS/2 {
		k.nonce = k.session.newNonce()
	}
	return true
}
