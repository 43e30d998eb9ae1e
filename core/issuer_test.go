package core

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	_ "crypto/sha512" // for the algorithms of 384 and 512 bits
	"encoding/base64"
	"encoding/json"
	"math/big"
	"strings"
)

func unb64(s string) []byte {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// rsaKey is the key of RFC 7515 appendix A.2.
var rsaKey = func() *rsa.PrivateKey {
	num := func(s string) *big.Int { return new(big.Int).SetBytes(unb64(s)) }
	n := num("ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ")
	p := num("4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH_5IB3jw3bcxGn6QLvnEtfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0Hw_Py5PJdTJNPY8cQn7ouZ2KKDcmnPGBY5t7yLc1QlQ5xHdwW1VhvKn-nXqhJTBgIPgtldC-KDV5z-y2XDwGUc")
	k := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: n, E: 65537},
		D:      num("Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwVol2NXOoAJe46sui395IW_GO-pWJ1O0BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn439X0M_V51gfpRLI9JYanrC4D4qAdGcopV_0ZHHzQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl_x_jTj3ccPDVZFD9pIuhLhBOneufuBiB4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQ"),
		Primes: []*big.Int{p, new(big.Int).Div(n, p)}}
	k.Precompute()
	return k
}()

// ecKey makes a key that is the same in every run.
func ecKey(curve elliptic.Curve, name string) *ecdsa.PrivateKey {
	d := sha256.Sum256([]byte(name))
	k, err := ecdsa.ParseRawPrivateKey(curve, append(make([]byte, (curve.Params().BitSize+7)/8-32), d[:]...))
	if err != nil {
		panic(err)
	}
	return k
}

func edKey(name string) ed25519.PrivateKey {
	d := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(d[:])
}

// jwk is the public part of a key, with additional members.
func jwk(key crypto.Signer, more string) string {
	var m string
	switch k := key.(type) {
	case *rsa.PrivateKey:
		m = `"kty":"RSA","n":"` + b64(k.N.Bytes()) + `","e":"AQAB"`
	case *ecdsa.PrivateKey:
		raw, err := k.PublicKey.Bytes()
		if err != nil {
			panic(err)
		}
		n := len(raw) / 2
		m = `"kty":"EC","crv":"` + k.Params().Name + `","x":"` + b64(raw[1:n+1]) + `","y":"` + b64(raw[n+1:]) + `"`
	case ed25519.PrivateKey:
		m = `"kty":"OKP","crv":"Ed25519","x":"` + b64(k.Public().(ed25519.PublicKey)) + `"`
	}
	if more != "" {
		m += "," + more
	}
	return "{" + m + "}"
}

func hashOf(alg string) crypto.Hash {
	return map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}[alg[len(alg)-3:]]
}

// jwt signs claims. header has additional members.
func jwt(key crypto.Signer, alg, header, claims string) string {
	if header != "" {
		header = "," + header
	}
	input := b64([]byte(`{"alg":"`+alg+`"`+header+`}`)) + "." + b64([]byte(claims))
	return input + "." + b64(signText(key, alg, input))
}

// signText makes a signature in the form of RFC 7518.
func signText(key crypto.Signer, alg, input string) (sig []byte) {
	var err error
	digest := func() []byte {
		h := hashOf(alg).New()
		h.Write([]byte(input))
		return h.Sum(nil)
	}
	switch k := key.(type) {
	case *rsa.PrivateKey:
		sig, err = rsa.SignPKCS1v15(nil, k, hashOf(alg), digest())
	case *ecdsa.PrivateKey:
		// Without a source of randomness the signature is deterministic (RFC 6979), so the
		// transcripts do not change.
		der, e := k.Sign(nil, digest(), hashOf(alg))
		err, sig = e, rawSignature(der, (k.Params().BitSize+7)/8)
	case ed25519.PrivateKey:
		sig = ed25519.Sign(k, []byte(input))
	}
	if err != nil {
		panic(err)
	}
	return sig
}

// rawSignature converts the DER of two numbers of less than 128 bytes each to the form of RFC 7518
// section 3.4.
func rawSignature(der []byte, size int) []byte {
	i := 2
	if der[1]&0x80 != 0 {
		i = 3
	}
	out := make([]byte, 2*size)
	for half := range 2 {
		n := int(der[i+1])
		new(big.Int).SetBytes(der[i+2 : i+2+n]).FillBytes(out[half*size : (half+1)*size])
		i += 2 + n
	}
	return out
}

// verifies carries out a verify effect as a host does.
func verifies(m msg) string {
	k := m.M["jwk"].(map[string]any)
	num := func(name string) *big.Int { return new(big.Int).SetBytes(unb64(k[name].(string))) }
	alg, sig, input := m.Str("alg"), m.Str("signature"), m.Str("input")
	raw, err := base64.RawURLEncoding.DecodeString(sig)
	ok := err == nil
	var digest []byte
	if alg != "EdDSA" {
		h := hashOf(alg).New()
		h.Write([]byte(input))
		digest = h.Sum(nil)
	}
	switch {
	case !ok:
	case k["kty"] == "RSA" && strings.HasPrefix(alg, "RS"):
		ok = rsa.VerifyPKCS1v15(&rsa.PublicKey{N: num("n"), E: int(num("e").Int64())}, hashOf(alg), digest, raw) == nil
	case k["kty"] == "EC":
		curve := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}[k["crv"].(string)]
		n := len(raw) / 2
		pub, err := ecdsa.ParseUncompressedPublicKey(curve, append([]byte{4}, append(unb64(k["x"].(string)), unb64(k["y"].(string))...)...))
		ok = err == nil && ecdsa.Verify(pub, digest, new(big.Int).SetBytes(raw[:n]), new(big.Int).SetBytes(raw[n:]))
	case k["kty"] == "OKP":
		ok = ed25519.Verify(unb64(k["x"].(string)), []byte(input), raw)
	default:
		ok = false
	}
	b, _ := json.Marshal(ok)
	return `"ok":{"valid":` + string(b) + `}`
}
