package authserver

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// signingKey is a key that signs, or that signed until it was retired.
type signingKey struct {
	private *ecdsa.PrivateKey
	jwk     jose.JSONWebKey
	// until is when the last token that it signed has expired; zero while it signs.
	until time.Time
}

// keyring holds the signing key and retired ones.
type keyring struct {
	random *random
	keep   time.Duration // the longest time for which a signed token is valid

	mu   sync.Mutex
	keys []signingKey
}

// rotate makes the keyring sign with key from now on, or with a new one if it is nil.
func (r *keyring) rotate(now time.Time, key *ecdsa.PrivateKey) error {
	next, err := r.newKey(key)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.ContainsFunc(r.keys, func(k signingKey) bool { return k.jwk.KeyID == next.jwk.KeyID }) {
		return errors.New("authserver: the signing key was in use before")
	}
	if len(r.keys) > 0 {
		r.keys[0].until = now.Add(r.keep)
	}
	r.keys = slices.Insert(r.keys, 0, next)
	return nil
}

func (r *keyring) newKey(key *ecdsa.PrivateKey) (signingKey, error) {
	if key == nil {
		b, err := r.random.bytes(40)
		if err != nil {
			return signingKey{}, err
		}
		// FIPS 186-5 appendix A.2.1: the random number has 64 bits more than the key, so the
		// remainder is practically uniform.
		one := big.NewInt(1)
		d := new(big.Int).SetBytes(b)
		d.Mod(d, new(big.Int).Sub(elliptic.P256().Params().N, one)).Add(d, one)
		if key, err = ecdsa.ParseRawPrivateKey(elliptic.P256(), d.FillBytes(make([]byte, 32))); err != nil {
			return signingKey{}, err
		}
	}
	if key.Curve != elliptic.P256() {
		return signingKey{}, errors.New("authserver: the signing key must be on the curve P-256")
	}
	jwk := jose.JSONWebKey{Key: key.Public(), Algorithm: string(signingAlg), Use: "sig"}
	thumbprint, err := jwk.Thumbprint(crypto.SHA256)
	if err != nil {
		return signingKey{}, err
	}
	jwk.KeyID = base64.RawURLEncoding.EncodeToString(thumbprint) // RFC 7638
	return signingKey{private: key, jwk: jwk}, nil
}

// jwks is the JWK Set (RFC 7517 section 5) with the keys of all ID tokens that are still valid.
func (r *keyring) jwks(c *call) (Response, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys = slices.DeleteFunc(r.keys, func(k signingKey) bool { return !k.until.IsZero() && !c.Now.Before(k.until) })
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, k := range r.keys {
		set.Keys = append(set.Keys, k.jwk)
	}
	return jsonResponse(http.StatusOK, set), nil
}

// verify decodes the claims of a token that this server signed with a key that it still knows.
func (r *keyring) verify(token, typ string, claims any) error {
	r.mu.Lock()
	keys := make([]jose.JSONWebKey, len(r.keys))
	for i, k := range r.keys {
		keys[i] = k.jwk
	}
	r.mu.Unlock()
	header, err := verifyJWT(token, []jose.SignatureAlgorithm{signingAlg}, keys, claims)
	if err == nil && headerType(header) != typ {
		err = errJWT
	}
	return err
}

// sign makes a JSON Web Signature of the claims (RFC 7515 section 7.1). The signature's nonce is
// derived from key and text (RFC 6979), so that the same request gives the same answer.
func (r *keyring) sign(typ string, claims any) (string, error) {
	r.mu.Lock()
	key := r.keys[0]
	r.mu.Unlock()
	header, err := json.Marshal(map[string]string{"alg": string(signingAlg), "kid": key.jwk.KeyID, "typ": typ})
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	input := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(payload)
	digest := sha256.Sum256([]byte(input))
	der, err := key.private.Sign(nil, digest[:], crypto.SHA256)
	if err != nil {
		return "", err
	}
	var signature struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &signature); err != nil {
		return "", err
	}
	raw := make([]byte, 64)
	signature.R.FillBytes(raw[:32])
	signature.S.FillBytes(raw[32:])
	return input + "." + base64.RawURLEncoding.EncodeToString(raw), nil
}
